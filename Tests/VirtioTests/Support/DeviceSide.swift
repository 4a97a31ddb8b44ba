import Virtio

/// A `SplitQueue` behind a reference: the testing macros take copyable values only.
final class DeviceSide {
    private var queue: SplitQueue

    init(_ queue: consuming SplitQueue) { self.queue = queue }

    struct NothingAvailable: Error {}

    /// The next chain, which must be there.
    func take() throws -> DescriptorChain {
        guard let chain = try queue.next() else { throw NothingAvailable() }
        return chain
    }

    func putBack(_ chain: consuming DescriptorChain) { queue.putBack(chain) }
    func complete(_ chain: consuming DescriptorChain, written: Int) {
        queue.complete(chain, written: written)
    }
    func pending() throws(VirtioError) -> UInt16 { try queue.pending() }
    func shouldInterrupt() -> Bool { queue.shouldInterrupt() }
    func disableNotifications() { queue.disableNotifications() }
    func enableNotifications() throws(VirtioError) -> Bool { try queue.enableNotifications() }
    func next() throws(VirtioError) -> DescriptorChain? { try queue.next() }
}
