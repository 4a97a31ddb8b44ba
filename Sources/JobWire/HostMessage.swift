/// What the host tells the guest about its job, in this order (docs/protocol.md §3).
///
///     begin  windowSize?  argument+  environment*  workingDirectory  (directory | file data* | symlink)*  output*  start
///     powerOff  windowSize*
public enum HostMessage: Equatable, Sendable {
    case begin(Begin)
    /// One element of argv, without NUL.
    case argument([UInt8])
    /// `NAME=value`, without NUL.
    case environment([UInt8])
    /// Absolute.
    case workingDirectory([UInt8])
    /// Created with its parents.
    case directory(mode: UInt32, path: [UInt8])
    /// `size` bytes follow in data frames; parents are created.
    case file(mode: UInt32, size: UInt64, path: [UInt8])
    case symlink(target: [UInt8], path: [UInt8])
    /// A file to send back after the job, named by `index` in the reply.
    case output(index: UInt32, path: [UInt8])
    case start
    /// How large the job's terminal is; only if it has one.
    case windowSize(WindowSize)
    /// No job comes behind the one that has been started: the machine is to power off when that has ended.
    case powerOff

    /// In characters and, where the host knows them, in pixels.
    public struct WindowSize: Equatable, Sendable {
        public var rows: UInt16
        public var columns: UInt16
        public var width: UInt16
        public var height: UInt16

        public init(rows: UInt16, columns: UInt16, width: UInt16 = 0, height: UInt16 = 0) {
            self.rows = rows
            self.columns = columns
            self.width = width
            self.height = height
        }
    }

    public struct Begin: Equatable, Sendable {
        public var version: UInt32
        public var isInputConnected: Bool
        public var isTerminal: Bool
        /// The job is there to be saved as a template: when it asks for its checkpoint or, without a command, at once.
        public var makesTemplate: Bool
        public var user: UInt32
        public var group: UInt32
        /// 0: the kernel's default.
        public var maximumProcesses: UInt32
        /// Of the first process's RLIMIT_NOFILE; 0: the kernel's default.
        public var openFiles: UInt32
        public var openFilesHard: UInt32

        public init(
            version: UInt32 = WireLimit.version, isInputConnected: Bool, isTerminal: Bool = false,
            makesTemplate: Bool = false, user: UInt32, group: UInt32, maximumProcesses: UInt32 = 0,
            openFiles: UInt32 = 0, openFilesHard: UInt32 = 0
        ) {
            self.version = version
            self.isInputConnected = isInputConnected
            self.isTerminal = isTerminal
            self.makesTemplate = makesTemplate
            self.user = user
            self.group = group
            self.maximumProcesses = maximumProcesses
            self.openFiles = openFiles
            self.openFilesHard = openFilesHard
        }
    }
}

private enum Tag {
    static let begin: UInt16 = 1
    static let argument: UInt16 = 2
    static let environment: UInt16 = 3
    static let workingDirectory: UInt16 = 4
    static let directory: UInt16 = 5
    static let file: UInt16 = 6
    static let symlink: UInt16 = 8
    static let output: UInt16 = 9
    static let start: UInt16 = 10
    static let windowSize: UInt16 = 11
    static let powerOff: UInt16 = 12
}

extension HostMessage: JobMessage {
    public static func payloadLengths(ofType type: UInt16) -> ClosedRange<Int>? {
        switch type {
        case Tag.begin: 28...28
        case Tag.argument: 0...WireLimit.payload
        case Tag.environment: 1...WireLimit.payload
        case Tag.workingDirectory: 1...WireLimit.path
        case Tag.directory: 5...(4 + WireLimit.path)
        case Tag.file: 13...(12 + WireLimit.path)
        case Tag.symlink: 6...(4 + 2 * WireLimit.path)
        case Tag.output: 5...(4 + WireLimit.path)
        case Tag.start, Tag.powerOff: 0...0
        case Tag.windowSize: 8...8
        default: nil
        }
    }

    public static func isOfMachine(type: UInt16) -> Bool {
        type == Tag.powerOff
    }

    public init(type: UInt16, payload: [UInt8]) throws(WireError) {
        var reader = PayloadReader(type: type, payload)
        switch type {
        case Tag.begin:
            self = .begin(try Begin(from: &reader))
        case Tag.argument:
            self = .argument(try reader.restWithoutNUL())
        case Tag.environment:
            self = .environment(try reader.restWithoutNUL())
        case Tag.workingDirectory:
            self = .workingDirectory(try reader.absolutePath())
        case Tag.directory:
            self = .directory(mode: try reader.integer(UInt32.self), path: try reader.absolutePath())
        case Tag.file:
            self = .file(
                mode: try reader.integer(UInt32.self), size: try reader.integer(UInt64.self),
                path: try reader.absolutePath())
        case Tag.symlink:
            let length = try reader.integer(UInt32.self)
            guard length > 0, length <= UInt32(WireLimit.path) else { throw .badValue(type: type) }
            let target = try reader.bytes(Int(length))
            if target.contains(0) { throw .badValue(type: type) }
            self = .symlink(target: target, path: try reader.absolutePath())
        case Tag.output:
            self = .output(index: try reader.integer(UInt32.self), path: try reader.absolutePath())
        case Tag.start:
            self = .start
        case Tag.powerOff:
            self = .powerOff
        case Tag.windowSize:
            self = .windowSize(
                WindowSize(
                    rows: try reader.integer(UInt16.self), columns: try reader.integer(UInt16.self),
                    width: try reader.integer(UInt16.self), height: try reader.integer(UInt16.self)))
        default:
            throw .unknownType(type)
        }
        try reader.end()
    }

    /// Appends this message as one frame, of `job` unless it is the machine's.
    public func encode(to out: inout [UInt8], job: JobID = .only) {
        switch self {
        case .begin(let begin):
            appendFrame(type: Tag.begin, of: job, to: &out) { begin.encode(to: &$0) }
        case .argument(let bytes):
            appendFrame(type: Tag.argument, of: job, to: &out) { $0 += bytes }
        case .environment(let bytes):
            appendFrame(type: Tag.environment, of: job, to: &out) { $0 += bytes }
        case .workingDirectory(let path):
            appendFrame(type: Tag.workingDirectory, of: job, to: &out) { $0 += path }
        case .directory(let mode, let path):
            appendFrame(type: Tag.directory, of: job, to: &out) {
                $0.append(mode)
                $0 += path
            }
        case .file(let mode, let size, let path):
            appendFrame(type: Tag.file, of: job, to: &out) {
                $0.append(mode)
                $0.append(size)
                $0 += path
            }
        case .symlink(let target, let path):
            appendFrame(type: Tag.symlink, of: job, to: &out) {
                $0.append(UInt32(truncatingIfNeeded: target.count))
                $0 += target
                $0 += path
            }
        case .output(let index, let path):
            appendFrame(type: Tag.output, of: job, to: &out) {
                $0.append(index)
                $0 += path
            }
        case .start:
            appendFrame(type: Tag.start, of: job, to: &out) { _ in }
        case .powerOff:
            appendFrame(type: Tag.powerOff, of: .machine, to: &out) { _ in }
        case .windowSize(let size):
            appendFrame(type: Tag.windowSize, of: job, to: &out) {
                for value in [size.rows, size.columns, size.width, size.height] { $0.append(value) }
            }
        }
    }
}

extension HostMessage.Begin {
    private static let inputFlag: UInt32 = 1
    private static let terminalFlag: UInt32 = 2
    private static let templateFlag: UInt32 = 4
    private static let flags = inputFlag | terminalFlag | templateFlag

    init(from reader: inout PayloadReader) throws(WireError) {
        version = try reader.integer(UInt32.self)
        let flags = try reader.integer(UInt32.self)
        guard flags & ~Self.flags == 0 else { throw .badValue(type: Tag.begin) }
        isInputConnected = flags & Self.inputFlag != 0
        isTerminal = flags & Self.terminalFlag != 0
        makesTemplate = flags & Self.templateFlag != 0
        user = try reader.integer(UInt32.self)
        group = try reader.integer(UInt32.self)
        maximumProcesses = try reader.integer(UInt32.self)
        openFiles = try reader.integer(UInt32.self)
        openFilesHard = try reader.integer(UInt32.self)
    }

    func encode(to out: inout [UInt8]) {
        out.append(version)
        out.append(
            (isInputConnected ? Self.inputFlag : 0) | (isTerminal ? Self.terminalFlag : 0)
                | (makesTemplate ? Self.templateFlag : 0))
        out.append(user)
        out.append(group)
        out.append(maximumProcesses)
        out.append(openFiles)
        out.append(openFilesHard)
    }
}
