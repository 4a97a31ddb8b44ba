import Boot
import CSwiftletABI
import GuestMemory
import Virtio

// The tiny kernel's devices are handed over initialised: the driver's part of virtio 1.2 §3.1.1, by the same register
// writes into the same transport, costs nothing in here and 34 µs a register in there (docs/machine.md).
extension DevicePlan {
    /// Whether the device's queues are set up before the boot. The kernel takes entropy from the boot page, so the entropy
    /// device stays as after a reset.
    private static func isHandedOver(_ transport: MMIOTransport) -> Bool {
        transport.description.id == .vsock || transport.description.id == .block
    }

    /// The leading queues that can have SWIFTLET_QUEUE_SIZE entries. Vsock's event queue cannot, and stays unused: it
    /// carries news of a migration, which a job's machine never sees.
    private static func queueCount(_ transport: MMIOTransport) -> Int {
        transport.description.queueSizes.prefix { $0 >= UInt16(SWIFTLET_QUEUE_SIZE) }.count
    }

    /// Pages of guest memory the handed-over queues need, one each.
    var queuePages: Int {
        transports.filter(Self.isHandedOver).reduce(0) { $0 + Self.queueCount($1) }
    }

    /// What the boot page says of devices that are as after a reset, for a kernel that initialises them itself.
    var untouchedDevices: [BootDevice] {
        transports.enumerated().map { Self.bootDevice($1, index: $0) }
    }

    /// - Parameter handedOver: What is so of a device that is initialised; nil: it is as after a reset.
    private static func bootDevice(
        _ transport: MMIOTransport, index: Int,
        handedOver: (features: VirtioFeatures, queues: UInt64, queueCount: Int)? = nil
    ) -> BootDevice {
        let description = transport.description
        return BootDevice(
            type: description.id.rawValue, index: index,
            features: (handedOver?.features ?? description.features).rawValue,
            configuration: transport.read(offset: MMIORegister.configurationStart, width: 8),
            queues: handedOver?.queues ?? 0,
            queueCount: handedOver?.queueCount ?? description.queueSizes.count)
    }

    /// Initialises the devices with queues in the pages from `queuePages` on.
    ///
    /// - Returns: What the boot page says of each device.
    func handOver(queuePages first: UInt64) -> [BootDevice] {
        var page = first
        return transports.enumerated().map { index, transport in
            guard Self.isHandedOver(transport) else { return Self.bootDevice(transport, index: index) }
            let features = transport.description.features.intersection(Self.tinyFeatures)
            let queueCount = Self.queueCount(transport)
            initialise(transport, features: features, queues: page)
            defer { page += UInt64(queueCount) * 4096 }
            return Self.bootDevice(transport, index: index, handedOver: (features, page, queueCount))
        }
    }

    /// VIRTIO_BLK_F_RO and VIRTIO_BLK_F_FLUSH (virtio 1.2 §5.2.3) and the rings' features.
    private static let tinyFeatures = VirtioFeatures.ofTransport.union(
        VirtioFeatures(rawValue: 1 << 5 | 1 << 9))

    private func initialise(_ transport: MMIOTransport, features: VirtioFeatures, queues: UInt64) {
        let count = Self.queueCount(transport)
        let configurations = transport.description.queueSizes.indices.map { index -> QueueConfiguration? in
            guard index < count else { return nil }
            let page = queues + UInt64(index) * 4096
            var queue = QueueConfiguration()
            queue.size = UInt32(SWIFTLET_QUEUE_SIZE)
            queue.descriptorTable = GuestAddress(page)
            queue.availableRing = GuestAddress(page + UInt64(SWIFTLET_QUEUE_DRIVER))
            queue.usedRing = GuestAddress(page + UInt64(SWIFTLET_QUEUE_DEVICE))
            return queue
        }
        let isSetUp = transport.setUp(
            DriverState(
                device: transport.description.id, status: [.acknowledge, .driver, .featuresOK, .driverOK],
                features: features, queues: configurations))
        precondition(isSetUp, "our own initialisation of a device was refused")
    }

    /// Sets the devices up as a saved machine's drivers had, in the same places.
    /// - Returns: false if they are not that machine's.
    func resume(_ saved: [DriverState]) -> Bool {
        guard saved.count == transports.count else { return false }
        return zip(transports, saved).allSatisfy { $0.setUp($1, isResumed: true) }
    }
}
