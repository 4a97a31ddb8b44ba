/// One stream with the host (virtio 1.2 §5.10): its state and its credit. Moves no bytes itself; `VsockDevice` does.
final class VsockConnection {
    enum State { case connecting, established, closed }

    let localPort: UInt32
    let peerPort: UInt32
    /// Bytes the host may have on the way to us unread (buf_alloc).
    let window: UInt32
    var state = State.connecting
    var received = VsockReceivedBytes()
    /// A thread is copying the first received bytes, and may wait in the middle of it.
    var isBeingRead = false

    // Credit (§5.10.6.3), in free-running byte counts that wrap.
    private var peerWindow: UInt32 = 0
    private var peerForwarded: UInt32 = 0
    private(set) var sent: UInt32 = 0
    private(set) var forwarded: UInt32 = 0
    private var advertised: UInt32 = 0
    /// A credit update or request could not be sent for want of a slot.
    var owesUpdate = false
    var hasAskedForCredit = false

    /// What the host has closed, and what we have.
    private(set) var peerShutdown: VsockShutdown = []
    var localShutdown: VsockShutdown = []
    /// The host ended it without closing it first.
    private(set) var wasReset = false

    /// Bytes ever sent, for the job's report.
    private(set) var totalSent: UInt64 = 0
    /// Woken whenever reading, writing or the state may have changed.
    let changed = WaitQueue()

    init(localPort: UInt32, peerPort: UInt32, window: UInt32) {
        self.localPort = localPort
        self.peerPort = peerPort
        self.window = window
    }

    /// Is as after `init`, for a connection of the same name in a restored machine; who reads, writes or waits here goes on.
    func restart() {
        state = .connecting
        received.removeAll()
        peerWindow = 0
        peerForwarded = 0
        sent = 0
        forwarded = 0
        advertised = 0
        owesUpdate = false
        hasAskedForCredit = false
        peerShutdown = []
        localShutdown = []
        wasReset = false
        totalSent = 0
    }

    /// Bytes the host has room for.
    var credit: UInt32 {
        let underWay = sent &- peerForwarded
        return underWay >= peerWindow ? 0 : peerWindow - underWay
    }

    var isAtEnd: Bool { state == .closed || peerShutdown.contains(.send) }
    /// Whether bytes can still be sent, now or when there is credit.
    var isWritable: Bool {
        state != .closed && !peerShutdown.contains(.receive) && !localShutdown.contains(.send)
    }

    func consumeCredit(_ bytes: Int) {
        sent &+= UInt32(truncatingIfNeeded: bytes)
        totalSent &+= UInt64(bytes)
        hasAskedForCredit = false
    }

    /// Gives back credit that was consumed for bytes which were not sent.
    func returnCredit(_ bytes: Int) {
        sent &-= UInt32(truncatingIfNeeded: bytes)
        totalSent &-= UInt64(bytes)
    }

    /// `bytes` were read by their reader.
    func consumed(_ bytes: Int) { forwarded &+= UInt32(truncatingIfNeeded: bytes) }

    /// Whether the host should be told of the room there is now: lazily, at half a window.
    var isUpdateDue: Bool { state == .established && !isAtEnd && forwarded &- advertised >= window / 2 }

    func didAdvertise() { advertised = forwarded }

    /// Notes what a packet's header says about the peer.
    func noteCredit(_ header: VsockHeader) {
        peerWindow = header.bufferAllocation
        peerForwarded = header.forwarded
    }

    func noteShutdown(_ flags: VsockShutdown) { peerShutdown.formUnion(flags) }

    func noteReset() {
        wasReset = state == .connecting || !peerShutdown.contains(.send)
        state = .closed
    }

    /// Whether the host keeps to the window when it sends `bytes` more.
    func hasRoom(for bytes: Int) -> Bool { received.count + bytes <= Int(window) }
}
