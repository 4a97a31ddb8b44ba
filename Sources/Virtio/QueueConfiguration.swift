import CLinux
import GuestMemory

/// What the driver has programmed for one queue so far (virtio 1.2 §4.2.3.2). Becomes a queue only by passing
/// `validated`.
public struct QueueConfiguration: Sendable, Equatable {
    public var size: UInt32 = 0
    /// Descriptor area, driver area (available ring) and device area (used ring).
    public var descriptorTable = GuestAddress(0)
    public var availableRing = GuestAddress(0)
    public var usedRing = GuestAddress(0)

    public init() {}

    /// Checks everything that can be checked before the queue is used: the size, and that the three parts are
    /// aligned and wholly in RAM, the event fields included whether negotiated or not.
    public func validated(
        maximumSize: UInt16, in memory: GuestMemory
    ) throws(VirtioError) -> ValidatedQueue {
        guard size > 0, size <= maximumSize, size & (size - 1) == 0 else {
            throw .queueSize(size, maximum: maximumSize)
        }
        let entries = UInt64(size)
        do throws(GuestMemoryError) {
            return ValidatedQueue(
                size: UInt16(size), maximumSize: maximumSize, memory: memory,
                descriptorTable: try memory.slice(at: descriptorTable, count: 16 * entries, alignment: 16),
                availableRing: try memory.slice(at: availableRing, count: 6 + 2 * entries, alignment: 2),
                usedRing: try memory.slice(at: usedRing, count: 6 + 8 * entries, alignment: 4))
        } catch {
            throw .memory(error)
        }
    }
}

/// A queue whose size and addresses were checked: what a `SplitQueue` is made from.
public struct ValidatedQueue: Sendable {
    let size: UInt16
    let maximumSize: UInt16
    let memory: GuestMemory
    let descriptorTable: GuestSlice
    let availableRing: GuestSlice
    let usedRing: GuestSlice
}

extension vring_desc: GuestLayout {}
extension vring_used_elem: GuestLayout {}
