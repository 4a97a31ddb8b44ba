import CLinux
import GuestMemory
import Virtio

/// The driver's side of a split virtqueue over plain memory, with every freedom to do it wrong.
///
///     base: descriptor table | + 0x1000: available ring | + 0x1800: used ring
final class GuestDriverQueue {
    struct Piece {
        var address: UInt64
        var count: UInt32
        var isWritable: Bool

        static func readable(_ address: UInt64, _ count: UInt32) -> Piece {
            Piece(address: address, count: count, isWritable: false)
        }
        static func writable(_ address: UInt64, _ count: UInt32) -> Piece {
            Piece(address: address, count: count, isWritable: true)
        }
    }

    static let next: UInt16 = 1, write: UInt16 = 2, indirect: UInt16 = 4

    let memory: GuestMemory
    let size: UInt16
    let configuration: QueueConfiguration
    private var nextDescriptor: UInt16 = 0
    private(set) var availableIndex: UInt16 = 0
    private var seenUsed: UInt16 = 0

    init(_ memory: GuestMemory, at base: UInt64, size: UInt16 = 16) {
        self.memory = memory
        self.size = size
        var configuration = QueueConfiguration()
        configuration.size = UInt32(size)
        configuration.descriptorTable = GuestAddress(base)
        configuration.availableRing = GuestAddress(base + 0x1000)
        configuration.usedRing = GuestAddress(base + 0x1800)
        self.configuration = configuration
    }

    /// The device's side of it.
    func deviceQueue(_ features: VirtioFeatures = [.version1]) throws -> DeviceSide {
        let validated = try configuration.validated(
            maximumSize: DeviceDescription.maximumQueueSize, in: memory)
        return DeviceSide(SplitQueue(validated, features: features))
    }

    // MARK: Raw access

    private func at(_ address: GuestAddress, _ offset: UInt64) -> GuestAddress {
        GuestAddress(address.rawValue + offset)
    }

    func setDescriptor(_ index: UInt16, address: UInt64, count: UInt32, flags: UInt16, next: UInt16 = 0)
        throws
    {
        try memory.store(
            vring_desc(addr: address, len: count, flags: flags, next: next),
            at: at(configuration.descriptorTable, 16 * UInt64(index)))
    }

    /// Puts `head` into the ring and bumps the index.
    func makeAvailable(_ head: UInt16) throws {
        try memory.store(head, at: at(configuration.availableRing, 4 + 2 * UInt64(availableIndex % size)))
        availableIndex &+= 1
        try memory.store(availableIndex, at: at(configuration.availableRing, 2))
    }

    func setAvailableIndex(_ index: UInt16) throws {
        availableIndex = index
        try memory.store(index, at: at(configuration.availableRing, 2))
    }

    func setAvailableFlags(_ flags: UInt16) throws {
        try memory.store(flags, at: configuration.availableRing)
    }
    func setUsedEvent(_ event: UInt16) throws {
        try memory.store(event, at: at(configuration.availableRing, 4 + 2 * UInt64(size)))
    }
    func availableEvent() throws -> UInt16 {
        try memory.load(at: at(configuration.usedRing, 4 + 8 * UInt64(size)))
    }
    func usedFlags() throws -> UInt16 { try memory.load(at: configuration.usedRing) }
    func usedIndex() throws -> UInt16 { try memory.load(at: at(configuration.usedRing, 2)) }

    // MARK: As a driver does it

    /// Makes a chain of fresh descriptors available. Descriptors are reused round robin: a test keeps within `size`.
    @discardableResult
    func add(_ pieces: [Piece]) throws -> UInt16 {
        let head = nextDescriptor % size
        for (position, piece) in pieces.enumerated() {
            let index = nextDescriptor % size
            nextDescriptor &+= 1
            let isLast = position == pieces.count - 1
            let flags = (piece.isWritable ? Self.write : 0) | (isLast ? 0 : Self.next)
            try setDescriptor(
                index, address: piece.address, count: piece.count, flags: flags, next: nextDescriptor % size)
        }
        try makeAvailable(head)
        return head
    }

    /// What the device has given back since the last call.
    func takeUsed() throws -> [(head: UInt32, written: UInt32)] {
        var result: [(UInt32, UInt32)] = []
        let end = try usedIndex()
        while seenUsed != end {
            let element: vring_used_elem = try memory.load(
                at: at(configuration.usedRing, 4 + 8 * UInt64(seenUsed % size)))
            result.append((element.id, element.len))
            seenUsed &+= 1
        }
        return result
    }
}
