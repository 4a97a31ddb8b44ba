import GuestMemory
import SystemPackage
import Virtio

/// A virtio entropy device (virtio 1.2 §5.4): fills what the driver offers from the host kernel's generator.
public final class EntropyDevice: VirtioDevice {
    public let description = DeviceDescription(
        id: .entropy, features: [], queueSizes: [DeviceDescription.maximumQueueSize], configuration: [])
    private var queue: DeviceQueue?

    /// Bytes for one request. More would keep the device loop busy for the guest's pleasure; §5.4.6.1 allows
    /// fewer bytes than the buffer holds.
    public static let requestMaximum = 64 << 10

    public init() {}

    public func activate(_ queues: [DeviceQueue?], features: VirtioFeatures, host: DeviceHost) {
        queue = queues[0]
    }

    public func reset() { queue = nil }

    public func queueNotified(_ index: Int) throws(VirtioError) {
        guard let queue else { return }
        try queue.serve { chain throws(VirtioError) in
            let buffers = chain.writable.prefix(EntropyDevice.requestMaximum)
            var written = buffers.count
            do throws(Errno) { try buffers.fillWithRandomBytes() } catch { written = 0 }
            queue.complete(chain, written: written)
        }
    }
}
