import GuestMemory
import Virtio

/// A virtio console with one port and no input (virtio 1.2 §5.3): what the guest prints goes to `sink`, up to
/// a limit, and is then taken and dropped, so that a talkative guest costs no memory, no disk and no wait.
public final class ConsoleDevice: VirtioDevice {
    // No features: no size, one port. struct virtio_console_config is 12 bytes; a driver may read it all the
    // same.
    public let description = DeviceDescription(
        id: .console, features: [],
        queueSizes: Array(repeating: DeviceDescription.maximumQueueSize, count: 2),
        configuration: Array(repeating: 0, count: 12))
    private static let transmitQueue = 1
    private var transmit: DeviceQueue?

    private let limit: Int
    private let sink: ([UInt8]) -> Void
    /// Bytes given to the sink, and bytes dropped because of the limit.
    public private(set) var passedBytes: UInt64 = 0
    public private(set) var droppedBytes: UInt64 = 0

    /// - Parameters:
    ///   - limit: bytes in all, over the life of the device, resets included.
    ///   - sink: called on the device loop.
    public init(limit: Int, sink: @escaping ([UInt8]) -> Void) {
        self.limit = limit
        self.sink = sink
    }

    public func activate(_ queues: [DeviceQueue?], features: VirtioFeatures, host: DeviceHost) {
        transmit = queues[ConsoleDevice.transmitQueue]
    }

    public func reset() { transmit = nil }

    public func queueNotified(_ index: Int) throws(VirtioError) {
        guard index == ConsoleDevice.transmitQueue, let transmit else { return }
        try transmit.serve { chain throws(VirtioError) in
            let kept = chain.readable.prefix(limit - Int(passedBytes))
            passedBytes += UInt64(kept.count)
            droppedBytes &+= UInt64(chain.readable.count - kept.count)
            if !kept.isEmpty { sink(kept.bytes()) }
            transmit.complete(chain, written: 0)
        }
    }

    public func drain() throws(VirtioError) {
        try queueNotified(ConsoleDevice.transmitQueue)
    }
}
