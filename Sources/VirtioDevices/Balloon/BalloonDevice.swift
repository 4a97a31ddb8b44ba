import GuestMemory
import Virtio

/// A virtio memory balloon that asks for no page and takes what the driver reports as free (virtio 1.2 §5.5, free page
/// reporting): the host has the memory back until the guest touches it again, and it is zero then.
public final class BalloonDevice: VirtioDevice {
    public let description = DeviceDescription(
        id: .balloon, features: reporting,
        queueSizes: Array(repeating: DeviceDescription.maximumQueueSize, count: 5),
        // struct virtio_balloon_config: it is to hold no pages.
        configuration: Array(repeating: 0, count: 16))

    /// VIRTIO_BALLOON_F_REPORTING (the specification's F_PAGE_REPORTING).
    private static let reporting = VirtioFeatures(rawValue: 1 << 5)
    /// Queues 0 and 1 inflate and deflate, which nobody asks for. The specification numbers the reporting queue 4; Linux
    /// numbers only those queues whose features were negotiated, and has it at 2. What comes on any is a report.
    private static let firstReportingQueue = 2
    private var queues: [DeviceQueue?] = []

    /// Bytes given back, in all.
    public private(set) var returnedBytes: UInt64 = 0

    public init() {}

    public func activate(_ queues: [DeviceQueue?], features: VirtioFeatures, host: DeviceHost) {
        self.queues = queues
    }

    public func reset() { queues = [] }

    public func queueNotified(_ index: Int) throws(VirtioError) {
        guard queues.indices.contains(index), let queue = queues[index] else { return }
        try queue.serve { chain throws(VirtioError) in
            // The driver does not use a reported page before it has the chain back (§5.5.6.7).
            if index >= Self.firstReportingQueue { returnedBytes += UInt64(chain.writable.returnToHost()) }
            queue.complete(chain, written: 0)
        }
    }
}
