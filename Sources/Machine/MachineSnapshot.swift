import Boot
import GuestMemory
import KVM
import Virtio

/// What of a Linux's machine is not in its memory, as it stands behind the memory of a template (docs/templates.md):
///
///     magic "SWSTATE1" · u32 parts of the vCPU, each u32 kind and its bytes · u64 time stamp · u64 its frequency
///     u32 MSRs, each u32 index, u64 value · u32 parts of the VM, as above
///     u32 devices, each u32 type, u32 status, u64 features, u32 queues, each u32 size (0: not set up) and 3 × u64
///
/// All little-endian. A file is not believed: whatever does not parse to the last rule is refused, and what does is told to
/// KVM and to our own transports, which check it as they check a guest.
struct MachineSnapshot: Equatable, Sendable {
    var processor: SavedProcessor
    var controllers: [MachinePart]
    var devices: [DriverState]

    static let magic: [UInt8] = Array("SWSTATE1".utf8)
    private static let maximumMSRs: UInt32 = 128

    func encoded() -> [UInt8] {
        var out = Self.magic
        func append<T: FixedWidthInteger>(_ value: T) {
            withUnsafeBytes(of: value.littleEndian) { out += $0 }
        }
        func append(_ parts: [MachinePart]) {
            append(UInt32(parts.count))
            for part in parts {
                append(part.kind)
                out += part.bytes
            }
        }
        append(processor.parts)
        append(processor.timeStamp)
        append(processor.frequency)
        append(UInt32(processor.msrs.count))
        for msr in processor.msrs {
            append(msr.index)
            append(msr.value)
        }
        append(controllers)
        append(UInt32(devices.count))
        for device in devices {
            append(device.device.rawValue)
            append(device.status.rawValue)
            append(device.features.rawValue)
            append(UInt32(device.queues.count))
            for queue in device.queues {
                append(queue?.size ?? 0)
                append(queue?.descriptorTable.rawValue ?? 0)
                append(queue?.availableRing.rawValue ?? 0)
                append(queue?.usedRing.rawValue ?? 0)
            }
        }
        return out
    }

    /// - Returns: nil if the bytes are no snapshot. What follows one is not looked at.
    init?(parsing bytes: [UInt8]) {
        var reader = Reader(bytes)
        guard reader.bytes(8) == Self.magic, let parts = reader.parts(MachinePart.ofProcessor),
            let timeStamp: UInt64 = reader.number(), let frequency: UInt64 = reader.number(),
            let msrCount: UInt32 = reader.number(), msrCount <= Self.maximumMSRs
        else { return nil }
        var msrs: [SavedProcessor.MSR] = []
        for _ in 0..<msrCount {
            guard let index: UInt32 = reader.number(), let value: UInt64 = reader.number(),
                SavedMSR.all.contains(index)
            else { return nil }
            msrs.append(.init(index: index, value: value))
        }
        guard let controllers = reader.parts(MachinePart.ofMachine), let devices = reader.devices() else {
            return nil
        }
        processor = SavedProcessor(parts: parts, msrs: msrs, timeStamp: timeStamp, frequency: frequency)
        self.controllers = controllers
        self.devices = devices
    }

    init(processor: SavedProcessor, controllers: [MachinePart], devices: [DriverState]) {
        self.processor = processor
        self.controllers = controllers
        self.devices = devices
    }
}

private struct Reader {
    private var rest: ArraySlice<UInt8>
    private static let maximumDevices: UInt32 = 16
    private static let maximumQueues: UInt32 = 16

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func number<T: FixedWidthInteger>() -> T? {
        bytes(T.bitWidth / 8).map { $0.reversed().reduce(0) { $0 << 8 | T($1) } }
    }

    /// All `kinds`, in their order.
    mutating func parts(_ kinds: Range<UInt32>) -> [MachinePart]? {
        guard let count: UInt32 = number(), count == UInt32(kinds.count) else { return nil }
        var parts: [MachinePart] = []
        for expected in kinds {
            guard let kind: UInt32 = number(), kind == expected,
                let bytes = bytes(MachinePart.byteCount(kind)),
                let part = MachinePart(kind: kind, bytes: bytes)
            else { return nil }
            parts.append(part)
        }
        return parts
    }

    mutating func devices() -> [DriverState]? {
        guard let count: UInt32 = number(), count <= Self.maximumDevices else { return nil }
        var devices: [DriverState] = []
        for _ in 0..<count {
            guard let type: UInt32 = number(), let device = VirtioDeviceID(rawValue: type),
                let status: UInt32 = number(), let features: UInt64 = number(),
                let queueCount: UInt32 = number(), queueCount <= Self.maximumQueues
            else { return nil }
            var queues: [QueueConfiguration?] = []
            for _ in 0..<queueCount {
                guard let size: UInt32 = number(), let table: UInt64 = number(),
                    let available: UInt64 = number(), let used: UInt64 = number(),
                    size != 0 || table | available | used == 0
                else { return nil }
                var queue = QueueConfiguration()
                queue.size = size
                queue.descriptorTable = GuestAddress(table)
                queue.availableRing = GuestAddress(available)
                queue.usedRing = GuestAddress(used)
                queues.append(size == 0 ? nil : queue)
            }
            devices.append(
                DriverState(
                    device: device, status: DeviceStatus(rawValue: status),
                    features: VirtioFeatures(rawValue: features), queues: queues))
        }
        return devices
    }
}
