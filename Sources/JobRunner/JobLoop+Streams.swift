import CLinux
import Glibc
import JobWire
import LinuxSystem
import SystemPackage

/// The streams of a job on a machine that was prepared before it.
extension JobLoop {
    /// How long, after its machine was told to go, to wait for what it had written already: a VM takes some 15 ms to close,
    /// and a reader that does not read must not hold the result for ever.
    private static let restWaitNanoseconds: UInt64 = 1_000_000_000

    /// The program runs: from here on the caller's input is the job's.
    func beginInput() {
        do throws(Errno) {
            try channels.warmStreams?.beginInput()
        } catch {
            intervene(.inputFailed("standard input: \(error)"))
        }
    }

    /// Takes note of what the relays did meanwhile.
    func followStreams() {
        let limit = request.outputLimitBytes ?? 0
        if channels.isCapturedOverLimit { return intervene(.outputLimit(bytes: limit &+ 1)) }
        guard let warm = channels.warmStreams else { return }
        _ = warm.changed.take()
        warm.output?.begin()
        warm.error?.begin()
        if warm.isOverLimit { intervene(.outputLimit(bytes: limit &+ 1)) }
        if let error = warm.inputFailure { intervene(.inputFailed("standard input: \(error)")) }
        if let result = warm.output?.settled() { seen.standardOutput = result }
        if let result = warm.error?.settled() { seen.standardError = result }
        checkByteCounts()
    }

    /// What the job had written before its end belongs to the caller.
    func passOnRest() throws(Errno) {
        guard let warm = channels.warmStreams else { return }
        let end = monotonicNanoseconds() + Self.restWaitNanoseconds
        while !warm.isPassedOn, monotonicNanoseconds() < end {
            _ = linux_poll(warm.changed.descriptor.rawValue, CInt(POLLIN), 10)
            followStreams()
        }
    }
}

extension StreamResult {
    /// Of a relay, which counts as it goes.
    mutating func note(_ progress: StreamRelay.Progress) {
        bytes = progress.passed
        isCounted = true
        if progress.isOverLimit { isCut = true }
    }

    /// What went beyond the limit counts as dropped.
    mutating func hold(to limit: UInt64?) {
        guard let limit, bytes > limit else { return }
        dropped += bytes - limit
        bytes = limit
    }
}
