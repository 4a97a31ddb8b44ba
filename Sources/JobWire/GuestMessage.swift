/// What the guest reports, in this order (docs/protocol.md §3). All of it is a claim: the host's verdict checks it.
///
///     hello  resumed?  (failed | started  lacks*  exited  (outputFile data* | outputMissing)*  finished)
///     hello  started?  checkpoint
///     lacks = unsupported | unsupportedControl | missingFile
public enum GuestMessage: Equatable, Sendable {
    case hello(version: UInt32, nonce: Nonce, sinceEntryNanoseconds: UInt64)
    case started(sinceEntryNanoseconds: UInt64)
    /// Ends the job: it never ran. `errno` is Linux's number, positive.
    case failed(stage: FailureStage, errno: Int32, about: [UInt8])
    case exited(ExitReport)
    /// A system call the kernel does not have, and how often it was tried.
    case unsupported(systemCall: UInt32, count: UInt64)
    /// An ioctl(2) request that nothing in the kernel knows, and how often it was tried.
    case unsupportedControl(request: UInt32, count: UInt64)
    /// A file below /proc or /sys that was opened and is not there, and how often.
    case missingFile(path: [UInt8], count: UInt64)
    /// `size` bytes follow in data frames.
    case outputFile(index: UInt32, mode: UInt32, size: UInt64)
    case outputMissing(index: UInt32, errno: Int32)
    case finished
    /// Instead of `started` or `exited` in a machine that makes a template: it is saved next. Nothing follows.
    case checkpoint(Checkpoint)
    /// Behind `hello` in a restored machine: what the kernel has done before anything else.
    case resumed(Resumption)

    public enum Checkpoint: UInt32, Sendable {
        /// The job has not begun: the restored machine's job is a whole one.
        case kernel = 0
        /// The program has asked: it goes on in the restored machine.
        case program = 1
    }

    public struct Resumption: Equatable, Sendable {
        public var isReseeded: Bool
        public var isClockStepped: Bool
        public var isIdentityNew: Bool
        /// The guest's CLOCK_REALTIME when it said so, in nanoseconds since 1970.
        public var wallClock: UInt64

        public init(isReseeded: Bool, isClockStepped: Bool, isIdentityNew: Bool, wallClock: UInt64) {
            self.isReseeded = isReseeded
            self.isClockStepped = isClockStepped
            self.isIdentityNew = isIdentityNew
            self.wallClock = wallClock
        }
    }

    public enum FailureStage: UInt32, Sendable {
        case inputFile = 1
        case exec = 2
        case outOfMemory = 3
        case workingDirectory = 4
    }

    /// The 16 bytes of the boot page that name one boot.
    public struct Nonce: Equatable, Sendable {
        /// Bytes 0–7 and 8–15, little-endian.
        public var low: UInt64
        public var high: UInt64

        public init(low: UInt64, high: UInt64) {
            self.low = low
            self.high = high
        }
    }

    public struct ExitReport: Equatable, Sendable {
        public enum Kind: UInt32, Sendable {
            case exited = 0
            case signaled = 1
            case outOfMemory = 2
        }

        public var nonce: Nonce
        public var kind: Kind
        /// Exit code or signal number.
        public var code: UInt32
        public var standardOutputBytes: UInt64
        public var standardErrorBytes: UInt64
        public var userNanoseconds: UInt64
        public var systemNanoseconds: UInt64
        public var maximumResidentBytes: UInt64
        public var pageFaults: UInt64
        public var systemCalls: UInt64
        public var processesCreated: UInt64
        /// Writes to entries of page tables that were programs' at the time.
        public var pageTableWrites: UInt64
        /// How often a new process or thread was refused because of the job's limit.
        public var processesRefused: UInt64
        /// How often a write was refused because the scratch disk was full.
        public var diskRefused: UInt64

        public init(nonce: Nonce, kind: Kind, code: UInt32) {
            self.nonce = nonce
            self.kind = kind
            self.code = code
            standardOutputBytes = 0
            standardErrorBytes = 0
            userNanoseconds = 0
            systemNanoseconds = 0
            maximumResidentBytes = 0
            pageFaults = 0
            systemCalls = 0
            processesCreated = 0
            pageTableWrites = 0
            processesRefused = 0
            diskRefused = 0
        }
    }
}

private enum Tag {
    static let hello: UInt16 = 64
    static let started: UInt16 = 65
    static let failed: UInt16 = 66
    static let exited: UInt16 = 67
    static let unsupported: UInt16 = 68
    static let outputFile: UInt16 = 69
    static let outputMissing: UInt16 = 70
    static let finished: UInt16 = 71
    static let unsupportedControl: UInt16 = 72
    static let missingFile: UInt16 = 73
    static let checkpoint: UInt16 = 74
    static let resumed: UInt16 = 75
}

extension GuestMessage: JobMessage {
    public static func payloadLengths(ofType type: UInt16) -> ClosedRange<Int>? {
        switch type {
        case Tag.hello: 28...28
        case Tag.started: 8...8
        case Tag.failed: 8...(8 + WireLimit.path)
        case Tag.exited: 112...112
        case Tag.unsupported, Tag.unsupportedControl: 12...12
        case Tag.missingFile: 9...(8 + WireLimit.missingFile)
        case Tag.outputFile: 16...16
        case Tag.outputMissing: 8...8
        case Tag.finished: 0...0
        case Tag.checkpoint: 4...4
        case Tag.resumed: 12...12
        default: nil
        }
    }

    public static func isOfMachine(type: UInt16) -> Bool {
        type == Tag.hello || type == Tag.checkpoint || type == Tag.resumed
    }

    public init(type: UInt16, payload: [UInt8]) throws(WireError) {
        var reader = PayloadReader(type: type, payload)
        switch type {
        case Tag.hello:
            self = .hello(
                version: try reader.integer(UInt32.self), nonce: try Nonce(from: &reader),
                sinceEntryNanoseconds: try reader.integer(UInt64.self))
        case Tag.started:
            self = .started(sinceEntryNanoseconds: try reader.integer(UInt64.self))
        case Tag.failed:
            guard let stage = FailureStage(rawValue: try reader.integer(UInt32.self)) else {
                throw .badValue(type: type)
            }
            self = .failed(stage: stage, errno: try reader.integer(Int32.self), about: reader.rest())
        case Tag.exited:
            self = .exited(try ExitReport(from: &reader))
        case Tag.unsupported:
            self = .unsupported(
                systemCall: try reader.integer(UInt32.self), count: try reader.integer(UInt64.self))
        case Tag.unsupportedControl:
            self = .unsupportedControl(
                request: try reader.integer(UInt32.self), count: try reader.integer(UInt64.self))
        case Tag.missingFile:
            let count = try reader.integer(UInt64.self)
            self = .missingFile(path: try reader.restWithoutNUL(), count: count)
        case Tag.outputFile:
            self = .outputFile(
                index: try reader.integer(UInt32.self), mode: try reader.integer(UInt32.self),
                size: try reader.integer(UInt64.self))
        case Tag.outputMissing:
            self = .outputMissing(
                index: try reader.integer(UInt32.self), errno: try reader.integer(Int32.self))
        case Tag.finished:
            self = .finished
        case Tag.checkpoint:
            guard let kind = Checkpoint(rawValue: try reader.integer(UInt32.self)) else {
                throw .badValue(type: type)
            }
            self = .checkpoint(kind)
        case Tag.resumed:
            let done = try reader.integer(UInt32.self)
            guard done & ~7 == 0 else { throw .badValue(type: type) }
            self = .resumed(
                Resumption(
                    isReseeded: done & 1 != 0, isClockStepped: done & 2 != 0, isIdentityNew: done & 4 != 0,
                    wallClock: try reader.integer(UInt64.self)))
        default:
            throw .unknownType(type)
        }
        try reader.end()
    }

    /// Appends this message as one frame, of `job` unless it is the machine's.
    public func encode(to out: inout [UInt8], job: JobID = .only) {
        switch self {
        case .hello(let version, let nonce, let nanoseconds):
            appendFrame(type: Tag.hello, of: .machine, to: &out) {
                $0.append(version)
                nonce.encode(to: &$0)
                $0.append(nanoseconds)
            }
        case .started(let nanoseconds):
            appendFrame(type: Tag.started, of: job, to: &out) { $0.append(nanoseconds) }
        case .failed(let stage, let errno, let about):
            appendFrame(type: Tag.failed, of: job, to: &out) {
                $0.append(stage.rawValue)
                $0.append(errno)
                $0 += about.prefix(WireLimit.path)
            }
        case .exited(let report):
            appendFrame(type: Tag.exited, of: job, to: &out) { report.encode(to: &$0) }
        case .unsupported(let systemCall, let count):
            appendFrame(type: Tag.unsupported, of: job, to: &out) {
                $0.append(systemCall)
                $0.append(count)
            }
        case .unsupportedControl(let request, let count):
            appendFrame(type: Tag.unsupportedControl, of: job, to: &out) {
                $0.append(request)
                $0.append(count)
            }
        case .missingFile(let path, let count):
            appendFrame(type: Tag.missingFile, of: job, to: &out) {
                $0.append(count)
                $0 += path.prefix(WireLimit.missingFile)
            }
        case .outputFile(let index, let mode, let size):
            appendFrame(type: Tag.outputFile, of: job, to: &out) {
                $0.append(index)
                $0.append(mode)
                $0.append(size)
            }
        case .outputMissing(let index, let errno):
            appendFrame(type: Tag.outputMissing, of: job, to: &out) {
                $0.append(index)
                $0.append(errno)
            }
        case .finished:
            appendFrame(type: Tag.finished, of: job, to: &out) { _ in }
        case .checkpoint(let kind):
            appendFrame(type: Tag.checkpoint, of: .machine, to: &out) { $0.append(kind.rawValue) }
        case .resumed(let resumption):
            let done: UInt32 =
                (resumption.isReseeded ? 1 : 0) | (resumption.isClockStepped ? 2 : 0)
                | (resumption.isIdentityNew ? 4 : 0)
            appendFrame(type: Tag.resumed, of: .machine, to: &out) {
                $0.append(done)
                $0.append(resumption.wallClock)
            }
        }
    }
}

extension GuestMessage.Nonce {
    init(from reader: inout PayloadReader) throws(WireError) {
        low = try reader.integer(UInt64.self)
        high = try reader.integer(UInt64.self)
    }

    func encode(to out: inout [UInt8]) {
        out.append(low)
        out.append(high)
    }
}

extension GuestMessage.ExitReport {
    init(from reader: inout PayloadReader) throws(WireError) {
        let nonce = try GuestMessage.Nonce(from: &reader)
        guard let kind = Kind(rawValue: try reader.integer(UInt32.self)) else {
            throw .badValue(type: Tag.exited)
        }
        self.init(nonce: nonce, kind: kind, code: try reader.integer(UInt32.self))
        standardOutputBytes = try reader.integer(UInt64.self)
        standardErrorBytes = try reader.integer(UInt64.self)
        userNanoseconds = try reader.integer(UInt64.self)
        systemNanoseconds = try reader.integer(UInt64.self)
        maximumResidentBytes = try reader.integer(UInt64.self)
        pageFaults = try reader.integer(UInt64.self)
        systemCalls = try reader.integer(UInt64.self)
        processesCreated = try reader.integer(UInt64.self)
        pageTableWrites = try reader.integer(UInt64.self)
        processesRefused = try reader.integer(UInt64.self)
        diskRefused = try reader.integer(UInt64.self)
    }

    func encode(to out: inout [UInt8]) {
        nonce.encode(to: &out)
        out.append(kind.rawValue)
        out.append(code)
        out.append(standardOutputBytes)
        out.append(standardErrorBytes)
        out.append(userNanoseconds)
        out.append(systemNanoseconds)
        out.append(maximumResidentBytes)
        out.append(pageFaults)
        out.append(systemCalls)
        out.append(processesCreated)
        out.append(pageTableWrites)
        out.append(processesRefused)
        out.append(diskRefused)
    }
}
