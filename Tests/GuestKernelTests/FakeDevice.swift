import GuestNucleus

@testable import GuestKernel

/// The device's side of one virtqueue over the fake machine's memory, as the specification has it: for the tests only, so
/// nothing is checked.
final class FakeQueue {
    struct Chain {
        var head: UInt16
        var readable: [UnsafeRawBufferPointer] = []
        var writable: [UnsafeMutableRawBufferPointer] = []

        var readableBytes: [UInt8] { readable.flatMap { Array($0) } }
    }

    private let page: UnsafeMutableRawPointer
    private var lastAvailable: UInt16 = 0
    private var used: UInt16 = 0

    init(page: PhysicalAddress) { self.page = PhysicalMemory.pointer(page) }

    /// The next chain the driver has made available.
    func next() -> Chain? {
        let ring = page + Int(SWIFTLET_QUEUE_DRIVER)
        guard ring.load(fromByteOffset: 2, as: UInt16.self) != lastAvailable else { return nil }
        let head = ring.load(fromByteOffset: 4 + Int(lastAvailable % 128) * 2, as: UInt16.self)
        lastAvailable &+= 1
        var chain = Chain(head: head)
        var index: UInt16? = head
        while let i = index {
            let entry = page + Int(i) * 16
            let start = PhysicalMemory.pointer(entry.load(as: UInt64.self))
            let count = Int(entry.load(fromByteOffset: 8, as: UInt32.self))
            let flags = entry.load(fromByteOffset: 12, as: UInt16.self)
            if flags & 2 != 0 {
                chain.writable.append(UnsafeMutableRawBufferPointer(start: start, count: count))
            } else {
                chain.readable.append(UnsafeRawBufferPointer(start: start, count: count))
            }
            index = flags & 1 != 0 ? entry.load(fromByteOffset: 14, as: UInt16.self) : nil
        }
        return chain
    }

    func complete(_ chain: Chain, written: Int = 0) {
        let ring = page + Int(SWIFTLET_QUEUE_DEVICE)
        let entry = ring + 4 + Int(used % 128) * 8
        entry.storeBytes(of: UInt32(chain.head), as: UInt32.self)
        entry.storeBytes(of: UInt32(written), toByteOffset: 4, as: UInt32.self)
        used &+= 1
        ring.storeBytes(of: used, toByteOffset: 2, as: UInt16.self)
    }

    /// Asks to be notified of the entry after `count` (avail_event).
    func requestNotification(after count: UInt16) {
        (page + Int(SWIFTLET_QUEUE_DEVICE)).storeBytes(of: count, toByteOffset: 4 + 128 * 8, as: UInt16.self)
    }

    /// The entry whose use the driver wants an interrupt for (used_event).
    var usedEvent: UInt16 {
        (page + Int(SWIFTLET_QUEUE_DRIVER)).load(fromByteOffset: 4 + 128 * 2, as: UInt16.self)
    }
}

/// What the VMM hands over for one device: initialised queues in pages of the fake machine, and a page instead of registers.
struct FakeDevice {
    let entry: swiftlet_device
    let queues: [FakeQueue]

    init(
        _ kind: VirtioDevice.Kind, queueCount: UInt32, configuration: UInt64,
        features: VirtioDevice.Features = []
    ) throws {
        FakeMachine.start()
        let pages = try Frames.allocateContiguous(count: UInt64(queueCount) + 1)
        let all = features.union([.version1, .eventIndex])
        entry = swiftlet_device(
            mmio: pages + UInt64(queueCount) * pageSize, gsi: 5, device_id: kind.rawValue,
            features: all.rawValue,
            config: configuration, queues: pages, queue_count: queueCount, reserved: 0)
        queues = (0..<UInt64(queueCount)).map { FakeQueue(page: pages + $0 * pageSize) }
    }

    /// What was last written to QueueNotify.
    var lastNotified: UInt32 {
        PhysicalMemory.pointer(entry.mmio + VirtioDevice.Register.queueNotify.rawValue).load(as: UInt32.self)
    }
}
