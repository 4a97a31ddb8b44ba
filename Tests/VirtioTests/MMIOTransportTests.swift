import GuestMemory
import LinuxSystem
import SystemPackage
import Synchronization
import Testing
import Virtio

@Suite struct MMIOTransportTests {
    /// Stands for the device loop.
    final class Mailbox: DeviceMailbox {
        private let log = Mutex<[String]>([])
        func activate(_ activation: DeviceActivation) {
            let queues = activation.queues.map { $0 == nil ? "-" : "q" }.joined()
            log.withLock {
                $0.append("activate \(String(activation.features.rawValue, radix: 16)) \(queues)")
            }
        }
        func reset() { log.withLock { $0.append("reset") } }
        var entries: [String] { log.withLock { $0 } }
    }

    let memory: GuestMemory
    let mailbox = Mailbox()
    let transport: MMIOTransport

    init() throws {
        memory = try GuestMemory(size: 1 << 20)
        let description = DeviceDescription(
            id: .block, features: VirtioFeatures(rawValue: 1 << 5), queueSizes: [256, 16],
            configuration: [1, 2, 3, 4, 5, 6, 7, 8, 9])
        transport = MMIOTransport(
            description, memory: memory, interrupt: try InterruptLine(),
            notifiers: [try QueueNotifier(), try QueueNotifier()], mailbox: mailbox)
    }

    private func read(_ register: MMIORegister) -> UInt32 {
        UInt32(transport.read(offset: register.rawValue, width: 4))
    }

    private func write(_ register: MMIORegister, _ value: UInt32) {
        transport.write(offset: register.rawValue, width: 4, value: UInt64(value))
    }

    private func writeStatus(_ status: DeviceStatus) { write(.status, status.rawValue) }

    private static let negotiated: DeviceStatus = [.acknowledge, .driver, .featuresOK]

    private func negotiate(_ features: VirtioFeatures = [.version1]) {
        writeStatus([.acknowledge])
        writeStatus([.acknowledge, .driver])
        write(.driverFeaturesSelector, 0)
        write(.driverFeatures, UInt32(truncatingIfNeeded: features.rawValue))
        write(.driverFeaturesSelector, 1)
        write(.driverFeatures, UInt32(truncatingIfNeeded: features.rawValue >> 32))
        writeStatus(Self.negotiated)
    }

    private func configureQueue(_ index: UInt32, size: UInt32 = 16) {
        write(.queueSelector, index)
        write(.queueSize, size)
        write(.queueDescriptorLow, 0x4000 + index * 0x4000)
        write(.queueDriverLow, 0x5000 + index * 0x4000)
        write(.queueDeviceLow, 0x6000 + index * 0x4000)
        write(.queueReady, 1)
    }

    // MARK: Correct drivers

    @Test("a driver finds magic, version 2, the device and its features (§4.2.2)")
    func identification() {
        #expect(read(.magicValue) == 0x7472_6976)
        #expect(read(.version) == 2)
        #expect(read(.deviceID) == 2)
        #expect(read(.deviceFeatures) == 1 << 28 | 1 << 29 | 1 << 5)
        write(.deviceFeaturesSelector, 1)
        #expect(read(.deviceFeatures) == 1)
        write(.deviceFeaturesSelector, 2)
        #expect(read(.deviceFeatures) == 0)
        #expect(read(.queueSizeMaximum) == 256)
        write(.queueSelector, 1)
        #expect(read(.queueSizeMaximum) == 16)
        #expect(read(.sharedMemoryLengthLow) == .max)
    }

    @Test("the initialisation of §3.1.1 ends in the device getting its queues and features")
    func initialisation() {
        writeStatus([])
        negotiate([.version1, .eventIndex])
        #expect(read(.status) == Self.negotiated.rawValue)
        configureQueue(0)
        #expect(read(.queueReady) == 1)
        #expect(mailbox.entries == [])
        writeStatus(Self.negotiated.union(.driverOK))
        #expect(mailbox.entries == ["activate 120000000 q-"])
        #expect(transport.refusedCount == 0)
    }

    @Test("HOSTILE 2: the device configuration is read in any width, and is 0 past its end")
    func configuration() {
        #expect(transport.read(offset: 0x100, width: 8) == 0x0807_0605_0403_0201)
        #expect(transport.read(offset: 0x101, width: 1) == 2)
        #expect(transport.read(offset: 0x103, width: 2) == 0x0504)
        #expect(transport.read(offset: 0x107, width: 4) == 0x0908)
        #expect(transport.read(offset: 0x109, width: 4) == 0)
    }

    @Test("an interrupt shows in the status register until it is acknowledged, bit by bit")
    func interrupts() {
        transport.interrupt.raiseUsedBuffer()
        transport.interrupt.raiseConfigurationChange()
        #expect(read(.interruptStatus) == 3)
        write(.interruptAcknowledge, 1)
        #expect(read(.interruptStatus) == 2)
        write(.interruptAcknowledge, .max)
        #expect(read(.interruptStatus) == 0)
        #expect(transport.interrupt.event.drain() == 2)
    }

    @Test("HOSTILE 9: a reset of an active device waits for the device, then all is as at the start")
    func reset() {
        negotiate()
        configureQueue(0)
        writeStatus(Self.negotiated.union(.driverOK))
        transport.interrupt.raiseUsedBuffer()
        writeStatus([])
        #expect(mailbox.entries == ["activate 100000000 q-", "reset"])
        #expect(read(.status) == 0)
        #expect(read(.interruptStatus) == 0)
        write(.queueSelector, 0)
        #expect(read(.queueReady) == 0)
        negotiate()
        configureQueue(0)
        writeStatus(Self.negotiated.union(.driverOK))
        #expect(mailbox.entries.count == 3)
        #expect(transport.refusedCount == 0)
    }

    @Test("a reset before DRIVER_OK does not trouble the device")
    func earlyReset() {
        negotiate()
        writeStatus([])
        #expect(mailbox.entries == [])
        #expect(read(.status) == 0)
    }

    // MARK: Hostile drivers

    @Test("HOSTILE 1: queue registers written after DRIVER_OK change nothing")
    func lateConfiguration() {
        negotiate()
        configureQueue(0)
        writeStatus(Self.negotiated.union(.driverOK))
        write(.queueSelector, 0)
        write(.queueReady, 0)
        write(.queueSize, 0)
        write(.queueSize, 3)
        write(.queueDescriptorHigh, .max)
        write(.queueReady, 1)
        #expect(read(.queueReady) == 1)
        #expect(transport.refusedCount == 5)
        #expect(mailbox.entries == ["activate 100000000 q-"])
    }

    @Test(
        "HOSTILE 1: making a queue ready with an impossible size marks the device as needing a reset",
        arguments: [0, 3, 512, .max] as [UInt32])
    func badQueue(_ size: UInt32) {
        negotiate()
        configureQueue(0, size: size)
        #expect(read(.queueReady) == 0)
        #expect(DeviceStatus(rawValue: read(.status)).contains(.needsReset))
        writeStatus(Self.negotiated.union(.driverOK))
        #expect(mailbox.entries == [])
        writeStatus([])
        #expect(read(.status) == 0)
    }

    @Test("HOSTILE 1: a queue cannot be changed while it is ready, nor before FEATURES_OK")
    func readyQueue() {
        configureQueue(0)
        #expect(read(.queueReady) == 0)
        negotiate()
        configureQueue(0)
        let before = transport.refusedCount
        write(.queueSize, 32)
        #expect(transport.refusedCount == before + 1)
        write(.queueReady, 0)
        write(.queueSize, 32)
        #expect(transport.refusedCount == before + 1)
    }

    @Test("HOSTILE 2: selectors out of range select nothing")
    func selectors() {
        negotiate()
        for selector: UInt32 in [2, 255, 0x7fff_ffff, .max] {
            write(.queueSelector, selector)
            #expect(read(.queueSizeMaximum) == 0)
            #expect(read(.queueReady) == 0)
            write(.queueSize, 16)
            write(.queueReady, 1)
            #expect(read(.queueReady) == 0)
        }
        write(.driverFeaturesSelector, .max)
        write(.driverFeatures, .max)
        #expect(read(.status) == Self.negotiated.rawValue)
    }

    @Test(
        "HOSTILE 2: every offset in every width can be read and written without harm",
        arguments: [1, 2, 3, 4, 8, 0, -1, 99])
    func everyOffset(_ width: Int) {
        for offset: UInt64 in Array(0..<0x200) + [0xfff, 0x1000, .max - 7, .max] {
            _ = transport.read(offset: offset, width: width)
            transport.write(offset: offset, width: width, value: .max)
        }
        #expect(transport.read(offset: 0, width: 1) == 0)
        #expect(read(.magicValue) == 0x7472_6976)
    }

    @Test("HOSTILE 3: status steps out of order, or that clear bits, are ignored")
    func illegalSteps() {
        writeStatus([.driver])
        #expect(read(.status) == 0)
        writeStatus([.acknowledge])
        writeStatus([.acknowledge, .featuresOK])
        writeStatus([.acknowledge, .driver, .featuresOK, .driverOK])
        writeStatus(DeviceStatus(rawValue: 0xffff_ffff))
        #expect(read(.status) == 1)
        writeStatus([.acknowledge, .driver])
        writeStatus([.acknowledge])
        #expect(read(.status) == 3)
        writeStatus([.acknowledge, .driver, .driverOK])
        #expect(read(.status) == 3)
        #expect(mailbox.entries == [])
    }

    @Test("HOSTILE 3: features that are not on offer, or without VERSION_1, keep FEATURES_OK clear")
    func badFeatures() {
        negotiate([.version1, VirtioFeatures(rawValue: 1 << 40)])
        #expect(read(.status) == 3)
        writeStatus([])
        negotiate([.eventIndex])
        #expect(read(.status) == 3)
        writeStatus([])
        negotiate([.version1])
        #expect(read(.status) == 11)
    }

    @Test("HOSTILE 3: features written after FEATURES_OK, or before DRIVER, do not count")
    func lateFeatures() {
        write(.driverFeatures, 1 << 29)
        negotiate([.version1])
        write(.driverFeaturesSelector, 0)
        write(.driverFeatures, 1 << 29)
        configureQueue(0)
        writeStatus(Self.negotiated.union(.driverOK))
        #expect(mailbox.entries == ["activate 100000000 q-"])
    }

    @Test("HOSTILE 3: a driver that gave up (FAILED) can only reset")
    func failed() {
        negotiate()
        writeStatus(Self.negotiated.union(.failed))
        #expect(read(.status) == 139)
        writeStatus(Self.negotiated.union(.driverOK))
        writeStatus(Self.negotiated.union([.driverOK, .failed]))
        #expect(mailbox.entries == [])
        writeStatus([])
        #expect(read(.status) == 0)
    }

    @Test("HOSTILE 3: a device in need of a reset says so, and interrupts only a driver that is there")
    func needsReset() {
        transport.setNeedsReset()
        #expect(read(.status) == 64)
        #expect(transport.interrupt.raisedCount == 0)
        writeStatus([])
        negotiate()
        configureQueue(0)
        writeStatus(Self.negotiated.union(.driverOK))
        transport.setNeedsReset()
        #expect(read(.interruptStatus) == 2)
        // The driver may write back what it read.
        writeStatus(Self.negotiated.union([.driverOK, .needsReset]))
        #expect(read(.status) == 15 | 64)
        writeStatus([])
        #expect(read(.status) == 0)
    }

    @Test("HOSTILE 7: a storm of notifications is one, and notifying a queue that does not exist is none")
    func notifications() {
        for queue: UInt32 in [0, 0, 0, 2, 16, .max] { write(.queueNotify, queue) }
        #expect(transport.notifiers[0].event.drain() == 3)
        #expect(transport.notifiers[1].event.drain() == 0)
        #expect(transport.refusedCount == 3)
    }
}
