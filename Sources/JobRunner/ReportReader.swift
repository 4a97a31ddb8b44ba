import JobWire

/// Reads the guest's side of the control stream and holds it to the order of docs/protocol.md §3:
///
///     hello  resumed?  (failed | started  lacks*  exited  (outputFile data* | outputMissing)*  finished)
///     hello  started?  checkpoint
///     lacks = unsupported | unsupportedControl | missingFile
///
/// Everything in it was written by a hostile guest. What breaks the order or a limit ends the reading with a sentence
/// that says what it was; nothing the guest sends traps, and nothing is kept beyond the limits here.
struct ReportReader {
    enum Event {
        case hello(sinceEntryNanoseconds: UInt64)
        /// A restored kernel has done what must come before its job; its clock's time, in nanoseconds since 1970.
        case resumed(wallClock: UInt64)
        case started(sinceEntryNanoseconds: UInt64)
        case checkpoint(GuestMessage.Checkpoint)
        case failed(GuestMessage.FailureStage, errno: Int32, about: [UInt8])
        case exited(GuestMessage.ExitReport)
        case outputBegins(index: Int, mode: UInt32, size: UInt64)
        /// A range of the bytes given to `read`.
        case outputData(Range<Int>)
        case outputEnds(index: Int)
        case outputMissing(index: Int, errno: Int32)
        case finished
    }

    enum Failure: Error, Equatable {
        case violation(String)
    }

    /// Most different system call numbers a kernel may report as unsupported. Linux has fewer than 500.
    static let maximumUnsupported = 1024
    /// Most different ioctl requests, and most different files, that a kernel may report as missing.
    static let maximumMissing = 256
    /// Longest output file, in bytes: Linux's own largest file offset.
    static let maximumOutputBytes = UInt64(Int64.max)

    private enum Phase {
        case hello, resume, start, running, outputs, ended
    }

    private var decoder = FrameDecoder<GuestMessage>()
    private var phase = Phase.hello
    private let nonce: GuestMessage.Nonce
    private let isRestored: Bool
    private let makesTemplate: Bool
    private var isAnswered: [Bool]
    private var current: (index: Int, remaining: UInt64)?
    private(set) var unsupported: [(systemCall: UInt32, count: UInt64)] = []
    private(set) var unsupportedControls: [(request: UInt32, count: UInt64)] = []
    private(set) var missingFiles: [(path: [UInt8], count: UInt64)] = []

    /// - Parameters:
    ///   - outputCount: How many outputs the job asked for.
    ///   - nonce: What the machine was told to call this boot.
    ///   - isRestored: Whether it must confirm that it has resumed.
    ///   - makesTemplate: Whether it may end with a checkpoint.
    init(
        outputCount: Int, nonce: GuestMessage.Nonce, isRestored: Bool = false, makesTemplate: Bool = false
    ) {
        self.nonce = nonce
        self.isRestored = isRestored
        self.makesTemplate = makesTemplate
        isAnswered = Array(repeating: false, count: outputCount)
    }

    /// True if the stream may end here.
    var mayEnd: Bool { phase == .ended && decoder.isBetweenFrames }

    /// Reads all of `bytes` and calls `body` for each event, in order.
    mutating func read(_ bytes: Span<UInt8>, _ body: (Event) -> Void) throws(Failure) {
        var offset = 0
        while true {
            let event: FrameDecoder<GuestMessage>.Event?
            do throws(WireError) {
                event = try decoder.next(in: bytes, from: &offset)
            } catch {
                throw .violation(Self.describe(error))
            }
            switch event {
            case nil: return
            case .message(let message): try accept(message, body)
            case .data(let range): try accept(range, body)
            }
        }
    }

    private mutating func accept(_ range: Range<Int>, _ body: (Event) -> Void) throws(Failure) {
        guard let output = current else { throw .violation("data outside an output file") }
        guard UInt64(range.count) <= output.remaining else {
            throw .violation("more data than its output file's size")
        }
        body(.outputData(range))
        let remaining = output.remaining - UInt64(range.count)
        current = remaining == 0 ? nil : (output.index, remaining)
        if remaining == 0 { body(.outputEnds(index: output.index)) }
    }

    private mutating func accept(_ message: GuestMessage, _ body: (Event) -> Void) throws(Failure) {
        if current != nil { throw .violation("a message in the middle of an output file") }
        switch (phase, message) {
        case (.hello, .hello(let version, let nonce, let nanoseconds)):
            guard version == WireLimit.version else { throw .violation("protocol version \(version)") }
            guard nonce == self.nonce else { throw .violation("a hello of another boot") }
            phase = isRestored ? .resume : .start
            body(.hello(sinceEntryNanoseconds: nanoseconds))
        case (.resume, .resumed(let resumption)):
            guard resumption.isReseeded, resumption.isClockStepped, resumption.isIdentityNew else {
                throw .violation("resumed without new random numbers, clock and identity")
            }
            phase = .start
            body(.resumed(wallClock: resumption.wallClock))
        case (.start, .checkpoint(let kind)) where makesTemplate && kind == .kernel,
            (.running, .checkpoint(let kind)) where makesTemplate && kind == .program:
            phase = .ended
            body(.checkpoint(kind))
        case (.start, .started(let nanoseconds)):
            phase = .running
            body(.started(sinceEntryNanoseconds: nanoseconds))
        case (.start, .failed(let stage, let errno, let about)):
            guard (1...4095).contains(errno) else { throw .violation("error number \(errno)") }
            phase = .ended
            body(.failed(stage, errno: errno, about: about))
        case (.running, .unsupported), (.running, .unsupportedControl), (.running, .missingFile):
            try note(message)
        case (.running, .exited(let report)):
            try check(report)
            phase = .outputs
            body(.exited(report))
        case (.outputs, .outputFile(let index, let mode, let size)):
            let index = try answer(index)
            guard size <= Self.maximumOutputBytes else { throw .violation("an output file of \(size) bytes") }
            body(.outputBegins(index: index, mode: mode, size: size))
            if size == 0 { body(.outputEnds(index: index)) } else { current = (index, size) }
        case (.outputs, .outputMissing(let index, let errno)):
            let index = try answer(index)
            guard (1...4095).contains(errno) else { throw .violation("error number \(errno)") }
            body(.outputMissing(index: index, errno: errno))
        case (.outputs, .finished):
            guard isAnswered.allSatisfy({ $0 }) else { throw .violation("finished without all outputs") }
            phase = .ended
            body(.finished)
        default:
            throw .violation("\(Self.name(message)) out of order")
        }
    }

    /// What the kernel lacks.
    private mutating func note(_ message: GuestMessage) throws(Failure) {
        switch message {
        case .unsupported(let systemCall, let count):
            guard unsupported.count < Self.maximumUnsupported else {
                throw .violation("too many unsupported system calls")
            }
            guard !unsupported.contains(where: { $0.systemCall == systemCall }) else {
                throw .violation("unsupported system call \(systemCall) twice")
            }
            unsupported.append((systemCall, count))
        case .unsupportedControl(let request, let count):
            guard unsupportedControls.count < Self.maximumMissing else {
                throw .violation("too many unsupported ioctls")
            }
            guard !unsupportedControls.contains(where: { $0.request == request }) else {
                throw .violation("unsupported ioctl \(request) twice")
            }
            unsupportedControls.append((request, count))
        case .missingFile(let path, let count):
            guard missingFiles.count < Self.maximumMissing else {
                throw .violation("too many missing files")
            }
            guard !missingFiles.contains(where: { $0.path == path }) else {
                throw .violation("a missing file twice")
            }
            missingFiles.append((path, count))
        default: break
        }
    }

    private func check(_ report: GuestMessage.ExitReport) throws(Failure) {
        guard report.nonce == nonce else { throw .violation("an exit report of another boot") }
        switch report.kind {
        case .exited:
            guard report.code <= 255 else { throw .violation("exit code \(report.code)") }
        case .signaled:
            guard (1...64).contains(report.code) else { throw .violation("signal \(report.code)") }
        case .outOfMemory:
            break
        }
    }

    private mutating func answer(_ index: UInt32) throws(Failure) -> Int {
        guard index < UInt32(isAnswered.count), !isAnswered[Int(index)] else {
            throw .violation("output \(index), which was not asked for")
        }
        isAnswered[Int(index)] = true
        return Int(index)
    }

    private static func describe(_ error: WireError) -> String {
        switch error {
        case .badLength(let type, let length): "a frame of type \(type) and \(length) bytes"
        case .wrongJob(let type, let job): "a frame of type \(type) of job \(job.rawValue)"
        case .unknownType(let type): "a frame of unknown type \(type)"
        case .badValue(let type): "a bad value in a frame of type \(type)"
        }
    }

    private static func name(_ message: GuestMessage) -> String {
        switch message {
        case .hello: "hello"
        case .started: "started"
        case .failed: "failed"
        case .exited: "exited"
        case .unsupported, .unsupportedControl, .missingFile: "unsupported"
        case .outputFile, .outputMissing: "an output"
        case .finished: "finished"
        case .checkpoint: "a checkpoint"
        case .resumed: "resumed"
        }
    }
}
