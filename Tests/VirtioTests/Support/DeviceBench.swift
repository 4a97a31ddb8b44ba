import GuestMemory
import LinuxSystem
import Synchronization
import SystemPackage
import Virtio

/// A device on a loop that is turned by hand, with its transport and a driver's queues: deterministic, no thread.
final class DeviceBench {
    /// Queue i lives at `queueBase + i * 0x4000`; above `dataBase` a test may put what it likes.
    static let queueBase: UInt64 = 0x10000
    static let dataBase: UInt64 = 0x40000

    let memory: GuestMemory
    let loop: DeviceLoop
    let transport: MMIOTransport
    private(set) var queues: [GuestDriverQueue] = []
    let failures = FailureLog()

    final class FailureLog: Sendable {
        private let all = Mutex<[VirtioError]>([])
        func append(_ error: VirtioError) { all.withLock { $0.append(error) } }
        var errors: [VirtioError] { all.withLock { $0 } }
    }

    init(_ device: any VirtioDevice, memorySize: UInt64 = 4 << 20) throws {
        memory = try GuestMemory(size: memorySize)
        let failures = failures
        loop = try DeviceLoop(onDeviceFailure: { _, error in failures.append(error) })
        transport = try loop.attach(device, memory: memory)
        try ignoreBrokenPipeSignal()
    }

    func write(_ register: MMIORegister, _ value: UInt32) {
        transport.write(offset: register.rawValue, width: 4, value: UInt64(value))
    }

    func read(_ register: MMIORegister) -> UInt32 {
        UInt32(truncatingIfNeeded: transport.read(offset: register.rawValue, width: 4))
    }

    func writeStatus(_ status: DeviceStatus) { write(.status, status.rawValue) }

    func negotiate(_ features: VirtioFeatures) {
        writeStatus([.acknowledge])
        writeStatus([.acknowledge, .driver])
        write(.driverFeaturesSelector, 0)
        write(.driverFeatures, UInt32(truncatingIfNeeded: features.rawValue))
        write(.driverFeaturesSelector, 1)
        write(.driverFeatures, UInt32(truncatingIfNeeded: features.rawValue >> 32))
        writeStatus([.acknowledge, .driver, .featuresOK])
    }

    func configure(queue index: UInt32, _ configuration: QueueConfiguration) {
        write(.queueSelector, index)
        write(.queueSize, configuration.size)
        func write64(_ low: MMIORegister, _ high: MMIORegister, _ address: GuestAddress) {
            write(low, UInt32(truncatingIfNeeded: address.rawValue))
            write(high, UInt32(truncatingIfNeeded: address.rawValue >> 32))
        }
        write64(.queueDescriptorLow, .queueDescriptorHigh, configuration.descriptorTable)
        write64(.queueDriverLow, .queueDriverHigh, configuration.availableRing)
        write64(.queueDeviceLow, .queueDeviceHigh, configuration.usedRing)
        write(.queueReady, 1)
    }

    /// Everything a driver does up to DRIVER_OK, and the device's answer to it.
    func start(_ features: VirtioFeatures = [.version1], queueSize: UInt16 = 16) throws {
        negotiate(features)
        queues = transport.description.queueSizes.indices.map {
            GuestDriverQueue(memory, at: DeviceBench.queueBase + UInt64($0) * 0x4000, size: queueSize)
        }
        for (index, queue) in queues.enumerated() { configure(queue: UInt32(index), queue.configuration) }
        writeStatus([.acknowledge, .driver, .featuresOK, .driverOK])
        try turn()
    }

    func kick(_ queue: Int) throws {
        write(.queueNotify, UInt32(queue))
        try turn()
    }

    /// Lets the loop handle what is there. Events that one event causes are seen in the next turn, hence several.
    @discardableResult
    func turn(times: Int = 6) throws -> Bool {
        var goesOn = true
        for _ in 0..<times where goesOn { goesOn = try loop.turn(timeoutMilliseconds: 0) }
        return goesOn
    }

    func store(_ bytes: [UInt8], at address: UInt64) throws {
        try memory.store(bytes: bytes, at: GuestAddress(address))
    }

    func bytes(at address: UInt64, _ count: Int) throws -> [UInt8] {
        try memory.bytes(at: GuestAddress(address), count: count)
    }
}
