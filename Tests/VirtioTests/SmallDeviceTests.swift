import GuestMemory
import Testing
import Virtio
import VirtioDevices

@Suite struct EntropyDeviceTests {
    @Test("a request is filled with random bytes, all of it")
    func fill() throws {
        let bench = try DeviceBench(EntropyDevice())
        try bench.start()
        try bench.queues[0].add([
            .writable(DeviceBench.dataBase, 32), .writable(DeviceBench.dataBase + 64, 32),
        ])
        try bench.kick(0)
        #expect(try bench.queues[0].takeUsed().map(\.written) == [64])
        let bytes = try bench.bytes(at: DeviceBench.dataBase, 96)
        // 2^-256 each.
        #expect(bytes[..<32].contains { $0 != 0 } && bytes[64...].contains { $0 != 0 })
        #expect(bytes[32..<64].allSatisfy { $0 == 0 })
    }

    @Test("HOSTILE 14: one request is worth at most 64 KiB, and a readable buffer nothing")
    func bounded() throws {
        let bench = try DeviceBench(EntropyDevice())
        try bench.start()
        try bench.queues[0].add([.writable(DeviceBench.dataBase, 1 << 20)])
        try bench.queues[0].add([.readable(DeviceBench.dataBase, 100)])
        try bench.kick(0)
        #expect(try bench.queues[0].takeUsed().map(\.written) == [64 << 10, 0])
        let rest = try bench.bytes(at: DeviceBench.dataBase + 64 << 10, 16)
        #expect(rest.allSatisfy { $0 == 0 })
    }
}

@Suite struct ConsoleDeviceTests {
    final class Output {
        var bytes: [UInt8] = []
    }

    @Test("what the guest prints comes out in order")
    func output() throws {
        let output = Output()
        let bench = try DeviceBench(ConsoleDevice(limit: 1000) { output.bytes += $0 })
        try bench.start()
        try bench.store(Array("hello world".utf8), at: DeviceBench.dataBase)
        try bench.queues[1].add([.readable(DeviceBench.dataBase, 5), .readable(DeviceBench.dataBase + 5, 3)])
        try bench.queues[1].add([.readable(DeviceBench.dataBase + 8, 3)])
        try bench.kick(1)
        #expect(String(decoding: output.bytes, as: UTF8.self) == "hello world")
        #expect(try bench.queues[1].takeUsed().count == 2)
    }

    @Test("HOSTILE 15: output past the limit is taken and dropped, also after a reset")
    func limit() throws {
        let output = Output()
        let console = ConsoleDevice(limit: 10) { output.bytes += $0 }
        let bench = try DeviceBench(console)
        try bench.start()
        for _ in 0..<8 { try bench.queues[1].add([.readable(DeviceBench.dataBase, 1 << 20)]) }
        try bench.kick(1)
        #expect(output.bytes.count == 10)
        #expect(console.droppedBytes == 8 << 20 - 10)
        #expect(try bench.queues[1].takeUsed().count == 8)
        console.reset()
        try bench.kick(1)
        #expect(output.bytes.count == 10)
    }

    @Test("input buffers of the guest are left alone")
    func noInput() throws {
        let bench = try DeviceBench(ConsoleDevice(limit: 10) { _ in })
        try bench.start()
        try bench.queues[0].add([.writable(DeviceBench.dataBase, 100)])
        try bench.kick(0)
        #expect(try bench.queues[0].takeUsed().isEmpty)
    }
}
