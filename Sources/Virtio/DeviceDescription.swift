/// The device types of virtio 1.2 §5 that exist here.
public enum VirtioDeviceID: UInt32, Sendable {
    case block = 2
    case console = 3
    case entropy = 4
    case balloon = 5
    case vsock = 19
}

/// Feature bits: those of the transport and rings (virtio 1.2 §6), and through `init(rawValue:)` each
/// device's own.
public struct VirtioFeatures: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// VIRTIO_F_INDIRECT_DESC
    public static let indirectDescriptors = VirtioFeatures(rawValue: 1 << 28)
    /// VIRTIO_F_EVENT_IDX
    public static let eventIndex = VirtioFeatures(rawValue: 1 << 29)
    /// VIRTIO_F_VERSION_1: without it there is no device here, legacy drivers are refused.
    public static let version1 = VirtioFeatures(rawValue: 1 << 32)

    /// What every device here offers beside its own.
    public static let ofTransport: VirtioFeatures = [.indirectDescriptors, .eventIndex, .version1]
}

/// What a device is, fixed when it is made: what the transport answers without asking the device.
public struct DeviceDescription: Sendable {
    public let id: VirtioDeviceID
    /// All features on offer, the transport's included.
    public let features: VirtioFeatures
    /// The largest size of each queue, in entries; powers of two up to `maximumQueueSize`.
    public let queueSizes: [UInt16]
    /// Device configuration space (§2.5). Constant: no device here changes it, so its generation is always 0.
    public let configuration: [UInt8]

    /// Enough to keep a device busy; bounds every chain, every iovec list and the memory the rings take.
    public static let maximumQueueSize: UInt16 = 256

    public init(
        id: VirtioDeviceID, features: VirtioFeatures, queueSizes: [UInt16], configuration: [UInt8]
    ) {
        precondition(
            queueSizes.allSatisfy { $0 > 0 && $0 <= Self.maximumQueueSize && $0 & ($0 - 1) == 0 },
            "queue sizes are powers of two up to 256")
        self.id = id
        self.features = features.union(.ofTransport)
        self.queueSizes = queueSizes
        self.configuration = configuration
    }
}
