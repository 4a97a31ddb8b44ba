/// How much each side of a connection may still send (virtio 1.2 §5.10.6.3). All counters are free-running
/// and wrap at 2^32; only differences mean anything.
struct CreditWindow {
    /// Bytes of buffer we promise the guest.
    let bufferSize: UInt32
    /// Guest → host: bytes received, and of those the ones that left our buffer.
    private(set) var received: UInt32 = 0
    private(set) var forwarded: UInt32 = 0
    /// `forwarded` as the guest last heard of it.
    private(set) var advertised: UInt32 = 0
    /// Host → guest: bytes sent, and what the guest last said of its own buffer.
    private(set) var sent: UInt32 = 0
    private(set) var peerBufferSize: UInt32 = 0
    private(set) var peerForwarded: UInt32 = 0

    init(bufferSize: UInt32) {
        self.bufferSize = bufferSize
    }

    /// Bytes in our buffer.
    var buffered: UInt32 { received &- forwarded }

    /// Takes note of `count` bytes from the guest.
    ///
    /// - Returns: false, and nothing noted, if the guest was not allowed to send that many.
    mutating func receive(_ count: Int) -> Bool {
        guard count <= Int(bufferSize) - Int(buffered) else { return false }
        received &+= UInt32(count)
        return true
    }

    /// `count` bytes have left our buffer: written, or dropped.
    mutating func forward(_ count: Int) {
        precondition(count >= 0 && count <= Int(buffered), "forwarded more than was received")
        forwarded &+= UInt32(count)
    }

    /// The guest was told `forwarded` (every packet carries it).
    mutating func advertise() {
        advertised = forwarded
    }

    /// Whether the guest should be told: it believes that less than half of our buffer is free, and is wrong.
    var shouldAdvertise: Bool {
        let unknown = forwarded &- advertised
        return unknown > 0 && received &- advertised >= bufferSize / 2
    }

    /// Takes the guest's word, which comes with every packet.
    ///
    /// - Returns: false if it claims to have consumed what we never sent, or takes back what it said.
    mutating func hear(bufferSize: UInt32, forwarded: UInt32) -> Bool {
        guard forwarded &- peerForwarded <= sent &- peerForwarded else { return false }
        peerBufferSize = bufferSize
        peerForwarded = forwarded
        return true
    }

    /// Bytes we may send now. 0, not a wrapped number, when the guest shrank its buffer below what is in
    /// flight.
    var available: Int {
        max(0, Int(peerBufferSize) - Int(sent &- peerForwarded))
    }

    mutating func send(_ count: Int) {
        precondition(count <= available, "sent more than the guest allows")
        sent &+= UInt32(count)
    }
}
