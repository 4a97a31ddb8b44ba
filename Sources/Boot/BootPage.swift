import CSwiftletABI

/// A virtio-mmio device as the boot page lists it.
public struct BootDevice: Equatable, Sendable {
    /// Virtio device type (virtio 1.2 §5): 2 block, 3 console, 4 entropy, 19 vsock.
    public let type: UInt32
    public let mmio: UInt64
    public let gsi: UInt32
    /// Offered, or negotiated if `queues` is not 0.
    public let features: UInt64
    /// The first 8 bytes of the configuration space, little-endian.
    public let configuration: UInt64
    /// Where the queues' pages are if the device is handed over initialised, 0 if it is as after a reset.
    public let queues: UInt64
    public let queueCount: UInt32

    /// The `index`th device (0…15), at its fixed place.
    public init(
        type: UInt32, index: Int, features: UInt64, configuration: UInt64, queues: UInt64, queueCount: Int
    ) {
        self.type = type
        mmio = Self.address(index)
        gsi = Self.gsi(index)
        self.features = features
        self.configuration = configuration
        self.queues = queues
        self.queueCount = UInt32(queueCount)
    }

    public static func address(_ index: Int) -> UInt64 {
        precondition(index >= 0 && index < Int(SWIFTLET_VIRTIO_MAXIMUM), "there are 16 places for devices")
        return UInt64(SWIFTLET_VIRTIO_BASE) + UInt64(index) * UInt64(SWIFTLET_VIRTIO_STRIDE)
    }

    public static func gsi(_ index: Int) -> UInt32 { UInt32(SWIFTLET_VIRTIO_GSI_BASE) + UInt32(index) }
}

/// What the boot page says that differs from boot to boot.
public struct BootFacts: Sendable {
    /// Hz.
    public let tscFrequency: UInt64
    /// Nanoseconds since 1970, taken as late as possible.
    public let wallClock: UInt64
    /// 48 fresh random bytes: 32 to seed the guest's generator, 16 to name this boot.
    public let random: [UInt8]
    public let devices: [BootDevice]

    public init(tscFrequency: UInt64, wallClock: UInt64, random: [UInt8], devices: [BootDevice]) {
        precondition(random.count == 48, "32 bytes of entropy and 16 of nonce")
        precondition(devices.count <= Int(SWIFTLET_VIRTIO_MAXIMUM), "there are 16 places for devices")
        self.tscFrequency = tscFrequency
        self.wallClock = wallClock
        self.random = random
        self.devices = devices
    }
}

extension LoadedTinyKernel {
    func bootPage(_ facts: BootFacts) -> swiftlet_boot_page {
        var page = swiftlet_boot_page(facts, map)
        page.nucleus_tables = nucleusTables
        page.nucleus_idt = nucleusIDT
        page.free_start = freeStart
        return page
    }
}

extension LoadedLinux {
    /// For process 1: the kernel has been told by other means.
    func bootPage(_ facts: BootFacts) -> swiftlet_boot_page { swiftlet_boot_page(facts, map) }
}

extension SavedLinux {
    func bootPage(_ facts: BootFacts) -> swiftlet_boot_page { swiftlet_boot_page(facts, map) }
}

extension swiftlet_boot_page {
    /// All but what a nucleus needs.
    fileprivate init(_ facts: BootFacts, _ map: PhysicalMap) {
        self.init()
        magic = UInt64(SWIFTLET_BOOT_MAGIC)
        version = UInt32(SWIFTLET_BOOT_VERSION)
        device_count = UInt32(facts.devices.count)
        tsc_frequency = facts.tscFrequency
        wall_clock = facts.wallClock
        withUnsafeMutableBytes(of: &entropy) { $0.copyBytes(from: facts.random[..<32]) }
        withUnsafeMutableBytes(of: &nonce) { $0.copyBytes(from: facts.random[32...]) }
        memory.0 = swiftlet_memory_region(map.ram[0])
        if map.ram.count > 1 { memory.1 = swiftlet_memory_region(map.ram[1]) }
        if let image = map.rootImage { root_image = swiftlet_memory_region(image) }
        withUnsafeMutableBytes(of: &devices) { raw in
            // SAFETY: the bytes are those of a tuple of 16 swiftlet_device.
            let devices = raw.bindMemory(to: swiftlet_device.self)
            for (index, device) in facts.devices.enumerated() {
                devices[index] = swiftlet_device(
                    mmio: device.mmio, gsi: device.gsi, device_id: device.type, features: device.features,
                    config: device.configuration, queues: device.queues, queue_count: device.queueCount,
                    reserved: 0)
            }
        }
    }
}

extension swiftlet_memory_region {
    fileprivate init(_ range: PhysicalMap.Range) {
        self.init(start: range.start, size: range.bytes)
    }
}
