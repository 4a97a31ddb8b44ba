import Glibc
import JobWire
import SystemPackage

/// What the host has seen of a job so far. The verdict is a function of this and nothing else.
struct Observations {
    /// What the host itself did to end the job; decides over everything that comes after.
    enum Intervention: Equatable {
        /// All with what was measured, in nanoseconds or bytes.
        case wallTimeout(measured: UInt64)
        case cpuTimeout(measured: UInt64)
        case outputLimit(bytes: UInt64)
        /// An output file says that it is larger than all that its guest can hold.
        case outputFileTooLarge(path: [UInt8], bytes: UInt64, limit: UInt64)
        /// The guest's kernel has not come up.
        case bootTimeout(measured: UInt64)
        case cancelled(signal: Int32)
        /// An input file could not be sent; the text says which and why.
        case inputFailed(String)
    }

    var intervention: Intervention?
    /// What in the guest's frames or the VMM's events broke the protocol.
    var protocolViolation: String?
    var failure: (stage: GuestMessage.FailureStage, errno: Int32, about: [UInt8])?
    var report: GuestMessage.ExitReport?
    var checkpoint: GuestMessage.Checkpoint?
    var isFinished = false
    var standardOutput = StreamResult()
    var standardError = StreamResult()
    var end: (cause: MachineEvent.EndCause, message: [UInt8])?
    /// How the VMM's process ended; nil while it runs.
    var processEnd: ProcessEnd?
    var hasGuestEntered = false
    /// The host's kernel has killed the VMM for want of memory: the limit and peak of its cgroup, in bytes.
    var memoryKill: MemoryKill?
    /// The pool that had started the VMM has ended, and the VMM with it.
    var hasKeeperGone = false

    struct MemoryKill: Equatable {
        var limit: UInt64
        var peak: UInt64
    }

    struct ProcessEnd: Equatable {
        var signal: Int32
        var code: Int32
    }

    /// Nothing that comes changes the verdict any more.
    var isDecided: Bool { intervention != nil || protocolViolation != nil || failure != nil }

    /// The guest has said all there is to say, and both streams are where they belong.
    var isComplete: Bool {
        report != nil && isFinished && standardOutput.isClosed && standardError.isClosed
    }
}

extension Verdict {
    /// The verdict so far; nil: not decided yet.
    ///
    /// Order: what the host did to the job; then a broken protocol, because from there on nothing the guest said
    /// counts; then a complete report; then how the machine ended.
    init?(_ seen: Observations, limits: JobRequest) {
        if let intervention = seen.intervention {
            self = Verdict(intervention: intervention, limits: limits)
        } else if let violation = seen.protocolViolation {
            self = Verdict(
                .protocolError, status: 125, message: "the guest broke the job protocol: \(violation)")
        } else if let failure = seen.failure {
            self = Verdict(failure: failure, limits: limits)
        } else if let report = seen.report, seen.isComplete {
            self = Verdict(report: report, seen, limits: limits)
        } else if let end = seen.end {
            self = Verdict(end: end, seen, limits: limits)
        } else if let processEnd = seen.processEnd {
            self = Verdict(processEnd: processEnd, seen)
        } else {
            return nil
        }
    }

    private init(intervention: Observations.Intervention, limits: JobRequest) {
        switch intervention {
        case .wallTimeout(let measured):
            let limit = limits.wallTimeLimitNanoseconds ?? 0
            self = Verdict(
                .wallTimeout, status: 124,
                message: "stopped after its time limit of \(limit / 1_000_000) ms",
                evidence: Evidence(.timeout, nanoseconds: limit, measured: measured))
        case .cpuTimeout(let measured):
            let limit = limits.cpuTimeLimitNanoseconds ?? 0
            self = Verdict(
                .cpuTimeout, status: 124,
                message: "stopped after \(limit / 1_000_000) ms of processor time, its limit",
                evidence: Evidence(.cpuTime, nanoseconds: limit, measured: measured))
        case .outputLimit(let bytes):
            let limit = limits.outputLimitBytes ?? 0
            self = Verdict(
                .outputLimit, status: 128 + SIGXFSZ, message: "stopped: more than \(limit) bytes of output",
                evidence: Evidence(
                    limit: .maximumOutput, value: limit, measured: bytes, unit: .bytes, isGuestsWord: false))
        case .outputFileTooLarge(let path, let bytes, let limit):
            self = Verdict(
                .outputLimit, status: 128 + SIGXFSZ,
                message:
                    "stopped: output file \(printable(path)) of \(bytes) bytes, more than its guest can hold "
                    + "(\(limit)): it is mostly holes",
                evidence: Evidence(
                    limit: .maximumOutput, value: limit, measured: bytes, unit: .bytes, isGuestsWord: true))
        case .bootTimeout(let measured):
            let limit = Observations.bootLimitNanoseconds
            self = Verdict(
                .guestHang, status: 125,
                message: "the guest kernel did not come up within \(limit / 1_000_000_000) s",
                evidence: Evidence(.boot, nanoseconds: limit, measured: measured))
        case .cancelled(let signal):
            self = Verdict(.cancelled, status: 128 + signal, message: "cancelled by signal \(signal)")
        case .inputFailed(let text):
            self = Verdict(.startFailed, status: 125, message: text)
        }
    }

    private init(
        failure: (stage: GuestMessage.FailureStage, errno: Int32, about: [UInt8]), limits: JobRequest
    ) {
        let error = Errno(rawValue: failure.errno)
        let about = printable(failure.about.isEmpty ? limits.arguments.first ?? [] : failure.about)
        switch failure.stage {
        case .exec:
            let status: Int32 = error == .noSuchFileOrDirectory || error == .notDirectory ? 127 : 126
            let text = status == 127 ? "not found in the image" : "cannot be executed: \(error)"
            self = Verdict(.startFailed, status: status, message: "\(about): \(text)")
        case .inputFile:
            self = Verdict(.startFailed, status: 125, message: "input file \(about): \(error) in the guest")
        case .workingDirectory:
            self = Verdict(
                .startFailed, status: 125, message: "working directory \(about): \(error) in the guest")
        case .outOfMemory:
            self = Verdict(
                .outOfMemory, status: 137,
                message: "out of memory before the job began; give it more with -m",
                evidence: .allMemory(limits))
        }
    }

    private init(report: GuestMessage.ExitReport, _ seen: Observations, limits: JobRequest) {
        switch report.kind {
        case .exited:
            self = Verdict(.exited, exitCode: report.code, status: Int32(report.code))
        case .signaled:
            self = Verdict(
                .signaled, signal: report.code, status: 128 + Int32(report.code),
                message: "killed by signal \(report.code)")
        case .outOfMemory:
            self = Verdict(
                .outOfMemory, signal: 9, status: 137, message: "out of memory; give it more with -m",
                evidence: Evidence(
                    limit: .memory, value: limits.memoryBytes, measured: report.maximumResidentBytes,
                    unit: .bytes, isGuestsWord: true))
        }
        if status != 0 { blameLimit(report, limits) }
        if let lost = seen.lostOutput {
            message = lost
            if status == 0 { status = 125 }
        }
    }

    /// A job that failed after a limit had stood in its way: the reason is the limit, the status stays the job's own. That
    /// the limit was met is the guest's word, which only ever makes one failure into another.
    private mutating func blameLimit(_ report: GuestMessage.ExitReport, _ limits: JobRequest) {
        guard reason == .exited || reason == .signaled else { return }
        if let limit = limits.processLimit, report.processesRefused > 0 {
            reason = .pidsLimit
            message = "it failed after its limit of \(limit) processes and threads was reached"
            evidence = Evidence(
                limit: .pids, value: UInt64(limit), measured: report.processesRefused, unit: .refusals,
                isGuestsWord: true)
        } else if let bytes = limits.diskBytes, report.diskRefused > 0 {
            reason = .diskFull
            message = "it failed after its scratch disk of \(bytes >> 20)M was full"
            evidence = Evidence(
                limit: .disk, value: bytes, measured: report.diskRefused, unit: .refusals, isGuestsWord: true)
        }
    }

    /// The panic with which the guest kernel ends when it needs memory itself and there is none (KernelHeap.swift).
    private static let kernelOutOfMemory = "out of kernel memory"

    private init(
        end: (cause: MachineEvent.EndCause, message: [UInt8]), _ seen: Observations, limits: JobRequest
    ) {
        let text = printable(end.message)
        switch end.cause {
        case .guestPanic where text == Self.kernelOutOfMemory:
            self = Verdict(
                .outOfMemory, status: 137,
                message: "out of memory for the guest kernel; give it more with -m",
                evidence: .allMemory(limits))
        case .guestPanic:
            self = Verdict(.guestPanic, status: 125, message: "the guest kernel panicked: \(text)")
        case .tripleFault:
            self = Verdict(.guestPanic, status: 125, message: "the guest ended in a triple fault \(text)")
        case .poweredOff:
            self = Verdict(
                .protocolError, status: 125,
                message: "the guest powered off without reporting how the job ended")
        case .checkpointed:
            // Told by the guest and by its machine, and all that it has written is where it belongs.
            if seen.checkpoint != nil, seen.standardOutput.isClosed, seen.standardError.isClosed {
                self = Verdict(.checkpointed, status: 0)
            } else {
                self = Verdict(
                    .protocolError, status: 125, message: "the guest was saved without saying what it is")
            }
        case .deviceUnusable:
            self = Verdict(.guestPanic, status: 125, message: "the guest made a device unusable: \(text)")
        case .kvmInternalError:
            self = Verdict(.guestPanic, status: 125, message: "KVM could not go on with the guest: \(text)")
        case .vmmError:
            self = Verdict(
                seen.hasGuestEntered ? .vmmError : .startFailed, status: 125, message: "swiftlet-vmm: \(text)"
            )
        }
    }

    private init(processEnd: Observations.ProcessEnd, _ seen: Observations) {
        if processEnd.signal == SIGSYS {
            self = Verdict(
                .seccomp, status: 125, message: "swiftlet-vmm made a system call that its filter forbids")
        } else if let kill = seen.memoryKill {
            // Not `out_of_memory`: the job has not used up its guest's memory, so more of that would not help it.
            self = Verdict(
                .vmmError, status: 125,
                message: "swiftlet-vmm was killed by the host's out-of-memory killer, its cgroup held "
                    + "\(kill.peak >> 20)M of at most \(kill.limit >> 20)M: the host, or a cgroup around "
                    + "swiftlet, has too little memory",
                evidence: Evidence(
                    limit: .hostMemory, value: kill.limit, measured: kill.peak, unit: .bytes,
                    isGuestsWord: false))
        } else if seen.hasKeeperGone {
            self = Verdict(
                .vmmError, status: 125, message: "swiftlet-vmm was killed because its pool has ended")
        } else if processEnd.signal != 0 {
            self = Verdict(
                .vmmError, status: 125, message: "swiftlet-vmm was killed by signal \(processEnd.signal)")
        } else {
            self = Verdict(
                seen.hasGuestEntered ? .vmmError : .startFailed, status: 125,
                message: "swiftlet-vmm ended with status \(processEnd.code) and no word about why")
        }
    }
}

extension Evidence {
    /// A limit of time, which the host has measured.
    fileprivate init(_ limit: Limit, nanoseconds: UInt64, measured: UInt64) {
        self.init(
            limit: limit, value: nanoseconds / 1000, measured: measured / 1000, unit: .microseconds,
            isGuestsWord: false)
    }

    /// The guest says that it has used all of its memory.
    fileprivate static func allMemory(_ limits: JobRequest) -> Evidence {
        Evidence(
            limit: .memory, value: limits.memoryBytes, measured: limits.memoryBytes, unit: .bytes,
            isGuestsWord: true)
    }
}

extension Observations {
    /// From the first guest instruction to its kernel's first word. It takes a millisecond; a minute under a software CPU
    /// on a busy machine would be a wonder.
    static let bootLimitNanoseconds: UInt64 = 60_000_000_000

    /// Output that went nowhere although the job ended by itself. A reader that went away (EPIPE) is no such case: the
    /// job has had its SIGPIPE, as it would have without a VM.
    fileprivate var lostOutput: String? {
        for (name, stream) in [("standard output", standardOutput), ("standard error", standardError)] {
            if stream.errno != 0, stream.errno != EPIPE {
                return "writing its \(name) failed: \(Errno(rawValue: stream.errno))"
            }
        }
        return nil
    }
}

/// Bytes from a guest as text for a terminal: no control characters, no invalid UTF-8, at most 500 characters.
public func printable(_ bytes: [UInt8]) -> String {
    var text = ""
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars.prefix(500) {
        let isControl = scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value)
        // Line and paragraph separators and bidirectional controls can fake what a terminal shows.
        let isDeceptive = (0x2028...0x202e).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
        text.unicodeScalars.append(isControl || isDeceptive ? "\u{fffd}" : scalar)
    }
    return text
}
