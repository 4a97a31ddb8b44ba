import GuestNucleus

/// A virtio-mmio device, version 2 (virtio 1.2 §4.2), from the driver's side. Usually the VMM has initialised it already
/// and the boot page says where its queues are (docs/machine.md); then no register is touched but QueueNotify.
final class VirtioDevice {
    enum Kind: UInt32 {
        case block = 2
        case entropy = 4
        case vsock = 19
    }

    struct Features: OptionSet {
        let rawValue: UInt64
        static let eventIndex = Features(rawValue: 1 << 29)    // VIRTIO_F_EVENT_IDX
        static let version1 = Features(rawValue: 1 << 32)      // VIRTIO_F_VERSION_1
        static let blockReadOnly = Features(rawValue: 1 << 5)  // VIRTIO_BLK_F_RO
        static let blockFlush = Features(rawValue: 1 << 9)     // VIRTIO_BLK_F_FLUSH
    }

    /// Offsets of the registers (§4.2.2).
    enum Register: UInt64 {
        case deviceFeatures = 0x010, deviceFeaturesSelect = 0x014
        case driverFeatures = 0x020, driverFeaturesSelect = 0x024
        case queueSelect = 0x030, queueSizeMaximum = 0x034, queueSize = 0x038
        case queueReady = 0x044, queueNotify = 0x050
        case status = 0x070
        case queueDescriptorsLow = 0x080, queueDescriptorsHigh = 0x084
        case queueDriverLow = 0x090, queueDriverHigh = 0x094
        case queueDeviceLow = 0x0A0, queueDeviceHigh = 0x0A4
        case configuration = 0x100
    }

    /// device_status (§2.1).
    private enum Status {
        static let acknowledge: UInt32 = 1, driver: UInt32 = 2, driverOK: UInt32 = 4, featuresOK: UInt32 = 8
    }

    /// Without these no driver here works.
    private static let required: Features = [.version1, .eventIndex]

    /// Device number in the boot page, 0…15, and its IOAPIC pin.
    let number: Int
    let gsi: UInt32
    /// First 8 bytes of the configuration space.
    let configuration: UInt64
    /// Those negotiated.
    let features: Features
    let queues: [Virtqueue]
    /// Where the VMM has put them; 0: they are in pages of our own.
    private let queuePages: PhysicalAddress

    private static func register(_ entry: swiftlet_device, _ register: Register) -> UInt64 {
        PhysicalMemory.physmap + entry.mmio + register.rawValue
    }

    /// Takes over the device, or initialises it if the VMM has not.
    /// - Parameters:
    ///   - queueCount: how many queues, from the first, the driver uses.
    ///   - optional: features the driver can use if the device has them.
    /// - Throws: `.noSuchDevice` if the device lacks something required.
    init(number: Int, _ entry: swiftlet_device, queueCount: UInt32, optional: Features = []) throws(Errno) {
        self.number = number
        gsi = entry.gsi
        let notify = Self.register(entry, .queueNotify)
        queuePages = entry.queues
        var made: [Virtqueue] = []
        if entry.queues != 0 {
            features = Features(rawValue: entry.features)
            configuration = entry.config
            guard features.isSuperset(of: Self.required), entry.queue_count >= queueCount else {
                throw .noSuchDevice
            }
            for i in 0..<queueCount {
                let page = entry.queues + UInt64(i) * pageSize
                made.append(Virtqueue(index: i, page: page, notifyRegister: notify))
            }
        } else {
            features = try Self.negotiate(entry, optional)
            configuration = Self.readConfiguration(entry)
            for i in 0..<queueCount {
                let page = try Frames.allocate(forKernel: true)
                try Self.setUpQueue(entry, i, page)
                made.append(Virtqueue(index: i, page: page, notifyRegister: notify))
            }
            Self.write(entry, .status, Self.started)
        }
        queues = made
    }

    /// The device of a restored machine has come, fresh, in the place of the saved one's.
    /// - Throws: `.noSuchDevice` if it is not the same in every respect.
    func restart(_ entry: swiftlet_device) throws(Errno) {
        guard entry.gsi == gsi, entry.features == features.rawValue, entry.config == configuration,
            entry.queues != 0, entry.queues == queuePages, entry.queue_count >= UInt32(queues.count)
        else { throw .noSuchDevice }
        for queue in queues { queue.restart() }
    }

    private static let negotiating = Status.acknowledge | Status.driver | Status.featuresOK
    private static let started = negotiating | Status.driverOK

    private static func write(_ entry: swiftlet_device, _ register: Register, _ value: UInt32) {
        mmio_write32(Self.register(entry, register), value)
    }

    private static func read(_ entry: swiftlet_device, _ register: Register) -> UInt32 {
        mmio_read32(Self.register(entry, register))
    }

    /// §3.1.1, steps 1 to 6.
    private static func negotiate(_ entry: swiftlet_device, _ optional: Features) throws(Errno) -> Features {
        write(entry, .status, 0)
        write(entry, .status, Status.acknowledge | Status.driver)
        var offered = entry.features
        if offered == 0 {
            write(entry, .deviceFeaturesSelect, 0)
            offered = UInt64(read(entry, .deviceFeatures))
            write(entry, .deviceFeaturesSelect, 1)
            offered |= UInt64(read(entry, .deviceFeatures)) << 32
        }
        let accepted = Features(rawValue: offered).intersection(required.union(optional))
        guard accepted.isSuperset(of: required) else { throw .noSuchDevice }
        write(entry, .driverFeaturesSelect, 0)
        write(entry, .driverFeatures, UInt32(truncatingIfNeeded: accepted.rawValue))
        write(entry, .driverFeaturesSelect, 1)
        write(entry, .driverFeatures, UInt32(truncatingIfNeeded: accepted.rawValue >> 32))
        write(entry, .status, negotiating)
        guard read(entry, .status) & Status.featuresOK != 0 else { throw .noSuchDevice }
        return accepted
    }

    private static func readConfiguration(_ entry: swiftlet_device) -> UInt64 {
        if entry.config != 0 { return entry.config }
        let base = register(entry, .configuration)
        return UInt64(mmio_read32(base)) | UInt64(mmio_read32(base + 4)) << 32
    }

    /// §4.2.3.2.
    private static func setUpQueue(
        _ entry: swiftlet_device, _ index: UInt32, _ page: PhysicalAddress
    ) throws(Errno) {
        write(entry, .queueSelect, index)
        guard read(entry, .queueSizeMaximum) >= UInt32(Virtqueue.size) else { throw .noSuchDevice }
        write(entry, .queueSize, UInt32(Virtqueue.size))
        let driver = page + UInt64(SWIFTLET_QUEUE_DRIVER)
        let device = page + UInt64(SWIFTLET_QUEUE_DEVICE)
        write(entry, .queueDescriptorsLow, UInt32(truncatingIfNeeded: page))
        write(entry, .queueDescriptorsHigh, UInt32(truncatingIfNeeded: page >> 32))
        write(entry, .queueDriverLow, UInt32(truncatingIfNeeded: driver))
        write(entry, .queueDriverHigh, UInt32(truncatingIfNeeded: driver >> 32))
        write(entry, .queueDeviceLow, UInt32(truncatingIfNeeded: device))
        write(entry, .queueDeviceHigh, UInt32(truncatingIfNeeded: device >> 32))
        write(entry, .queueReady, 1)
    }
}
