/// Where a guest puts its job's input files.
public protocol JobFileSink: ~Copyable {
    associatedtype Failure: Error

    /// Comes first, once: whose the files are to be.
    mutating func begin(_ begin: HostMessage.Begin)
    /// Makes a directory and what is missing above it; directories that exist stay as they are.
    mutating func makeDirectory(_ path: [UInt8], mode: UInt32) throws(Failure)
    /// Makes a symbolic link, and what is missing above it.
    mutating func makeLink(_ path: [UInt8], to target: [UInt8]) throws(Failure)
    /// Makes a file, or empties it, and what is missing above it. Its bytes follow, then `endFile`.
    mutating func beginFile(_ path: [UInt8], mode: UInt32) throws(Failure)
    /// The next bytes of the file that has begun; never none.
    mutating func write(_ bytes: UnsafeRawBufferPointer) throws(Failure)
    mutating func endFile()
}

/// Why a guest cannot take its job in.
public enum JobIntakeError<Failure: Error>: Error {
    /// The host's fault.
    case violation(JobViolation)
    /// An input file could not be made, or not be written.
    case file(path: [UInt8], Failure)
}

/// How a host can break the order of docs/protocol.md §3.
public enum JobViolation: Error, Equatable, Sendable {
    case noBegin, secondBegin, version, noCommand, powerOffBeforeStart, afterStart
    case windowWithoutTerminal, templateWithStreams, tooManyOutputs
    case fileCutShort, dataOfNoFile

    /// As a guest's last words have it.
    public var text: StaticString {
        switch self {
        case .noBegin: "the job does not start with begin"
        case .secondBegin: "begin twice"
        case .version: "begin of another version"
        case .noCommand: "no command"
        case .powerOffBeforeStart: "power off before a job has started"
        case .afterStart: "a message behind start"
        case .windowWithoutTerminal: "a window size for a job without a terminal"
        case .templateWithStreams: "a template's maker has neither terminal nor input"
        case .tooManyOutputs: "too many output files"
        case .fileCutShort: "a file ended before its size"
        case .dataOfNoFile: "data that belongs to no file"
        }
    }
}

/// A job as its guest takes it in, message by message, the same in every kernel: its specification is kept, its files go
/// where the kernel has them. The host is trusted to mean well; what it sends is held to docs/protocol.md §3 all the same.
///
///     begin  windowSize?  argument+  environment*  workingDirectory  (directory | file data* | symlink)*  output*  start
public struct JobIntake {
    public enum Step {
        case more
        /// The first step: the standard input may be connected while the rest arrives.
        case begun(HostMessage.Begin)
        /// The job may start.
        case complete
    }

    private enum Phase { case before, open, complete }

    public private(set) var specification = JobSpecification()
    /// Whether the job goes on with a command that runs already.
    private let isResumption: Bool
    private var phase = Phase.before
    /// The file whose bytes are arriving, and how many are missing.
    private var path: [UInt8] = []
    private var missing: UInt64 = 0

    public init(isResumption: Bool = false) { self.isResumption = isResumption }

    /// Takes the next message.
    /// - Throws: after which nothing more may be taken.
    public mutating func take<Files: JobFileSink & ~Copyable>(
        _ message: HostMessage, into files: inout Files
    ) throws(JobIntakeError<Files.Failure>) -> Step {
        switch (phase, message) {
        case (.before, .begin(let begin)):
            if let violation = Self.violation(in: begin) { throw .violation(violation) }
            phase = .open
            specification.begin = begin
            files.begin(begin)
            return .begun(begin)
        case (.before, _): throw .violation(.noBegin)
        case (.complete, _): throw .violation(.afterStart)
        case (.open, .begin): throw .violation(.secondBegin)
        case (.open, .powerOff): throw .violation(.powerOffBeforeStart)
        case (.open, _) where missing > 0: throw .violation(.fileCutShort)
        case (.open, .start):
            guard isResumption || hasCommand else { throw .violation(.noCommand) }
            phase = .complete
            return .complete
        case (.open, .directory), (.open, .symlink), (.open, .file):
            try make(message, in: &files)
            return .more
        default:
            if let violation = note(message) { throw .violation(violation) }
            return .more
        }
    }

    /// Takes bytes of a data frame; at least one.
    public mutating func take<Files: JobFileSink & ~Copyable>(
        _ data: UnsafeRawBufferPointer, into files: inout Files
    ) throws(JobIntakeError<Files.Failure>) {
        guard UInt64(data.count) <= missing else { throw .violation(.dataOfNoFile) }
        do throws(Files.Failure) {
            try files.write(data)
        } catch {
            throw .file(path: path, error)
        }
        missing -= UInt64(data.count)
        if missing == 0 { files.endFile() }
    }

    private static func violation(in begin: HostMessage.Begin) -> JobViolation? {
        if begin.version != WireLimit.version { return .version }
        if begin.makesTemplate && (begin.isTerminal || begin.isInputConnected) { return .templateWithStreams }
        return nil
    }

    private var hasCommand: Bool {
        !specification.arguments.isEmpty || specification.isTooLong || specification.makesEmptyTemplate
    }

    /// What is only kept.
    private mutating func note(_ message: HostMessage) -> JobViolation? {
        switch message {
        case .argument(let text): specification.add(argument: text)
        case .environment(let text): specification.add(variable: text)
        case .workingDirectory(let path): specification.workingDirectory = path
        case .windowSize(let size):
            if !specification.begin.isTerminal { return .windowWithoutTerminal }
            specification.windowSize = size
        case .output(let index, let path):
            if !specification.add(output: .init(index: index, path: path)) { return .tooManyOutputs }
        default: break
        }
        return nil
    }

    private mutating func make<Files: JobFileSink & ~Copyable>(
        _ message: HostMessage, in files: inout Files
    ) throws(JobIntakeError<Files.Failure>) {
        do throws(Files.Failure) {
            switch message {
            case .directory(let mode, let path):
                self.path = path
                try files.makeDirectory(path, mode: mode)
            case .symlink(let target, let path):
                self.path = path
                try files.makeLink(path, to: target)
            case .file(let mode, let size, let path):
                self.path = path
                try files.beginFile(path, mode: mode)
                missing = size
                if size == 0 { files.endFile() }
            default: break
            }
        } catch {
            throw .file(path: path, error)
        }
    }
}
