import GuestMemory

/// How a driver has set up its device: all of a virtio-mmio device that is not in guest memory, but for what waits to be
/// notified or acknowledged.
public struct DriverState: Equatable, Sendable {
    public var device: VirtioDeviceID
    public var status: DeviceStatus
    public var features: VirtioFeatures
    /// nil: the driver has not set it up.
    public var queues: [QueueConfiguration?]

    public init(
        device: VirtioDeviceID, status: DeviceStatus, features: VirtioFeatures, queues: [QueueConfiguration?]
    ) {
        self.device = device
        self.status = status
        self.features = features
        self.queues = queues
    }
}

extension MMIOTransport {
    /// What `setUp` needs to make a fresh device the same.
    public var driverState: DriverState {
        state.withLock { state in
            DriverState(
                device: description.id, status: state.status,
                features: VirtioFeatures(rawValue: state.driverFeatures),
                queues: state.queues.map { $0.validated == nil ? nil : $0.configuration })
        }
    }

    /// Does what the driver has done, by the same register writes (virtio 1.2 §3.1.1), with all their checks.
    ///
    /// - Parameter isResumed: Whether the queues go on where another device has left them.
    /// - Returns: false if a fresh device cannot have come to this state.
    public func setUp(_ driver: DriverState, isResumed: Bool = false) -> Bool {
        func write(_ register: MMIORegister, _ value: UInt64) {
            self.write(offset: register.rawValue, width: 4, value: value & 0xFFFF_FFFF)
        }
        var reached: DeviceStatus = []
        func advance(_ step: DeviceStatus) {
            guard driver.status.contains(step) else { return }
            reached.insert(step)
            write(.status, UInt64(reached.rawValue))
        }
        guard driver.device == description.id, driver.queues.count == description.queueSizes.count else {
            return false
        }
        state.withLock { $0.isResumed = isResumed }
        advance(.acknowledge)
        advance(.driver)
        if driver.status.contains(.featuresOK) {
            for half in 0..<2 as Range<UInt64> {
                write(.driverFeaturesSelector, half)
                write(.driverFeatures, driver.features.rawValue >> (32 * half))
            }
            advance(.featuresOK)
        }
        for (index, queue) in driver.queues.enumerated() {
            guard let queue else { continue }
            write(.queueSelector, UInt64(index))
            write(.queueSize, UInt64(queue.size))
            write(.queueDescriptorLow, queue.descriptorTable.rawValue)
            write(.queueDescriptorHigh, queue.descriptorTable.rawValue >> 32)
            write(.queueDriverLow, queue.availableRing.rawValue)
            write(.queueDriverHigh, queue.availableRing.rawValue >> 32)
            write(.queueDeviceLow, queue.usedRing.rawValue)
            write(.queueDeviceHigh, queue.usedRing.rawValue >> 32)
            write(.queueReady, 1)
        }
        advance(.driverOK)
        return driverState == driver
    }

    /// What may have been lost when the machine was saved: that a queue was notified, or that its device has used buffers.
    /// Both may be said once too often.
    public func remind() {
        guard status.contains(.driverOK) else { return }
        for notifier in notifiers { notifier.event.signal() }
        interrupt.raiseUsedBuffer()
    }
}
