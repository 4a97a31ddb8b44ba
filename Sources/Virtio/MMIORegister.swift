/// The control registers of the MMIO transport, version 2 (virtio 1.2 §4.2.2). Raw values are offsets in
/// bytes; every register is 32 bits wide.
public enum MMIORegister: UInt64, CaseIterable, Sendable {
    case magicValue = 0x000
    case version = 0x004
    case deviceID = 0x008
    case vendorID = 0x00c
    case deviceFeatures = 0x010
    case deviceFeaturesSelector = 0x014
    case driverFeatures = 0x020
    case driverFeaturesSelector = 0x024
    case queueSelector = 0x030
    case queueSizeMaximum = 0x034
    case queueSize = 0x038
    case queueReady = 0x044
    case queueNotify = 0x050
    case interruptStatus = 0x060
    case interruptAcknowledge = 0x064
    case status = 0x070
    case queueDescriptorLow = 0x080
    case queueDescriptorHigh = 0x084
    case queueDriverLow = 0x090
    case queueDriverHigh = 0x094
    case queueDeviceLow = 0x0a0
    case queueDeviceHigh = 0x0a4
    case sharedMemorySelector = 0x0ac
    case sharedMemoryLengthLow = 0x0b0
    case sharedMemoryLengthHigh = 0x0b4
    case sharedMemoryBaseLow = 0x0b8
    case sharedMemoryBaseHigh = 0x0bc
    case configurationGeneration = 0x0fc

    /// Where the device configuration space begins, accessed in any width.
    public static let configurationStart: UInt64 = 0x100
    /// "virt", little-endian.
    static let magic: UInt32 = 0x7472_6976
    /// "SWFT", little-endian. Drivers do not look.
    static let vendor: UInt32 = 0x5446_5753
}
