import GuestMemory
import Testing
import Virtio
import VirtioDevices

@Suite struct BalloonDeviceTests {
    private static let page: UInt64 = 4096
    private static let base = DeviceBench.dataBase / page * page + page

    @Test("reported pages are the host's again: the guest finds zeros there, and its other pages as they were")
    func reported() throws {
        let balloon = BalloonDevice()
        let bench = try DeviceBench(balloon)
        try bench.start()
        try bench.store([UInt8](repeating: 7, count: 4 * Int(Self.page)), at: Self.base)
        try bench.queues[2].add([.writable(Self.base + Self.page, UInt32(2 * Self.page))])
        try bench.kick(2)
        #expect(try bench.queues[2].takeUsed().map(\.written) == [0])
        let bytes = try bench.bytes(at: Self.base, 4 * Int(Self.page))
        for (number, value) in [UInt8(7), 0, 0, 7].enumerated() {
            #expect(bytes[number * 4096..<(number + 1) * 4096].allSatisfy { $0 == value })
        }
        #expect(balloon.returnedBytes == 2 * Self.page)
    }

    @Test("a report on the queue of the specification's number counts as one on Linux's")
    func queueNumbers() throws {
        let balloon = BalloonDevice()
        let bench = try DeviceBench(balloon)
        try bench.start()
        try bench.queues[4].add([.writable(Self.base, UInt32(Self.page))])
        try bench.kick(4)
        #expect(balloon.returnedBytes == Self.page)
    }

    @Test("HOSTILE 14: of what a driver reports to the balloon only whole pages go, and what is only readable stays")
    func bounds() throws {
        let balloon = BalloonDevice()
        let bench = try DeviceBench(balloon)
        try bench.start()
        try bench.store([UInt8](repeating: 7, count: 3 * Int(Self.page)), at: Self.base)
        try bench.queues[2].add([.writable(Self.base + 1, UInt32(2 * Self.page))])
        try bench.queues[2].add([.writable(Self.base, 100)])
        try bench.queues[2].add([.readable(Self.base, UInt32(Self.page))])
        try bench.kick(2)
        #expect(try bench.queues[2].takeUsed().count == 3)
        let bytes = try bench.bytes(at: Self.base, 3 * Int(Self.page))
        #expect(bytes[..<4096].allSatisfy { $0 == 7 } && bytes[8192...].allSatisfy { $0 == 7 })
        #expect(bytes[4096..<8192].allSatisfy { $0 == 0 })
        #expect(balloon.returnedBytes == Self.page)
    }

    @Test("HOSTILE 14: what a driver tells a balloon unasked, pages or statistics, comes back and changes nothing")
    func unasked() throws {
        let balloon = BalloonDevice()
        let bench = try DeviceBench(balloon)
        try bench.start()
        try bench.store([7], at: Self.base)
        for queue in 0...1 {
            try bench.queues[queue].add([.readable(Self.base, 4)])
            try bench.kick(queue)
            #expect(try bench.queues[queue].takeUsed().count == 1)
        }
        #expect(try bench.bytes(at: Self.base, 1) == [7])
        #expect(balloon.returnedBytes == 0)
    }
}
