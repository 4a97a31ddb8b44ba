import CLinux
import Glibc
import LinuxSystem
import SystemPackage
import Testing
import Virtio

@testable import VirtioDevices

/// Streams between the guest and descriptors, with a guest that keeps the rules.
@Suite struct VsockStreamTests {
    static let input: UInt32 = 1025, output: UInt32 = 1026

    private func pattern(_ count: Int, seed: Int = 1) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 &+ seed) &* 31 &+ $0 >> 8) }
    }

    @Test("what the guest sends reaches a pipe, and the end of it closes the pipe and is reported")
    func outputToPipe() throws {
        let bench = try VsockBench()
        let pipe = try Pipe()
        try bench.addStream(Self.output, pipe.writing)
        let reader = pipe.reading
        let reading = reader.borrowed
        try bench.start()
        try bench.post(8)
        try bench.request(Self.output)
        #expect(try bench.operations() == [Op.response])
        try bench.send(data: Array("hello ".utf8), to: Self.output)
        try bench.send(data: Array("world".utf8), to: Self.output)
        #expect(try reading.read(upTo: 100) == Array("hello world".utf8))
        #expect(bench.closed.all == [])
        try bench.shutDown(Self.output, flags: 2)
        #expect(
            bench.closed.all == [
                StreamClosed(port: Self.output, passedBytes: 11, droppedBytes: 0, failure: nil)
            ])
        #expect(try reading.read(upTo: 100) == [])
        try bench.shutDown(Self.output, flags: 3)
        #expect(try bench.operations() == [Op.reset])
        #expect(bench.device.connections.isEmpty)
        #expect(bench.closed.all.count == 1)
    }

    @Test("a regular file feeds the guest to its end, in buffers as large as the guest offers")
    func inputFromFile() throws {
        let bench = try VsockBench()
        let content = pattern(100_000)
        let file = try OwnedDescriptor.memoryFile(name: "stdin")
        try file.borrowed.write(all: content)
        let again = try OwnedDescriptor.open("/proc/self/fd/\(file.borrowed.rawValue)", flags: O_RDONLY)
        try bench.addStream(Self.input, again)
        try bench.start()
        try bench.post(4, bytes: 44 + 65536)
        try bench.request(Self.input)
        let packets = try bench.packets()
        #expect(packets.map(\.operation) == [Op.response, Op.data, Op.data, Op.shutdown])
        #expect(packets[1].data.count == 65536)
        #expect(packets[1].data + packets[2].data == content)
        #expect(packets[3].flags == 2)
        #expect(packets[1].used == 44 + 65536)
    }

    @Test("input that cannot be read is a reset to the guest, not an end, and is reported")
    func unreadableInput() throws {
        let bench = try VsockBench()
        try bench.addStream(Self.input, try .open("/", flags: O_RDONLY | O_DIRECTORY))
        try bench.start()
        try bench.post(4)
        try bench.request(Self.input)
        #expect(try bench.operations() == [Op.response, Op.reset])
        #expect(bench.closed.all.map(\.failure) == [.isDirectory])
    }

    @Test("HOSTILE 12: input stops at the guest's credit, asks for more, and goes on when it comes")
    func inputCredit() throws {
        let bench = try VsockBench()
        let pipe = try Pipe()
        try pipe.writing.borrowed.write(all: pattern(1000))
        try bench.addStream(Self.input, try pipe.reading.duplicate())
        try bench.start()
        try bench.post(20)
        try bench.request(Self.input, bufferSize: 300)
        let first = try bench.packets()
        #expect(first.map(\.operation) == [Op.response, Op.data, Op.creditRequest])
        #expect(first[1].data.count == 300)
        #expect(try bench.packets() == [])
        try bench.send(bench.header(6, host: Self.input, bufferSize: 300, forwarded: 200))
        #expect(try bench.packets().map(\.data.count) == [200, 0])
        try bench.send(bench.header(6, host: Self.input, bufferSize: 5000, forwarded: 500))
        #expect(try bench.packets().map(\.data.count) == [500])
        try pipe.writing.borrowed.write(all: [7])
        #expect(try bench.packets().map(\.data) == [[7]])
    }

    @Test("input comes over a socket in both directions, and its end is a half-close")
    func socket() throws {
        let bench = try VsockBench()
        let pair = try SocketPair(type: CInt(SOCK_STREAM.rawValue))
        try bench.addStream(1024, pair.second)
        let hostSide = pair.first
        let host = hostSide.borrowed
        try bench.start()
        try bench.post(10)
        try bench.request(1024)
        try host.write(all: Array("specification".utf8))
        try bench.send(data: Array("hello".utf8), to: 1024)
        #expect(try bench.packets().map(\.operation) == [Op.response, Op.data])
        #expect(try host.read(upTo: 10) == Array("hello".utf8))
        try host.shutdown(CInt(SHUT_WR))
        let end = try bench.packets()
        #expect(end.map(\.operation) == [Op.shutdown])
        #expect(end[0].flags == 2)
        try bench.send(data: Array("report".utf8), to: 1024)
        try bench.shutDown(1024, flags: 2)
        #expect(try host.read(upTo: 10) == Array("report".utf8))
        #expect(try host.read(upTo: 10) == [])
        #expect(bench.closed.all.map(\.passedBytes) == [11])
    }

    @Test("HOSTILE 13: a reader that never reads holds one stream up and no other, within one buffer of memory")
    func slowReader() throws {
        let bench = try VsockBench()
        let stuck = try Pipe()
        let fine = try Pipe()
        try bench.addStream(Self.output, try stuck.writing.duplicate())
        try bench.addStream(1027, try fine.writing.duplicate())
        try bench.start()
        try bench.post(30)
        try bench.request(Self.output, guest: 5000)
        try bench.request(1027, guest: 5001)
        _ = try bench.packets()
        // The pipe takes 64 KiB, the buffer 256 KiB.
        for _ in 0..<5 { try bench.send(data: pattern(65536), to: Self.output, guest: 5000) }
        try bench.send(data: Array("fine".utf8), to: 1027, guest: 5001)
        #expect(try fine.reading.borrowed.read(upTo: 100) == Array("fine".utf8))
        let connection = try #require(bench.device.connections[VsockPorts(host: Self.output, guest: 5000)])
        #expect(connection.pending.count == 256 << 10)
        #expect(try !bench.operations().contains(Op.reset))
        // The reader wakes up: everything arrives, in order.
        try bench.shutDown(Self.output, guest: 5000, flags: 2)
        #expect(bench.closed.all.isEmpty)
        var arrived: [UInt8] = []
        while arrived.count < 5 * 65536 {
            arrived += try stuck.reading.borrowed.read(upTo: 65536)
            try bench.bench.turn()
        }
        #expect(arrived == Array((0..<5).map { _ in pattern(65536) }.joined()))
        #expect(bench.closed.all.map(\.passedBytes) == [5 * 65536])
        #expect(try bench.packets().contains { $0.operation == Op.creditUpdate })
    }

    @Test("a user's blocking pipe stays blocking, and is written without waiting all the same")
    func blockingPipe() throws {
        let bench = try VsockBench()
        let pipe = try Pipe()
        try bench.addStream(Self.output, try pipe.writing.duplicate())
        try bench.start()
        try bench.post(4)
        try bench.request(Self.output)
        try bench.send(data: pattern(65536), to: Self.output)
        try bench.send(data: pattern(65536), to: Self.output)
        #expect(try pipe.writing.borrowed.statusFlags() & O_NONBLOCK == 0)
        #expect(bench.device.connections.values.first?.pending.count == 65536)
    }

    @Test("HOSTILE 15: output past the limit is dropped and counted, and the guest's credit goes on")
    func limit() throws {
        let bench = try VsockBench()
        let file = try OwnedDescriptor.memoryFile(name: "stdout")
        let raw = file.borrowed
        try bench.addStream(Self.output, try file.duplicate(), direction: .toHost, limit: 100_000)
        try bench.start()
        try bench.post(8)
        try bench.request(Self.output)
        for _ in 0..<4 { try bench.send(data: pattern(65536), to: Self.output) }
        try bench.shutDown(Self.output, flags: 2)
        let expected = StreamClosed(
            port: Self.output, passedBytes: 100_000, droppedBytes: 2 * 65536 - 100_000, failure: nil)
        // When the limit is passed and all within it is written, not when the guest ends the stream; and once.
        #expect(bench.closed.all == [expected])
        #expect(try raw.status().size == 100_000)
        let operations = try bench.operations()
        #expect(operations == [Op.response, Op.creditUpdate, Op.creditUpdate])
    }

    @Test("output past the limit is not reported while some within it waits for a slow reader")
    func limitBeforeReader() throws {
        let bench = try VsockBench()
        let pipe = try Pipe()
        try bench.addStream(
            Self.output, try pipe.writing.duplicate(), direction: .toHost, limit: 100_000)
        try bench.start()
        try bench.post(4)
        try bench.request(Self.output)
        // The pipe holds 65,536.
        for _ in 0..<2 { try bench.send(data: pattern(65536), to: Self.output) }
        let connection = try #require(bench.device.connections.values.first)
        #expect(connection.pending.count == 100_000 - 65536 && connection.droppedBytes > 0)
        #expect(bench.closed.all.isEmpty)
    }

    @Test("an output that is not open for writing is reported as EBADF, once it is written to")
    func notWritable() throws {
        let bench = try VsockBench()
        try bench.addStream(
            Self.output, try OwnedDescriptor.open("/dev/null", flags: O_RDONLY), direction: .toHost)
        try bench.start()
        try bench.post(4)
        try bench.request(Self.output)
        #expect(bench.closed.all.isEmpty)
        try bench.send(data: [1, 2, 3], to: Self.output)
        try bench.shutDown(Self.output, flags: 2)
        let expected = StreamClosed(
            port: Self.output, passedBytes: 0, droppedBytes: 0, failure: .badFileDescriptor)
        #expect(bench.closed.all == [expected])
    }

    @Test("a reader that is gone is told to the guest as shut down for receiving, and reported as EPIPE")
    func brokenPipe() throws {
        let bench = try VsockBench()
        let pipe = try Pipe()
        try bench.addStream(Self.output, pipe.writing)
        try checked(linux_close(pipe.reading.release().rawValue))
        try bench.start()
        try bench.post(4)
        try bench.request(Self.output)
        try bench.send(data: [1, 2, 3], to: Self.output)
        let packets = try bench.packets()
        #expect(packets.map(\.operation) == [Op.response, Op.shutdown])
        #expect(packets[1].flags == 1)
        try bench.send(data: [4], to: Self.output)
        try bench.shutDown(Self.output, flags: 3)
        let expected = StreamClosed(port: Self.output, passedBytes: 0, droppedBytes: 0, failure: .brokenPipe)
        #expect(bench.closed.all == [expected])
        #expect(try bench.operations() == [Op.reset])
    }

    @Test("an output stream on a descriptor that is open for both does not eat input")
    func direction() throws {
        let bench = try VsockBench()
        let pair = try SocketPair(type: CInt(SOCK_STREAM.rawValue))
        try bench.addStream(Self.output, try pair.second.duplicate(), direction: .toHost)
        try bench.start()
        try bench.post(4)
        try pair.first.borrowed.write(all: Array("typed".utf8))
        try bench.request(Self.output)
        #expect(try bench.operations() == [Op.response])
        #expect(try pair.second.borrowed.read(upTo: 10) == Array("typed".utf8))
    }

    @Test("/dev/null, which cannot be watched, takes everything and ends at once")
    func devNull() throws {
        let bench = try VsockBench()
        try bench.addStream(Self.output, try .open("/dev/null", flags: O_WRONLY))
        try bench.addStream(Self.input, try .open("/dev/null", flags: O_RDONLY))
        try bench.start()
        try bench.post(4)
        try bench.request(Self.output, guest: 1)
        try bench.send(data: pattern(1000), to: Self.output, guest: 1)
        try bench.shutDown(Self.output, guest: 1, flags: 2)
        try bench.request(Self.input, guest: 2)
        #expect(try bench.operations() == [Op.response, Op.response, Op.shutdown])
        #expect(bench.closed.all.map(\.passedBytes) == [1000])
    }

    @Test("drain passes on what the guest sent last, and reports streams it did not shut down as reset")
    func drain() throws {
        let bench = try VsockBench()
        let pipe = try Pipe()
        try bench.addStream(Self.output, try pipe.writing.duplicate())
        try bench.start()
        try bench.post(4)
        try bench.request(Self.output)
        try bench.send(data: pattern(65536), to: Self.output)
        // In the queue, not yet notified, when the guest powers off.
        try bench.queue(bench.header(5, host: Self.output, length: 4), [1, 2, 3, 4])
        bench.bench.loop.drain()
        #expect(try bench.bench.turn())
        #expect(try pipe.reading.borrowed.read(upTo: 65536) == pattern(65536))
        #expect(try !bench.bench.turn())
        #expect(try pipe.reading.borrowed.read(upTo: 100) == [1, 2, 3, 4])
        #expect(bench.closed.all.map(\.failure) == [.connectionReset])
        #expect(bench.closed.all.map(\.passedBytes) == [65540])
    }
}
