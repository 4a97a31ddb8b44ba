import CLinux
import GuestMemory
import Synchronization

/// The device's side of a split virtqueue (virtio 1.2 §2.7).
///
///     descriptor table:  size × 16 B
///     available ring:    | flags 2 | idx 2 | ring size × 2 | used_event 2 |     written by the driver
///     used ring:         | flags 2 | idx 2 | ring size × 8 | avail_event 2 |    written by us
///
/// Everything the driver writes may be a lie and may change at any time: indices are read once each,
/// descriptors are copied once and then checked, and the device's own position is kept here and never read
/// back.
public struct SplitQueue: ~Copyable {
    private let queue: ValidatedQueue
    private let usesEventIndex: Bool
    private let allowsIndirect: Bool
    /// Free-running, wrap at 2^16.
    private var nextAvailable: UInt16 = 0
    private var nextUsed: UInt16 = 0
    /// `nextUsed` when we last decided whether to interrupt.
    private var lastDecided: UInt16 = 0

    /// - Parameter isResumed: Whether another device has served the queue before. Then it goes on at the first chain that one
    ///   has not given back: no device here holds a chain from one event to the next, and gives them back in order.
    public init(_ queue: ValidatedQueue, features: VirtioFeatures, isResumed: Bool = false) {
        self.queue = queue
        usesEventIndex = features.contains(.eventIndex)
        allowsIndirect = features.contains(.indirectDescriptors)
        if isResumed {
            nextUsed = queue.usedRing.loadAcquiring16(at: 2)
            nextAvailable = nextUsed
            lastDecided = nextUsed
        }
    }

    public var size: UInt16 { queue.size }
    private var mask: UInt16 { queue.size - 1 }
    private var usedEventOffset: Int { 4 + 2 * Int(queue.size) }
    private var availableEventOffset: Int { 4 + 8 * Int(queue.size) }

    /// How many chains the driver has made available and we have not taken.
    ///
    /// - Throws: `.availableIndex` if that is more than the queue has entries.
    public func pending() throws(VirtioError) -> UInt16 {
        // Pairs with the driver's write barrier before it bumps avail.idx (§2.7.13.3).
        let index = queue.availableRing.loadAcquiring16(at: 2)
        let pending = index &- nextAvailable
        guard pending <= queue.size else {
            throw .availableIndex(index, next: nextAvailable, size: queue.size)
        }
        return pending
    }

    // MARK: Taking requests

    /// The next request, or nil if there is none. After an error the queue cannot be trusted any more.
    public mutating func next() throws(VirtioError) -> DescriptorChain? {
        guard try pending() > 0 else { return nil }
        let head = queue.availableRing.loadRelaxed16(at: 4 + 2 * Int(nextAvailable & mask))
        var walk = ChainWalk(queue, allowsIndirect: allowsIndirect)
        try walk.run(from: head)
        let position = nextAvailable
        nextAvailable &+= 1
        return DescriptorChain(
            head: head, position: position, readable: walk.readable, writable: walk.writable)
    }

    /// Gives back the chain taken last, untouched: `next()` will return it again.
    public mutating func putBack(_ chain: consuming DescriptorChain) {
        precondition(chain.position == nextAvailable &- 1, "only the newest chain can be put back")
        nextAvailable = chain.position
        chain.abandon()
    }

    // MARK: Giving them back

    /// Returns a request to the driver with the number of bytes written to its writable part.
    public mutating func complete(_ chain: consuming DescriptorChain, written: Int) {
        let element = vring_used_elem(id: UInt32(chain.head), len: UInt32(clamping: written))
        chain.abandon()
        queue.usedRing.store(element, at: 4 + 8 * Int(nextUsed & mask))
        nextUsed &+= 1
        // Pairs with the driver's read barrier after it has read used.idx (§2.7.14).
        queue.usedRing.storeReleasing16(nextUsed, at: 2)
    }

    /// Whether the driver wants an interrupt for what was completed since the last call (§2.7.7.2, §2.7.10).
    public mutating func shouldInterrupt() -> Bool {
        guard nextUsed != lastDecided else { return false }
        // Our used.idx must be visible before we read what the driver asks for, or both sides could miss each
        // other.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        let previous = lastDecided
        lastDecided = nextUsed
        if usesEventIndex {
            let event = queue.availableRing.loadRelaxed16(at: usedEventOffset)
            return (nextUsed &- event &- 1) < (nextUsed &- previous)
        }
        return queue.availableRing.loadRelaxed16(at: 0) & UInt16(VRING_AVAIL_F_NO_INTERRUPT) == 0
    }

    // MARK: Notifications from the driver

    /// Asks the driver not to notify us. A hint; with event indices an old avail_event does the same.
    public func disableNotifications() {
        if !usesEventIndex {
            queue.usedRing.storeRelaxed16(UInt16(VRING_USED_F_NO_NOTIFY), at: 0)
        }
    }

    /// Asks the driver to notify us of the next chain.
    ///
    /// - Returns: whether chains arrived in the meantime, whose notification may have been left out.
    public func enableNotifications() throws(VirtioError) -> Bool {
        if usesEventIndex {
            queue.usedRing.storeRelaxed16(nextAvailable, at: availableEventOffset)
        } else {
            queue.usedRing.storeRelaxed16(0, at: 0)
        }
        // The request must be visible before we look again; the driver does the same in the opposite order.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return try pending() > 0
    }
}
