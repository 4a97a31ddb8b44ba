import GuestMemory
import LinuxSystem
import SystemPackage
import Virtio

/// One stream connection, seen from the host: the guest's half through packets, the other half through a
/// descriptor.
///
/// It owns no queue. The device gives it the guest's packets and asks it what to send next; what is to be
/// sent besides data is a set of flags, never a list, so a flood of requests from the guest costs nothing.
final class VsockConnection {
    enum Phase {
        /// We asked; the guest has not answered.
        case requested
        case established
        /// The guest's half is gone; what it sent before is still on its way to the descriptor.
        case orphaned
    }

    /// Packets without data that are due.
    struct Due: OptionSet {
        let rawValue: UInt8
        static let request = Due(rawValue: 1)
        static let response = Due(rawValue: 2)
        static let shutdown = Due(rawValue: 4)
        static let creditUpdate = Due(rawValue: 8)
        static let creditRequest = Due(rawValue: 16)
        static let reset = Due(rawValue: 32)
    }

    let ports: VsockPorts
    let stream: HostStream
    /// The port whose end is to be reported; nil for a Unix socket.
    let reportedPort: UInt32?
    private let limit: UInt64
    let pending: ByteRing
    var credit: CreditWindow
    var phase: Phase
    var due: Due = []
    var registration: LoopRegistration?
    /// Whether the device has it in its list of those with something to send.
    var isQueued = false

    /// Assume so until the descriptor says EAGAIN; the loop, which watches for edges, sets them again.
    var mayRead = true
    var mayWrite = true
    let throttle: StreamThrottle?

    /// Halves that the guest has shut down, and those that we have.
    var guestShutdown: VsockShutdown = []
    var hostShutdown: VsockShutdown = []

    private(set) var passedBytes: UInt64 = 0
    private(set) var droppedBytes: UInt64 = 0
    private var acceptedBytes: UInt64 = 0
    private(set) var writeFailure: Errno?
    /// Reading the descriptor failed: the guest gets a reset instead of an end that would look like the input's.
    var readFailure: Errno?
    private(set) var isReported = false
    private var isLimitReported = false

    init(
        ports: VsockPorts, stream: HostStream, phase: Phase, bufferSize: UInt32, reportedPort: UInt32? = nil,
        limit: UInt64 = .max, throttle: StreamThrottle? = nil
    ) {
        self.throttle = throttle
        self.ports = ports
        self.stream = stream
        self.phase = phase
        self.reportedPort = reportedPort
        self.limit = limit
        pending = ByteRing(capacity: Int(bufferSize))
        credit = CreditWindow(bufferSize: bufferSize)
    }

    // MARK: Guest → host

    /// Takes data that the credit covers: writes what the descriptor takes now, keeps the rest, drops what is
    /// past the limit or cannot be written any more.
    func accept(_ data: GuestBuffers) {
        var rest = data
        let allowed = limit - acceptedBytes
        if UInt64(rest.count) > allowed {
            let excess = rest.count - Int(allowed)
            droppedBytes &+= UInt64(excess)
            credit.forward(excess)
            rest = rest.prefix(Int(allowed))
        }
        acceptedBytes += UInt64(rest.count)
        while pending.isEmpty, mayWrite, writeFailure == nil, !rest.isEmpty {
            let piece = throttle?.allowance(.toHost) ?? rest.count
            if piece == 0 { break }
            let written = note(stream.write(rest.prefix(piece)))
            if written == rest.count { return updateCredit() }
            if written > 0 { rest.removePrefix(written) }
        }
        if writeFailure != nil {
            credit.forward(rest.count)
        } else if !rest.isEmpty {
            pending.append(rest)
        }
        updateCredit()
    }

    /// Writes what is pending, as far as the descriptor takes it.
    func flush() {
        while !pending.isEmpty, mayWrite, writeFailure == nil {
            let piece = throttle?.allowance(.toHost) ?? pending.count
            if piece == 0 { break }
            let front = UnsafeRawBufferPointer(rebasing: pending.front.prefix(piece))
            pending.removeFirst(note(stream.write(front)))
        }
        if writeFailure != nil, !pending.isEmpty {
            credit.forward(pending.count)
            pending.removeAll()
        }
        updateCredit()
    }

    /// Books the outcome of a write; returns the bytes written.
    private func note(_ outcome: HostStream.Outcome) -> Int {
        switch outcome {
        case .moved(let count):
            credit.forward(count)
            throttle?.take(count, .toHost)
            passedBytes += UInt64(count)
            return count
        case .wouldBlock, .endOfFile:
            mayWrite = false
            return 0
        case .failed(let error):
            writeFailure = error
            // Nobody reads any more: the guest learns it as EPIPE.
            hostShutdown.insert(.receive)
            due.insert(.shutdown)
            return 0
        }
    }

    private func updateCredit() {
        if credit.shouldAdvertise { due.insert(.creditUpdate) }
    }

    /// Whether everything the guest sent, and may still send, has been dealt with.
    var isInputFinished: Bool {
        pending.isEmpty && (guestShutdown.contains(.send) || phase == .orphaned)
    }

    /// More than the limit has come, and all within it is in the descriptor: the reader has what it gets.
    var isLimitSettled: Bool { droppedBytes > 0 && pending.isEmpty }

    /// The report for the end of the guest's half: once, when `isInputFinished` or `isLimitSettled`, and only for a
    /// configured stream.
    func takeReport() -> StreamClosed? {
        guard isInputFinished || isLimitSettled, !isReported, let reportedPort else { return nil }
        isReported = true
        let isWhole = guestShutdown.contains(.send) || isLimitSettled
        let failure = writeFailure ?? readFailure ?? (isWhole ? nil : .connectionReset)
        return StreamClosed(
            port: reportedPort, passedBytes: passedBytes, droppedBytes: droppedBytes, failure: failure)
    }

    /// True once, when bytes have been dropped because of the limit.
    func takeLimitReport() -> Bool {
        guard droppedBytes > 0, !isLimitReported else { return false }
        isLimitReported = true
        return true
    }

    // MARK: Host → guest

    /// Whether the descriptor may have data that the guest has room for.
    var canFeed: Bool {
        phase == .established && mayRead && stream.canRead && stream.isOpen && credit.available > 0
            && !hostShutdown.contains(.send) && !guestShutdown.contains(.receive)
            && throttle?.holdsFeed != true
    }

    /// Whether data waits, or may wait, only because the guest has no room.
    var isStarvedOfCredit: Bool {
        phase == .established && mayRead && stream.canRead && stream.isOpen && credit.available == 0
            && !hostShutdown.contains(.send) && !guestShutdown.contains(.receive)
    }

    var hasSomethingToSend: Bool {
        phase != .orphaned && (!due.isEmpty || canFeed)
    }
}
