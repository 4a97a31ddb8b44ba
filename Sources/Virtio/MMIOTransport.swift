import GuestMemory
import Synchronization

/// The other side of a transport: whoever runs the device, on its own thread.
public protocol DeviceMailbox: Sendable {
    /// The driver has set DRIVER_OK: the queues are the device's from here on.
    func activate(_ activation: DeviceActivation)
    /// Takes the queues away again. Returns when the device no longer touches guest memory.
    func reset()
}

/// What a device gets when its driver is ready.
public struct DeviceActivation: Sendable {
    public let features: VirtioFeatures
    /// nil: a queue that the driver did not set up.
    public let queues: [ValidatedQueue?]
    /// Whether the queues go on where another device has left them.
    public var isResumed = false
}

/// The register file of one virtio-mmio device, version 2 (virtio 1.2 §4.2). Knows no KVM: the caller decodes
/// the exit and passes offset and width.
///
/// Registers are written on vCPU threads; queues are processed on the device loop. The hand-over is the
/// status register: until DRIVER_OK everything is here, under a lock, and the device knows nothing; DRIVER_OK
/// posts the checked queues to the device, and from then on writes to queue registers are ignored; a reset
/// waits until the device has given them up. Notifications go through an eventfd either way, so a kick before
/// activation is a kick at activation, and a storm is one.
public final class MMIOTransport: Sendable {
    public let description: DeviceDescription
    public let interrupt: InterruptLine
    /// One for each queue, in order.
    public let notifiers: [QueueNotifier]
    private let memory: GuestMemory
    private let mailbox: any DeviceMailbox
    let state: Mutex<State>

    struct State {
        enum Phase { case configuring, active, resetting }

        var phase = Phase.configuring
        var status: DeviceStatus = []
        var deviceFeaturesSelector: UInt32 = 0
        var driverFeaturesSelector: UInt32 = 0
        var driverFeatures: UInt64 = 0
        var queueSelector: UInt32 = 0
        var queues: [Queue]
        /// What `DeviceActivation` says.
        var isResumed = false
        /// Accesses that no correct driver makes. Only counted: logging them would let the guest write our
        /// log.
        var refused: UInt64 = 0

        struct Queue {
            var configuration = QueueConfiguration()
            /// Set while QueueReady is 1.
            var validated: ValidatedQueue?
        }
    }

    public init(
        _ description: DeviceDescription, memory: GuestMemory, interrupt: InterruptLine,
        notifiers: [QueueNotifier], mailbox: any DeviceMailbox
    ) {
        precondition(notifiers.count == description.queueSizes.count, "one notifier for each queue")
        self.description = description
        self.memory = memory
        self.interrupt = interrupt
        self.notifiers = notifiers
        self.mailbox = mailbox
        state = Mutex(State(queues: MMIOTransport.freshQueues(description)))
    }

    private static func freshQueues(_ description: DeviceDescription) -> [State.Queue] {
        Array(repeating: State.Queue(), count: description.queueSizes.count)
    }

    /// How many register accesses were refused so far.
    public var refusedCount: UInt64 { state.withLock { $0.refused } }

    /// The status register as the driver sees it.
    public var status: DeviceStatus { state.withLock { $0.status } }

    /// The device cannot go on with what its driver did: sets DEVICE_NEEDS_RESET and tells the driver
    /// (§2.1.2).
    public func setNeedsReset() {
        let tell = state.withLock { state in
            state.status.insert(.needsReset)
            return state.status.contains(.driverOK)
        }
        if tell { interrupt.raiseConfigurationChange() }
    }

    // MARK: Reads

    /// A read of `width` bytes (1, 2, 4 or 8) at `offset` from the device's base. What cannot be read is 0.
    public func read(offset: UInt64, width: Int) -> UInt64 {
        if offset >= MMIORegister.configurationStart { return readConfiguration(offset, width) }
        return state.withLock { state in
            guard width == 4, let register = MMIORegister(rawValue: offset) else {
                state.refused &+= 1
                return 0
            }
            return UInt64(readRegister(register, &state))
        }
    }

    private func readConfiguration(_ offset: UInt64, _ width: Int) -> UInt64 {
        let (start, bytes) = (offset - MMIORegister.configurationStart, description.configuration)
        var value: UInt64 = 0
        for index in 0..<UInt64(max(0, min(width, 8))) {
            let (position, overflow) = start.addingReportingOverflow(index)
            guard !overflow, position < UInt64(bytes.count) else { break }
            value |= UInt64(bytes[Int(position)]) << (8 * index)
        }
        return value
    }

    private func readRegister(_ register: MMIORegister, _ state: inout State) -> UInt32 {
        switch register {
        case .magicValue: return MMIORegister.magic
        case .version: return 2
        case .deviceID: return description.id.rawValue
        case .vendorID: return MMIORegister.vendor
        case .deviceFeatures:
            let features = description.features.rawValue
            return switch state.deviceFeaturesSelector {
            case 0: UInt32(truncatingIfNeeded: features)
            case 1: UInt32(truncatingIfNeeded: features >> 32)
            default: 0
            }
        case .queueSizeMaximum:
            return selectedQueue(state).map { UInt32(description.queueSizes[$0]) } ?? 0
        case .queueReady:
            return selectedQueue(state).map { state.queues[$0].validated == nil ? 0 : 1 } ?? 0
        case .interruptStatus: return interrupt.pending
        case .status: return state.status.rawValue
        case .configurationGeneration: return 0
        // §4.2.2: a region that does not exist has the length -1.
        case .sharedMemoryLengthLow, .sharedMemoryLengthHigh, .sharedMemoryBaseLow, .sharedMemoryBaseHigh:
            return .max
        case .deviceFeaturesSelector, .driverFeatures, .driverFeaturesSelector, .queueSelector, .queueSize,
            .queueNotify, .interruptAcknowledge, .queueDescriptorLow, .queueDescriptorHigh, .queueDriverLow,
            .queueDriverHigh, .queueDeviceLow, .queueDeviceHigh, .sharedMemorySelector:
            state.refused &+= 1   // write-only
            return 0
        }
    }

    private func selectedQueue(_ state: borrowing State) -> Int? {
        state.queueSelector < UInt32(description.queueSizes.count) ? Int(state.queueSelector) : nil
    }

    // MARK: Writes

    /// A write of the low `width` bytes of `value`. What cannot be written is ignored and counted: no device
    /// here has configuration that a driver may change.
    public func write(offset: UInt64, width: Int, value: UInt64) {
        guard width == 4, let register = MMIORegister(rawValue: offset) else {
            return state.withLock { $0.refused &+= 1 }
        }
        let value = UInt32(truncatingIfNeeded: value)
        switch register {
        case .status: writeStatus(DeviceStatus(rawValue: value))
        case .queueNotify: notify(queue: value)
        case .interruptAcknowledge: interrupt.acknowledge(value)
        default: state.withLock { writeRegister(register, value, &$0) }
        }
    }

    /// The driver's notification of queue `index` (§4.2.3.3), where no ioeventfd took it.
    private func notify(queue index: UInt32) {
        if index < UInt32(notifiers.count) {
            notifiers[Int(index)].event.signal()
        } else {
            state.withLock { $0.refused &+= 1 }
        }
    }

    private func writeRegister(_ register: MMIORegister, _ value: UInt32, _ state: inout State) {
        switch register {
        case .deviceFeaturesSelector: state.deviceFeaturesSelector = value
        case .driverFeaturesSelector: state.driverFeaturesSelector = value
        case .driverFeatures: writeDriverFeatures(value, &state)
        case .queueSelector: state.queueSelector = value
        case .sharedMemorySelector: break   // no regions, whichever is selected
        case .queueReady: writeQueueReady(value, &state)
        case .queueSize, .queueDescriptorLow, .queueDescriptorHigh, .queueDriverLow, .queueDriverHigh,
            .queueDeviceLow, .queueDeviceHigh:
            writeQueueConfiguration(register, value, &state)
        default: state.refused &+= 1   // read-only
        }
    }

    /// Features may be written between DRIVER and FEATURES_OK only (§3.1.1 steps 4 and 5).
    private func writeDriverFeatures(_ value: UInt32, _ state: inout State) {
        guard state.status.contains(.driver), !state.status.contains(.featuresOK),
            state.driverFeaturesSelector < 2
        else {
            // A driver that writes zeros to selectors we do not have asks for nothing.
            if state.driverFeaturesSelector < 2 || value != 0 { state.refused &+= 1 }
            return
        }
        let shift = 32 * UInt64(state.driverFeaturesSelector)
        state.driverFeatures &= ~(0xffff_ffff << shift)
        state.driverFeatures |= UInt64(value) << shift
    }

    /// Queues are set up between FEATURES_OK and DRIVER_OK (§3.1.1 step 7); after that they are the device's.
    private func configurableQueue(_ state: borrowing State) -> Int? {
        guard state.phase == .configuring, state.status.contains(.featuresOK) else { return nil }
        return selectedQueue(state)
    }

    private func writeQueueReady(_ value: UInt32, _ state: inout State) {
        guard let index = configurableQueue(state), value <= 1 else {
            state.refused &+= 1
            return
        }
        guard value == 1 else {
            state.queues[index].validated = nil
            return
        }
        do throws(VirtioError) {
            state.queues[index].validated = try state.queues[index].configuration.validated(
                maximumSize: description.queueSizes[index], in: memory)
        } catch {
            state.queues[index].validated = nil
            state.refused &+= 1
            state.status.insert(.needsReset)
        }
    }

    private func writeQueueConfiguration(_ register: MMIORegister, _ value: UInt32, _ state: inout State) {
        // §4.2.2.2: not while the queue is ready.
        guard let index = configurableQueue(state), state.queues[index].validated == nil else {
            state.refused &+= 1
            return
        }
        func low(_ address: inout GuestAddress) {
            address.rawValue = address.rawValue & ~0xffff_ffff | UInt64(value)
        }
        func high(_ address: inout GuestAddress) {
            address.rawValue = address.rawValue & 0xffff_ffff | UInt64(value) << 32
        }
        switch register {
        case .queueSize: state.queues[index].configuration.size = value
        case .queueDescriptorLow: low(&state.queues[index].configuration.descriptorTable)
        case .queueDescriptorHigh: high(&state.queues[index].configuration.descriptorTable)
        case .queueDriverLow: low(&state.queues[index].configuration.availableRing)
        case .queueDriverHigh: high(&state.queues[index].configuration.availableRing)
        case .queueDeviceLow: low(&state.queues[index].configuration.usedRing)
        case .queueDeviceHigh: high(&state.queues[index].configuration.usedRing)
        default: preconditionFailure("not a register of a queue's configuration")
        }
    }

    // MARK: Status

    private func writeStatus(_ written: DeviceStatus) {
        let mustWait = state.withLock { state -> Bool in
            guard state.phase != .resetting else {
                state.refused &+= 1
                return false
            }
            switch state.status.step(writing: written) {
            case .none: break
            case .illegal: state.refused &+= 1
            case .remember: state.status = written.union(state.status.intersection(.needsReset))
            case .acceptFeatures: acceptFeatures(&state)
            case .activate: activate(&state)
            case .reset:
                if state.phase == .active {
                    state.phase = .resetting
                    return true
                }
                resetRegisters(&state)
            }
            return false
        }
        guard mustWait else { return }
        // Without the lock: the device loop may need it to finish what it is doing.
        mailbox.reset()
        state.withLock { resetRegisters(&$0) }
    }

    /// FEATURES_OK stays clear when the driver wants what is not on offer or is a legacy driver; it reads it
    /// back (§2.2).
    private func acceptFeatures(_ state: inout State) {
        let wanted = VirtioFeatures(rawValue: state.driverFeatures)
        guard wanted.isSubset(of: description.features), wanted.contains(.version1) else {
            state.refused &+= 1
            return
        }
        state.status.insert(.featuresOK)
    }

    private func activate(_ state: inout State) {
        guard !state.status.contains(.needsReset) else {
            state.refused &+= 1
            return
        }
        state.status.insert(.driverOK)
        state.phase = .active
        mailbox.activate(
            DeviceActivation(
                features: VirtioFeatures(rawValue: state.driverFeatures),
                queues: state.queues.map(\.validated), isResumed: state.isResumed))
    }

    private func resetRegisters(_ state: inout State) {
        let refused = state.refused
        state = State(queues: MMIOTransport.freshQueues(description))
        state.refused = refused
        interrupt.clear()
    }
}
