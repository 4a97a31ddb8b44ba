/// The device status field (virtio 1.2 §2.1).
public struct DeviceStatus: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let acknowledge = DeviceStatus(rawValue: 1)
    public static let driver = DeviceStatus(rawValue: 2)
    public static let driverOK = DeviceStatus(rawValue: 4)
    public static let featuresOK = DeviceStatus(rawValue: 8)
    /// DEVICE_NEEDS_RESET. Set by the device only.
    public static let needsReset = DeviceStatus(rawValue: 64)
    public static let failed = DeviceStatus(rawValue: 128)
}

/// What a driver's write to the status register does.
enum StatusStep: Equatable {
    case reset
    /// The driver is known to be there, or has given up: nothing to do but remember.
    case remember
    case acceptFeatures
    case activate
    /// The driver wrote what is there already.
    case none
    /// Not a step of §3.1.1: ignored and counted.
    case illegal
}

extension DeviceStatus {
    /// The steps of device initialisation (§3.1.1), in the only order there is.
    private static let steps: [(from: DeviceStatus, to: DeviceStatus, step: StatusStep)] = [
        ([], [.acknowledge], .remember),
        // Both at once: not the letter of §3.1.1, but nothing lies between the two that a device could tell.
        ([], [.acknowledge, .driver], .remember),
        ([.acknowledge], [.acknowledge, .driver], .remember),
        ([.acknowledge, .driver], [.acknowledge, .driver, .featuresOK], .acceptFeatures),
        (
            [.acknowledge, .driver, .featuresOK], [.acknowledge, .driver, .featuresOK, .driverOK], .activate
        ),
    ]

    /// The step that the driver takes by writing `written` while the status is `self`.
    ///
    /// A driver adds bits to what it read, so DEVICE_NEEDS_RESET may be in `written` and means nothing there.
    func step(writing written: DeviceStatus) -> StatusStep {
        if written.isEmpty { return .reset }
        let current = subtracting(.needsReset)
        let next = written.subtracting(.needsReset)
        if next == current { return .none }
        if next == current.union(.failed) { return .remember }
        return DeviceStatus.steps.first { $0.from == current && $0.to == next }?.step ?? .illegal
    }
}
