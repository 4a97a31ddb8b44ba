import JobWire

/// What the host asks for, as it comes in (docs/protocol.md §3). Input files are not kept here: they are written as their
/// bytes arrive (`JobInput`).
struct JobSpecification {
    /// Arguments and environment together: what exec accepts at most (Linux's ARG_MAX under an 8 MiB stack).
    static let maximumTextBytes = 2 << 20
    static let maximumOutputs = 4096

    struct Output {
        var index: UInt32
        var path: [UInt8]
    }

    var begin = HostMessage.Begin(isInputConnected: false, user: 0, group: 0)
    private(set) var arguments: [[UInt8]] = []
    private(set) var environment: [[UInt8]] = []
    var workingDirectory: [UInt8] = [UInt8(ascii: "/")]
    /// Of the job's terminal; nil: unknown, which programs see as 0 by 0.
    var windowSize: HostMessage.WindowSize?
    private(set) var outputs: [Output] = []
    private var textBytes = 0
    /// Whether exec has to refuse it (E2BIG); what did not fit was dropped.
    var isTooLong: Bool { textBytes > Self.maximumTextBytes }

    /// A template of the booted kernel alone.
    var makesEmptyTemplate: Bool { begin.makesTemplate && arguments.isEmpty }

    var credentials: Credentials {
        var credentials = Credentials()
        credentials.user = begin.user
        credentials.effectiveUser = begin.user
        credentials.savedUser = begin.user
        credentials.group = begin.group
        credentials.effectiveGroup = begin.group
        credentials.savedGroup = begin.group
        return credentials
    }

    mutating func add(argument: [UInt8]) {
        if hasRoom(for: argument) { arguments.append(argument) }
    }

    mutating func add(variable: [UInt8]) {
        if hasRoom(for: variable) { environment.append(variable) }
    }

    /// Each string counts with its NUL and its pointer, as exec counts.
    private mutating func hasRoom(for text: [UInt8]) -> Bool {
        if isTooLong { return false }
        textBytes += text.count + 9
        return !isTooLong
    }

    mutating func add(output: Output) {
        if outputs.count == Self.maximumOutputs { protocolError("too many output files") }
        outputs.append(output)
    }

    /// The value of an environment variable; the last one counts.
    func value(of name: StaticString) -> ArraySlice<UInt8>? {
        let prefix = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        for variable in environment.reversed() where variable.count > prefix.count {
            if variable[prefix.count] == UInt8(ascii: "="), variable.starts(with: prefix) {
                return variable[(prefix.count + 1)...]
            }
        }
        return nil
    }

    /// Where to look for the command, in order: its own path if it has a slash, else each directory of PATH (execvp(3)).
    var candidates: [[UInt8]] {
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
