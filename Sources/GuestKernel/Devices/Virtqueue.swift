import GuestNucleus

/// The driver's side of a split virtqueue (virtio 1.2 §2.7) with VIRTIO_F_EVENT_IDX, in one page of memory:
///
///     0x000 descriptor table   0x800 driver ("available") ring   0xA00 device ("used") ring
///
/// Notifying costs a trap and being interrupted costs several, so both happen only when the other side asked for them, and
/// nobody asks before it has nothing else to do.
final class Virtqueue {
    static let size: UInt16 = UInt16(SWIFTLET_QUEUE_SIZE)

    struct Flags: OptionSet {
        let rawValue: UInt16
        static let next = Flags(rawValue: 1)     // VIRTQ_DESC_F_NEXT
        static let write = Flags(rawValue: 2)    // VIRTQ_DESC_F_WRITE: the device writes
    }

    private let index: UInt32
    private let table: UnsafeMutableRawPointer
    private let driverRing: UnsafeMutableRawPointer
    private let deviceRing: UnsafeMutableRawPointer
    private let notifyRegister: UInt64
    /// Free-running counts: chains made available, those the device has been shown, used ones taken.
    private var available: UInt16 = 0
    private var published: UInt16 = 0
    private var lastUsed: UInt16 = 0
    /// Notifications sent, for the tests and for whoever counts exits.
    private(set) var notifications: UInt64 = 0

    /// - Parameters:
    ///   - page: zeroed; the queue must be set up with the layout above.
    ///   - notifyRegister: where a write of `index` notifies the device, as the kernel sees it.
    init(index: UInt32, page: PhysicalAddress, notifyRegister: UInt64) {
        self.index = index
        self.notifyRegister = notifyRegister
        table = PhysicalMemory.pointer(page)
        driverRing = table + Int(SWIFTLET_QUEUE_DRIVER)
        deviceRing = table + Int(SWIFTLET_QUEUE_DEVICE)
        silence()
    }

    /// Begins anew in a restored machine, whose queue is fresh: what was under way in the saved one is not any more.
    func restart() {
        available = 0
        published = 0
        lastUsed = 0
        silence()
    }

    // MARK: Giving

    /// Fills descriptor `index` (below `size`).
    func setDescriptor(
        _ index: UInt16, address: PhysicalAddress, length: UInt32, flags: Flags = [], next: UInt16 = 0
    ) {
        let entry = table + Int(index) * 16
        entry.storeBytes(of: address, as: UInt64.self)
        entry.storeBytes(of: length, toByteOffset: 8, as: UInt32.self)
        entry.storeBytes(of: flags.rawValue, toByteOffset: 12, as: UInt16.self)
        entry.storeBytes(of: next, toByteOffset: 14, as: UInt16.self)
    }

    /// Queues the chain that begins at descriptor `head`; the device sees it at the next `publish`.
    func add(head: UInt16) {
        volatile_write16(driverRing + 4 + Int(available % Self.size) * 2, head)
        available &+= 1
    }

    /// Shows the device everything queued, and notifies it if it asked to be.
    func publish() {
        if available == published { return }
        let old = published
        published = available
        // Descriptors and ring entries before the index (§2.7.13); x86 keeps the order.
        compiler_barrier()
        volatile_write16(driverRing + 2, available)
        // The index before reading avail_event (§2.7.13.4.1): a store and a load.
        memory_fence()
        let event = volatile_read16(deviceRing + 4 + Int(Self.size) * 8)
        if Self.crosses(event, from: old, to: available) {
            notifications &+= 1
            mmio_write32(notifyRegister, index)
        }
    }

    /// Whether a counter that went from `old` to `new` passed the entry the other side named (§2.7.10, vring_need_event).
    static func crosses(_ event: UInt16, from old: UInt16, to new: UInt16) -> Bool {
        new &- event &- 1 < new &- old
    }

    // MARK: Taking back

    /// Whether the device has used chains that were not taken yet.
    var hasUsed: Bool { volatile_read16(deviceRing + 2) != lastUsed }

    /// The next chain the device is done with: its head and how many bytes it wrote.
    func takeUsed() -> (head: UInt16, length: UInt32)? {
        guard hasUsed else { return nil }
        // The index before the entry; x86 keeps loads in order.
        compiler_barrier()
        let entry = deviceRing + 4 + Int(lastUsed % Self.size) * 8
        let head = entry.load(as: UInt32.self)
        let length = entry.load(fromByteOffset: 4, as: UInt32.self)
        guard head < UInt32(Self.size) else {
            panic("virtio: the device returned a descriptor that does not exist")
        }
        lastUsed &+= 1
        return (UInt16(head), length)
    }

    // MARK: Interrupts

    /// Asks for an interrupt at the next used chain.
    /// - Returns: false if there is one already, for which no interrupt will come.
    func requestInterrupt() -> Bool {
        volatile_write16(driverRing + 4 + Int(Self.size) * 2, lastUsed)
        // used_event before looking at the index again (§2.7.7.1).
        memory_fence()
        return !hasUsed
    }

    /// Asks for no interrupt: names an entry that is past.
    func silence() {
        volatile_write16(driverRing + 4 + Int(Self.size) * 2, lastUsed &- 1)
    }
}
