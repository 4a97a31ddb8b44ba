import GuestMemory
import LinuxSystem
import SystemPackage
import Synchronization
import Testing
import Virtio

/// Gives back every chain untouched and writes down what happens to it.
private final class EchoDevice: VirtioDevice {
    let description = DeviceDescription(id: .entropy, features: [], queueSizes: [256], configuration: [])
    private var queue: DeviceQueue?
    private(set) var served = 0
    private(set) var resets = 0
    private(set) var hasDrained = false
    var isDrained = false

    func activate(_ queues: [DeviceQueue?], features: VirtioFeatures, host: DeviceHost) { queue = queues[0] }
    func reset() {
        queue = nil
        resets += 1
    }
    func queueNotified(_ index: Int) throws(VirtioError) {
        try queue?.serve { chain throws(VirtioError) in
            served += 1
            queue?.complete(chain, written: 0)
        }
    }
    func drain() { hasDrained = true }
}

@Suite struct DeviceLoopTests {
    @Test("HOSTILE 7: a kick that came before DRIVER_OK is served at DRIVER_OK")
    func earlyKick() throws {
        let device = EchoDevice()
        let bench = try DeviceBench(device)
        let queue = GuestDriverQueue(bench.memory, at: DeviceBench.queueBase)
        try queue.add([.writable(DeviceBench.dataBase, 1)])
        try bench.kick(0)
        #expect(device.served == 0)
        bench.negotiate([.version1])
        bench.configure(queue: 0, queue.configuration)
        bench.writeStatus([.acknowledge, .driver, .featuresOK, .driverOK])
        try bench.turn()
        #expect(device.served == 1)
        #expect(try queue.takeUsed().count == 1)
        #expect(bench.transport.interrupt.raisedCount == 1)
    }

    @Test("HOSTILE 4: a driver that breaks its queue loses the device until it resets it, and others are told")
    func failure() throws {
        let device = EchoDevice()
        let bench = try DeviceBench(device)
        try bench.start()
        try bench.queues[0].setAvailableIndex(999)
        try bench.kick(0)
        #expect(bench.failures.errors == [.availableIndex(999, next: 0, size: 16)])
        #expect(device.resets == 1)
        #expect(bench.transport.status.contains(.needsReset))
        #expect(bench.read(.interruptStatus) == 2)
        try bench.kick(0)
        #expect(bench.failures.errors.count == 1)
    }

    @Test("HOSTILE 7: a driver that never stops adding chains does not keep the loop from its other work")
    func budget() throws {
        let device = EchoDevice()
        let bench = try DeviceBench(device)
        try bench.start(queueSize: 16)
        for _ in 0..<16 { try bench.queues[0].add([.writable(DeviceBench.dataBase, 1)]) }
        bench.write(.queueNotify, 0)
        try bench.turn(times: 1)
        #expect(device.served == 16)
        // As if 16 more had come while the first were served: the loop comes back by itself.
        for _ in 0..<16 { try bench.queues[0].add([.writable(DeviceBench.dataBase, 1)]) }
        try bench.turn(times: 1)
        #expect(device.served == 32)
    }

    @Test("HOSTILE 9: a reset returns after the loop has taken the queues away; a loop that has ended holds nobody up")
    func reset() throws {
        let device = EchoDevice()
        let bench = try DeviceBench(device)
        try bench.start()
        let loop = bench.loop
        let thread = try Thread(name: "loop") { try? loop.run() }
        bench.writeStatus([])
        #expect(device.resets == 1)
        #expect(bench.transport.status == [])
        loop.stop()
        thread.join()
        bench.negotiate([.version1])
        bench.configure(queue: 0, bench.queues[0].configuration)
        bench.writeStatus([.acknowledge, .driver, .featuresOK, .driverOK])
        bench.writeStatus([])
        #expect(bench.transport.status == [])
    }

    @Test("drain ends the loop when the devices have nothing left, stop ends it at once")
    func drain() throws {
        let device = EchoDevice()
        let bench = try DeviceBench(device)
        try bench.start()
        bench.loop.drain()
        #expect(try bench.turn())
        #expect(device.hasDrained)
        device.isDrained = true
        bench.loop.drain()
        #expect(try !bench.turn())
        bench.loop.stop()
        #expect(try !bench.turn())
    }
}
