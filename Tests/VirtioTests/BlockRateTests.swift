import CLinux
import GuestMemory
import LinuxSystem
import SystemPackage
import Testing
import Virtio
import VirtioDevices

/// A disk with limited rates, on a clock that only the test moves. The loop's own clock is ahead of it, so that every wait
/// the device asks for is over at once: what holds a request back is the device alone.
@Suite struct BlockRateTests {
    private let clock = TestClock()
    private let device: BlockDevice
    private let bench: DeviceBench
    private static let header = DeviceBench.dataBase, data = DeviceBench.dataBase + 0x1000
    private static let status = DeviceBench.dataBase + 0x800

    private init(_ change: (inout BlockRates) -> Void) throws {
        var rates = BlockRates()
        change(&rates)
        let clock = clock
        let file = try OwnedDescriptor.memoryFile(name: "disk", size: 64 * 512)
        device = BlockDevice(
            try FileBackend(owning: file, readOnly: false), identity: "swiftlet-0", rates: rates,
            now: { clock.now })
        bench = try DeviceBench(device)
        try bench.start([.version1, .indirectDescriptors])
    }

    init() throws { try self.init { _ in } }

    /// Puts a request into the queue; each has a header of its own.
    private func add(_ type: Int32, slot: UInt64, bytes: UInt32 = 512) throws {
        let address = Self.header + slot * 16
        let header = virtio_blk_outhdr(type: UInt32(type), ioprio: 0, sector: 0)
        try bench.memory.store(header, at: GuestAddress(address))
        let data: GuestDriverQueue.Piece =
            type == VIRTIO_BLK_T_OUT ? .readable(Self.data, bytes) : .writable(Self.data, bytes)
        try bench.queues[0].add([.readable(address, 16), data, .writable(Self.status + slot, 1)])
    }

    private func finished() throws -> Int {
        try bench.turn()
        return try bench.queues[0].takeUsed().count
    }

    @Test("writes wait for their rate, one after the other, and all are done in the end")
    func writeOperations() throws {
        let test = try BlockRateTests { $0.writeOperations = 10 }
        for slot in 0..<4 { try test.add(VIRTIO_BLK_T_OUT, slot: UInt64(slot)) }
        try test.bench.kick(0)
        #expect(try test.finished() == 1)
        #expect(try test.finished() == 0)
        for _ in 0..<3 {
            test.clock.advance(milliseconds: 99)
            #expect(try test.finished() == 0)
            test.clock.advance(milliseconds: 2)
            #expect(try test.finished() == 1)
        }
        test.clock.advance(milliseconds: 10_000)
        #expect(try test.finished() == 0)
    }

    @Test("bytes count, not requests, where bytes are limited")
    func writeBytes() throws {
        let test = try BlockRateTests { $0.writeBytes = 4096 }
        try test.add(VIRTIO_BLK_T_OUT, slot: 0, bytes: 8192)
        try test.add(VIRTIO_BLK_T_OUT, slot: 1, bytes: 512)
        try test.bench.kick(0)
        #expect(try test.finished() == 1)
        // 8192 bytes are two seconds' worth; a tenth of a second's was in the bucket.
        test.clock.advance(milliseconds: 1890)
        #expect(try test.finished() == 0)
        test.clock.advance(milliseconds: 20)
        #expect(try test.finished() == 1)
    }

    @Test("a limit of writes does not hold reads, nor the other way round")
    func separateDirections() throws {
        let test = try BlockRateTests { $0.writeOperations = 1 }
        for slot in 0..<6 { try test.add(VIRTIO_BLK_T_IN, slot: UInt64(slot)) }
        try test.bench.kick(0)
        #expect(try test.finished() == 6)
        let other = try BlockRateTests { $0.readBytes = 1 }
        for slot in 0..<6 { try other.add(VIRTIO_BLK_T_OUT, slot: UInt64(slot)) }
        try other.bench.kick(0)
        #expect(try other.finished() == 6)
    }

    @Test("notifications do not open a throttled queue")
    func notifications() throws {
        let test = try BlockRateTests { $0.readOperations = 1 }
        for slot in 0..<3 { try test.add(VIRTIO_BLK_T_IN, slot: UInt64(slot)) }
        for _ in 0..<20 { try test.bench.kick(0) }
        #expect(try test.finished() == 1)
    }

    @Test("the guest's last writes are done without waiting when it has stopped")
    func drain() throws {
        let test = try BlockRateTests { $0.writeOperations = 1 }
        for slot in 0..<5 { try test.add(VIRTIO_BLK_T_OUT, slot: UInt64(slot)) }
        try test.bench.kick(0)
        #expect(try test.finished() == 1)
        test.bench.loop.drain()
        #expect(try test.finished() == 4)
    }
}
