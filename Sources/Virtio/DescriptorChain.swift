import GuestMemory

/// One request of the driver: what the device may read and what it may write, checked against guest RAM.
///
/// It is moved, never copied, and ends in `SplitQueue.complete` (or `putBack`, or `abandon` when the queue is
/// gone): a chain that is dropped would be a buffer the driver never gets back, so that traps in debug
/// builds.
public struct DescriptorChain: ~Copyable {
    /// The index of the first descriptor: the driver's name for the request.
    public let head: UInt16
    /// Position in the available ring, so that only the newest chain can be put back.
    let position: UInt16
    public var readable: GuestBuffers
    public var writable: GuestBuffers
    private var ended = false

    init(head: UInt16, position: UInt16, readable: GuestBuffers, writable: GuestBuffers) {
        self.head = head
        self.position = position
        self.readable = readable
        self.writable = writable
    }

    /// Ends the chain without telling the driver: after a reset there is nobody to tell.
    public consuming func abandon() {
        ended = true
    }

    deinit {
        assert(ended, "a descriptor chain was dropped instead of completed")
    }
}
