/// What the host asks for, as a guest takes it in (docs/protocol.md §3). Input files are not kept here: a guest writes them
/// as their bytes arrive.
public struct JobSpecification {
    /// Arguments and environment together: what exec accepts at most (Linux's ARG_MAX under an 8 MiB stack).
    public static let maximumTextBytes = 2 << 20
    public static let maximumOutputs = 4096

    public struct Output: Sendable {
        public var index: UInt32
        public var path: [UInt8]

        public init(index: UInt32, path: [UInt8]) {
            self.index = index
            self.path = path
        }
    }

    public var begin = HostMessage.Begin(isInputConnected: false, user: 0, group: 0)
    public private(set) var arguments: [[UInt8]] = []
    public private(set) var environment: [[UInt8]] = []
    public var workingDirectory: [UInt8] = [UInt8(ascii: "/")]
    /// Of the job's terminal; nil: unknown, which programs see as 0 by 0.
    public var windowSize: HostMessage.WindowSize?
    public private(set) var outputs: [Output] = []
    private var textBytes = 0
    /// Whether exec has to refuse it (E2BIG); what did not fit was dropped.
    public var isTooLong: Bool { textBytes > Self.maximumTextBytes }

    /// A template of the booted kernel alone.
    public var makesEmptyTemplate: Bool { begin.makesTemplate && arguments.isEmpty }

    public init() {}

    public mutating func add(argument: [UInt8]) {
        if hasRoom(for: argument) { arguments.append(argument) }
    }

    public mutating func add(variable: [UInt8]) {
        if hasRoom(for: variable) { environment.append(variable) }
    }

    /// Each string counts with its NUL and its pointer, as exec counts.
    private mutating func hasRoom(for text: [UInt8]) -> Bool {
        if isTooLong { return false }
        textBytes += text.count + 9
        return !isTooLong
    }

    /// - Returns: false if the host asks for more outputs than it may; this one is not kept.
    public mutating func add(output: Output) -> Bool {
        if outputs.count == Self.maximumOutputs { return false }
        outputs.append(output)
        return true
    }

    /// The value of an environment variable; the last one counts.
    public func value(of name: StaticString) -> ArraySlice<UInt8>? {
        let prefix = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        for variable in environment.reversed() where variable.count > prefix.count {
            if variable[prefix.count] == UInt8(ascii: "="), variable.starts(with: prefix) {
                return variable[(prefix.count + 1)...]
            }
        }
        return nil
    }

    /// Where to look for the command, in order: its own path if it has a slash, else each directory of PATH (execvp(3)).
    public var candidates: [[UInt8]] {
        guard let command = arguments.first else { return [] }
        let slash = UInt8(ascii: "/")
        if command.contains(slash) || command.isEmpty { return [command] }
        let path = value(of: "PATH") ?? Self.defaultPath[...]
        return path.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map { directory in
            // An empty entry is the working directory.
            directory.isEmpty ? command : Array(directory) + [slash] + command
        }
    }

    private static var defaultPath: [UInt8] {
        let text: StaticString = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return Array(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
