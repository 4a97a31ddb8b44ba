import LinuxSystem
import SystemPackage
import Testing
import Virtio

@testable import VirtioDevices

/// Streams with a limited rate, on a clock that only the test moves (see BlockRateTests).
@Suite struct StreamRateTests {
    private static let output: UInt32 = 1026, input: UInt32 = 1025

    /// 1,000 bytes a second: a hundred may come at once.
    private func stream(
        _ port: UInt32, _ descriptor: consuming OwnedDescriptor
    ) -> StreamConfiguration {
        StreamConfiguration(port: port, descriptor: descriptor, rate: 1000)
    }

    private func count(_ reading: FileDescriptor) throws -> Int {
        try reading.isReady(for: 1) ? try reading.read(upTo: 100_000).count : 0
    }

    @Test("output passes at its rate, and the end of the stream is reported when the last byte has passed")
    func output() throws {
        let clock = TestClock()
        let bench = try VsockBench(now: { clock.now })
        let pipe = try Pipe()
        let reading = pipe.reading.borrowed
        try bench.device.addStream(stream(Self.output, try pipe.writing.duplicate()))
        try bench.start()
        try bench.post(8)
        try bench.request(Self.output)
        try bench.send(data: [UInt8](repeating: 7, count: 500), to: Self.output)
        try bench.shutDown(Self.output, flags: 2)
        #expect(try count(reading) == 100)
        try bench.bench.turn()
        #expect(try count(reading) == 0)
        var passed = 100
        for _ in 0..<4 {
            #expect(bench.closed.all == [])
            clock.advance(milliseconds: 100)
            try bench.bench.turn()
            let piece = try count(reading)
            #expect(piece == 100)
            passed += piece
        }
        #expect(passed == 500)
        #expect(bench.closed.all.map(\.passedBytes) == [500])
    }

    @Test("what a guest has sent passes at the rate too after it has stopped, and the loop waits for it")
    func drain() throws {
        let clock = TestClock()
        let bench = try VsockBench(now: { clock.now })
        let pipe = try Pipe()
        let reading = pipe.reading.borrowed
        try bench.device.addStream(stream(Self.output, try pipe.writing.duplicate()))
        try bench.start()
        try bench.post(8)
        try bench.request(Self.output)
        try bench.send(data: [UInt8](repeating: 7, count: 250), to: Self.output)
        bench.bench.loop.drain()
        #expect(try bench.bench.turn())
        #expect(try count(reading) == 100)
        clock.advance(milliseconds: 100)
        #expect(try bench.bench.turn())
        clock.advance(milliseconds: 100)
        #expect(try !bench.bench.turn())
        #expect(try count(reading) == 150)
    }

    @Test("input reaches the guest at its rate, and another stream is not held up")
    func input() throws {
        let clock = TestClock()
        let bench = try VsockBench(now: { clock.now })
        let pipe = try Pipe()
        let other = try Pipe()
        try pipe.writing.borrowed.write(all: [UInt8](repeating: 7, count: 250))
        try other.writing.borrowed.write(all: [UInt8](repeating: 8, count: 2000))
        try bench.device.addStream(stream(Self.input, try pipe.reading.duplicate()))
        try bench.addStream(1024, try other.reading.duplicate())
        try bench.start()
        try bench.post(16)
        try bench.request(Self.input)
        #expect(try bench.packets().map(\.data.count) == [0, 100])
        try bench.request(1024, guest: 5001)
        #expect(try bench.packets().map(\.data.count).reduce(0, +) == 2000)
        #expect(try bench.packets() == [])
        clock.advance(milliseconds: 100)
        try bench.bench.turn()
        #expect(try bench.packets().map(\.data.count) == [100])
        clock.advance(milliseconds: 1000)
        try bench.bench.turn()
        #expect(try bench.packets().map(\.data.count) == [50])
    }

    @Test("a reset leaves a throttled stream's bytes on their way")
    func alarmOutlivesReset() throws {
        let clock = TestClock()
        let bench = try VsockBench(now: { clock.now })
        let pipe = try Pipe()
        let reading = pipe.reading.borrowed
        try bench.device.addStream(stream(Self.output, try pipe.writing.duplicate()))
        try bench.start()
        try bench.post(8)
        try bench.request(Self.output)
        try bench.send(data: [UInt8](repeating: 7, count: 150), to: Self.output)
        bench.device.reset()
        #expect(try count(reading) == 100)
        clock.advance(milliseconds: 100)
        try bench.bench.turn()
        #expect(try count(reading) == 50)
        #expect(bench.device.connections.isEmpty)
    }
}
