import CLinux
import Glibc
import GuestMemory
import LinuxSystem
import SystemPackage
import Testing

@testable import Virtio
@testable import VirtioDevices

/// Guests that break the rules of virtio 1.2 §5.10.
@Suite struct VsockHostileTests {
    static let port: UInt32 = 1026

    /// A device with one stream on a pipe that nobody reads, and buffers for answers.
    private func started(post count: Int = 16) throws -> VsockBench {
        let bench = try VsockBench()
        let pipe = try Pipe()
        try bench.addStream(Self.port, pipe.writing)
        bench.keep(pipe.reading)
        try bench.start()
        if count > 0 { try bench.post(count) }
        return bench
    }

    private func established() throws -> VsockBench {
        let bench = try started()
        try bench.request(Self.port)
        #expect(try bench.operations() == [Op.response])
        return bench
    }

    @Test("HOSTILE 11: packets shorter than a header are dropped and counted")
    func shortHeader() throws {
        let bench = try started()
        for count: UInt32 in [0, 1, 43] {
            try bench.transmit.add([.readable(DeviceBench.dataBase, count)])
        }
        try bench.transmit.add([.writable(DeviceBench.dataBase, 100)])
        try bench.bench.kick(1)
        #expect(try bench.transmit.takeUsed().count == 4)
        #expect(bench.device.refusedCount == 4)
        #expect(try bench.packets() == [])
    }

    @Test("HOSTILE 11: a length beyond the buffers resets the connection, and reads nothing beside them")
    func longLength() throws {
        for length in [5, 65537, Int(UInt32.max)] {
            let bench = try established()
            try bench.send(bench.header(5, host: Self.port, length: length), [1, 2, 3, 4])
            #expect(try bench.operations() == [Op.reset])
            #expect(bench.closed.all.map(\.passedBytes) == [0])
        }
    }

    @Test("HOSTILE 11: one packet carries at most 64 KiB")
    func largePacket() throws {
        let bench = try established()
        try bench.queue(bench.header(5, host: Self.port, length: 65537))
        try bench.transmit.setDescriptor(0, address: 0, count: 0, flags: 0)
        let address = DeviceBench.dataBase
        try bench.bench.memory.store(
            bench.header(5, host: Self.port, length: 65537), at: GuestAddress(address))
        try bench.transmit.add([.readable(address, 44 + 65537)])
        try bench.bench.kick(1)
        #expect(try bench.operations() == [Op.reset])
    }

    @Test(
        "HOSTILE 11: buffers too small for a header, or for any data, come back empty and do not stop the rest"
    )
    func smallBuffers() throws {
        let bench = try started(post: 0)
        try bench.post(1, bytes: 43)
        try bench.post(1, bytes: 44)
        try bench.request(Self.port)
        #expect(try bench.packets().map(\.used) == [0, 44])

        let feeding = try VsockBench()
        let pipe = try Pipe()
        try pipe.writing.borrowed.write(all: [1, 2, 3])
        try feeding.addStream(1025, try pipe.reading.duplicate())
        try feeding.start()
        try feeding.post(3, bytes: 44)
        try feeding.request(1025)
        #expect(try feeding.packets().map(\.used) == [44, 0, 0])
        try feeding.post(1)
        #expect(try feeding.packets().map(\.data) == [[1, 2, 3]])
    }

    @Test("HOSTILE 11: wrong addresses, types, ports and operations are answered with RST")
    func wrongHeaders() throws {
        let bench = try started(post: 40)
        func check(
            _ change: (inout virtio_vsock_hdr) -> Void, sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            var header = bench.header(Op.request, host: Self.port)
            change(&header)
            try bench.send(header)
            #expect(try bench.operations() == [Op.reset], sourceLocation: sourceLocation)
        }
        try check { $0.src_cid = 4 }
        try check { $0.src_cid = 2 }
        try check { $0.dst_cid = 3 }
        try check { $0.dst_cid = .max }
        try check { $0.type = 0 }
        try check { $0.type = 2 }  // SEQPACKET
        try check { $0.type = .max }
        try check { $0.op = 0 }
        try check { $0.op = 8 }
        try check { $0.op = .max }
        try check { $0.dst_port = .max }
        try check { $0.src_port = .max }
        try check { $0.dst_port = 9999 }
        try check { $0.len = 4 }
        #expect(bench.device.refusedCount == 14)
        // None of them used the stream up.
        try bench.request(Self.port)
        #expect(try bench.operations() == [Op.response])
    }

    @Test(
        "HOSTILE 11: anything but a request on an unknown connection is answered with RST, RST with nothing",
        arguments: [Op.response, Op.shutdown, Op.data, Op.creditUpdate, Op.creditRequest, Op.reset])
    func unknownConnection(_ operation: UInt16) throws {
        let bench = try started()
        try bench.send(bench.header(operation, host: Self.port))
        #expect(try bench.operations() == (operation == Op.reset ? [] : [Op.reset]))
        #expect(bench.device.connections.isEmpty)
    }

    @Test("HOSTILE 11: a second request for a connection, or for a port that was used, is refused")
    func secondRequest() throws {
        let bench = try established()
        try bench.request(Self.port, guest: 6000)
        #expect(try bench.operations() == [Op.reset])
        try bench.request(Self.port)
        #expect(try bench.operations() == [Op.reset])
        #expect(bench.device.connections.isEmpty)
        try bench.request(Self.port)
        #expect(try bench.operations() == [Op.reset])
    }

    @Test("HOSTILE 11: data after the guest shut its sending side down resets the connection")
    func dataAfterShutdown() throws {
        let bench = try established()
        try bench.shutDown(Self.port, flags: 2)
        try bench.send(data: [1], to: Self.port)
        #expect(try bench.operations() == [Op.reset])
        #expect(bench.closed.all.count == 1)
    }

    @Test("HOSTILE 11: data for a stream that only feeds the guest resets the connection")
    func dataForInput() throws {
        let bench = try VsockBench()
        let pipe = try Pipe()
        try bench.addStream(1025, try pipe.reading.duplicate())
        try bench.start()
        try bench.post(4)
        try bench.request(1025)
        try bench.send(data: [1], to: 1025)
        #expect(try bench.operations() == [Op.response, Op.reset])
    }

    // MARK: Credit

    @Test("HOSTILE 12: more data than our buffer holds resets the connection; what came before still arrives")
    func overrun() throws {
        let bench = try established()
        // 64 KiB in the pipe, 256 KiB in the buffer, then one byte too many.
        let block = [UInt8](repeating: 1, count: 65536)
        for _ in 0..<5 { try bench.send(data: block, to: Self.port) }
        #expect(try !bench.operations().contains(Op.reset))
        try bench.send(data: [1], to: Self.port)
        #expect(try bench.operations() == [Op.reset])
        #expect(bench.device.connections.count == 1)
    }

    @Test(
        "HOSTILE 12: a guest that shrinks its buffer below what is in flight gets nothing more, and no wrapped credit"
    )
    func shrinkingBuffer() throws {
        let bench = try VsockBench()
        let pipe = try Pipe()
        try pipe.writing.borrowed.write(all: [UInt8](repeating: 1, count: 2000))
        try bench.addStream(1025, try pipe.reading.duplicate())
        try bench.start()
        try bench.post(16)
        try bench.request(1025, bufferSize: 1000)
        #expect(try bench.packets().map(\.data.count).reduce(0, +) == 1000)
        try bench.send(bench.header(Op.creditUpdate, host: 1025, bufferSize: 10, forwarded: 500))
        #expect(try bench.packets().map(\.data.count).reduce(0, +) == 0)
        try bench.send(bench.header(Op.creditUpdate, host: 1025, bufferSize: 0, forwarded: 1000))
        #expect(try bench.packets().map(\.data.count).reduce(0, +) == 0)
        try bench.send(bench.header(Op.creditUpdate, host: 1025, bufferSize: 10, forwarded: 1000))
        #expect(try bench.packets().map(\.data.count).reduce(0, +) == 10)
    }

    @Test("HOSTILE 12: a guest that claims to have consumed what was never sent, or takes it back, is reset")
    func impossibleForwarded() throws {
        for forwarded: UInt32 in [1, 0x8000_0000, .max] {
            let bench = try established()
            try bench.send(bench.header(Op.creditUpdate, host: Self.port, forwarded: forwarded))
            #expect(try bench.operations() == [Op.reset])
        }
        var window = CreditWindow(bufferSize: 100)
        let first = window.hear(bufferSize: 50, forwarded: 0)
        window.send(50)
        let consumed = window.hear(bufferSize: 50, forwarded: 30)
        let takenBack = window.hear(bufferSize: 50, forwarded: 29)
        let neverSent = window.hear(bufferSize: 50, forwarded: 51)
        #expect([first, consumed, takenBack, neverSent] == [true, true, false, false])
        #expect(window.available == 30)
    }

    @Test("HOSTILE 12: the counters wrap at 2^32 and the credit stays right")
    func wrappingCounters() {
        var window = CreditWindow(bufferSize: 1 << 30)
        _ = window.hear(bufferSize: 1 << 30, forwarded: 0)
        for _ in 0..<12 {
            #expect(window.available == 1 << 30)
            window.send(1 << 30)
            #expect(window.available == 0)
            let isHeard = window.hear(bufferSize: 1 << 30, forwarded: window.sent)
            let fits = window.receive(1 << 30)
            let oneMoreFits = window.receive(1)
            #expect([isHeard, fits, oneMoreFits] == [true, true, false])
            #expect(window.buffered == 1 << 30)
            window.forward(1 << 30)
            #expect(window.shouldAdvertise)
            window.advertise()
            #expect(!window.shouldAdvertise)
        }
    }

    @Test("HOSTILE 12: a flood of credit requests costs one answer at a time")
    func creditRequestFlood() throws {
        let bench = try started(post: 1)
        try bench.request(Self.port)
        _ = try bench.packets()
        for _ in 0..<1000 { try bench.send(bench.header(Op.creditRequest, host: Self.port)) }
        try bench.post(10)
        #expect(try bench.operations() == [Op.creditUpdate])
    }

    // MARK: Exhaustion

    @Test("HOSTILE 13: a flood of requests fills the table and not the memory; closing makes room again")
    func requestFlood() throws {
        let directory = try TemporaryDirectory()
        let listener = try directory.listen("v.sock_7", backlog: 1000)
        let bridge = VsockUnixBridge(listener: nil, directory: try directory.descriptor.duplicate())
        let bench = try VsockBench(bridge: bridge)
        try bench.start()
        var (accepted, refused) = (0, 0)
        for guest in 0..<UInt32(300) {
            try bench.post(1)
            try bench.request(7, guest: guest)
            for operation in try bench.operations() {
                accepted += operation == Op.response ? 1 : 0
                refused += operation == Op.reset ? 1 : 0
            }
        }
        #expect((accepted, refused) == (256, 44))
        for guest in 0..<UInt32(256) { try bench.send(bench.header(Op.reset, host: 7, guest: guest)) }
        #expect(bench.device.connections.isEmpty)
        // Nobody accepts the connections above, so the backlog is emptied first.
        while let socket = try? OwnedDescriptor(
            checking: linux_accept(listener.borrowed.rawValue, O_NONBLOCK))
        {
            _ = consume socket
            if try !listener.borrowed.isReady(for: CInt(POLLIN)) { break }
        }
        try bench.post(1)
        try bench.request(7)
        #expect(try bench.operations() == [Op.response])
    }

    @Test("HOSTILE 13: a flood of stray packets while the guest offers no buffers is held at 64 answers")
    func strayFlood() throws {
        let bench = try started(post: 0)
        for _ in 0..<60 { try bench.queue(bench.header(Op.data, host: 9)) }
        try bench.bench.kick(1)
        #expect(try bench.transmit.takeUsed().count == 60)
        for _ in 0..<60 { try bench.queue(bench.header(Op.data, host: 9)) }
        try bench.bench.kick(1)
        #expect(bench.device.strayResets.count == 64)
        #expect(try bench.transmit.takeUsed().count == 4)
        // Buffers come: everything is answered, and the rest of the queue taken.
        try bench.post(60)
        #expect(try bench.packets().count == 60)
        try bench.post(60)
        #expect(try bench.packets().count == 60)
        #expect(try bench.transmit.takeUsed().count == 56)
    }

    @Test("HOSTILE 13: with input waiting and a guest that does not read, the loop sleeps")
    func noSpin() throws {
        let bench = try VsockBench()
        let pipe = try Pipe()
        try pipe.writing.borrowed.write(all: [UInt8](repeating: 1, count: 60_000))
        try bench.addStream(1025, try pipe.reading.duplicate())
        try bench.start()
        // Without buffers, then with buffers but without credit.
        try bench.request(1025, bufferSize: 100)
        try bench.bench.turn()
        let idle = Epolls(bench.bench.loop)
        #expect(try idle.eventsInTurn() == 0)
        try bench.post(8)
        _ = try bench.packets()
        #expect(try idle.eventsInTurn() == 0)
    }

    /// Counts loop turns that had work: a turn without events leaves the notification count and the interrupts alone.
    private struct Epolls {
        let loop: DeviceLoop
        init(_ loop: DeviceLoop) { self.loop = loop }
        func eventsInTurn() throws -> Int {
            let before = loop.dispatchedCount
            for _ in 0..<10 { _ = try loop.turn(timeoutMilliseconds: 0) }
            return Int(loop.dispatchedCount - before)
        }
    }

    @Test("HOSTILE 13: packets before the device is set up, and a device without queues, do nothing")
    func missingQueues() throws {
        let bench = try VsockBench()
        bench.bench.negotiate([.version1])
        bench.bench.writeStatus([.acknowledge, .driver, .featuresOK, .driverOK])
        for queue in 0..<3 { try bench.bench.kick(queue) }
        #expect(bench.bench.failures.errors == [])
    }

    @Test("HOSTILE 9: a reset of the device ends every connection; what was sent still reaches the descriptor")
    func deviceReset() throws {
        let bench = try VsockBench()
        let pipe = try Pipe()
        try bench.addStream(Self.port, try pipe.writing.duplicate())
        try bench.start()
        try bench.post(4)
        try bench.request(Self.port)
        for _ in 0..<2 { try bench.send(data: [UInt8](repeating: 5, count: 65536), to: Self.port) }
        bench.device.reset()
        #expect(try pipe.reading.borrowed.read(upTo: 65536).count == 65536)
        try bench.bench.turn()
        #expect(try pipe.reading.borrowed.read(upTo: 65536).count == 65536)
        #expect(bench.device.connections.isEmpty)
        #expect(bench.closed.all.map(\.failure) == [.connectionReset])
    }

    @Test("HOSTILE 11: a broken transmit queue takes the device away until it is reset, and nothing else")
    func brokenQueue() throws {
        let bench = try established()
        try bench.transmit.setAvailableIndex(5000)
        try bench.bench.kick(1)
        #expect(bench.bench.failures.errors.count == 1)
        #expect(bench.bench.transport.status.contains(.needsReset))
        #expect(bench.closed.all.map(\.failure) == [.connectionReset])
    }
}
