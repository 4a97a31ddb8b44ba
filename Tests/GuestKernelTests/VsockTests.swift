import GuestNucleus
import Testing

@testable import GuestKernel

extension KernelSuite {
    struct VsockTests {
        /// The host's end of the device.
        final class Host {
            struct Packet: Equatable {
                var operation: UInt16
                var localPort: UInt32
                var peerPort: UInt32
                var flags: UInt32 = 0
                var bufferAllocation: UInt32 = 0
                var forwarded: UInt32 = 0
                var bytes: [UInt8] = []
            }

            let driver: VsockDevice
            private let receive: FakeQueue
            private let transmit: FakeQueue

            init() throws {
                let device = try FakeDevice(.vsock, queueCount: 3, configuration: 3)
                driver = try VsockDevice(number: 0, device.entry)
                receive = device.queues[0]
                transmit = device.queues[1]
            }

            /// Takes and completes what the guest has sent.
            func packets() -> [Packet] {
                var result: [Packet] = []
                while let chain = transmit.next() {
                    let bytes = chain.readableBytes
                    bytes.withUnsafeBytes { raw in
                        #expect(raw.load(as: UInt64.self) == 3)
                        #expect(raw.load(fromByteOffset: 8, as: UInt64.self) == 2)
                        func word(_ offset: Int) -> UInt32 {
                            raw.load(fromByteOffset: offset, as: UInt32.self)
                        }
                        let length = Int(word(24))
                        result.append(
                            Packet(
                                operation: raw.load(fromByteOffset: 30, as: UInt16.self), localPort: word(16),
                                peerPort: word(20), flags: word(32), bufferAllocation: word(36),
                                forwarded: word(40),
                                bytes: Array(bytes[44..<(44 + length)])))
                        #expect(raw.count >= 44 + length)
                    }
                    transmit.complete(chain)
                }
                return result
            }

            /// Puts a packet into the guest's next buffer; false if there is none.
            @discardableResult
            func send(
                _ operation: VsockHeader.Operation, to connection: VsockConnection, _ bytes: [UInt8] = [],
                flags: UInt32 = 0, window: UInt32 = 65536, forwarded: UInt32 = 0, cid: UInt64 = 2,
                length: UInt32? = nil
            ) -> Bool {
                guard let chain = receive.next() else { return false }
                let header = VsockHeader(base: chain.writable[0].baseAddress!)
                header.fill(
                    guestCID: cid, from: connection.peerPort, to: connection.localPort, operation,
                    length: length ?? UInt32(bytes.count), flags: flags, bufferAllocation: window,
                    forwarded: forwarded)
                header.base.storeBytes(of: 3, toByteOffset: 8, as: UInt64.self)
                chain.writable[1].copyBytes(from: bytes)
                receive.complete(chain, written: 44 + bytes.count)
                return true
            }

            func connected(wide: Bool = false, window: UInt32 = 65536) -> VsockConnection {
                let connection = driver.connect(to: 1026, wide: wide)
                driver.publish()
                #expect(packets().map(\.operation) == [1])
                send(.response, to: connection, window: window)
                #expect(driver.poll())
                #expect(connection.state == .established)
                return connection
            }

            /// What a program's read of `count` bytes gives now, without waiting.
            func read(_ connection: VsockConnection, _ count: Int) throws -> [UInt8] {
                var bytes = [UInt8](repeating: 0, count: count)
                let moved = try bytes.withUnsafeMutableBytes { raw in
                    var buffer = IOBuffer(kernel: UnsafeRawBufferPointer(raw))
                    return try driver.receiveSome(connection, &buffer)
                }
                return Array(bytes[..<moved])
            }

            func write(_ connection: VsockConnection, _ bytes: [UInt8]) throws -> Int {
                try bytes.withUnsafeBytes { raw in
                    var buffer = IOBuffer(kernel: raw)
                    return try driver.send(connection, &buffer, nonblocking: true)
                }
            }
        }

        @Test("a connection is a request with our window, and stands with the host's response")
        func connect() throws {
            let host = try Host()
            let connection = host.driver.connect(to: 1026, wide: true)
            #expect(host.packets().isEmpty)
            host.driver.publish()
            let request = try #require(host.packets().first)
            #expect(
                request.operation == 1 && request.peerPort == 1026
                    && request.localPort == connection.localPort)
            #expect(request.bufferAllocation == connection.window && request.bufferAllocation >= 128 << 10)
            #expect(throws: Errno.wouldBlock) { try host.write(connection, [1]) }
            host.send(.response, to: connection)
            _ = host.driver.poll()
            #expect(try host.write(connection, [1]) == 1)
        }

        @Test("a refused connection is closed and broken for writers")
        func refused() throws {
            let host = try Host()
            let connection = host.driver.connect(to: 1026, wide: true)
            host.driver.publish()
            host.send(.reset, to: connection)
            _ = host.driver.poll()
            #expect(connection.state == .closed && connection.wasReset)
            #expect(throws: Errno.brokenPipe) { try host.write(connection, [1]) }
        }

        @Test("no more is sent than the host has room for, and it goes on when the host has read")
        func credit() throws {
            let host = try Host()
            let connection = host.connected(window: 1000)
            let bytes = (0..<1500).map { UInt8(truncatingIfNeeded: $0) }
            #expect(try host.write(connection, bytes) == 1000)
            #expect(throws: Errno.wouldBlock) { try host.write(connection, [1]) }
            #expect(host.packets().flatMap(\.bytes) == Array(bytes[..<1000]))
            host.send(.creditUpdate, to: connection, window: 1000, forwarded: 600)
            #expect(try host.write(connection, Array(bytes[1000...])) == 500)
            #expect(host.packets().flatMap(\.bytes) == Array(bytes[1000...]))
            #expect(connection.totalSent == 1500)
        }

        @Test("a write larger than all slots stops when they are used up and goes on when they come back")
        func slots() throws {
            let host = try Host()
            let connection = host.connected(window: .max)
            let bytes = [UInt8](repeating: 7, count: 3 << 20)
            let first = try host.write(connection, bytes)
            #expect(first == 1 << 20)
            #expect(!host.packets().isEmpty)
            #expect(try host.write(connection, bytes) == 1 << 20)
        }

        @Test("control packets find a slot however many small packets are queued")
        func reservedSlots() throws {
            let host = try Host()
            let connection = host.connected(window: .max)
            var count = 0
            while (try? host.write(connection, [1])) != nil { count += 1 }
            #expect(count == 56)
            host.driver.shutDown(connection, [.send])
            #expect(host.packets().last?.operation == 4)
        }

        @Test("bytes arrive whole and in order, whatever the packets they came in")
        func order() throws {
            let host = try Host()
            let connection = host.connected(wide: true)
            var sent: [UInt8] = []
            var seed: UInt32 = 1
            var received: [UInt8] = []
            for round in 0..<400 {
                seed = seed &* 1_664_525 &+ 1_013_904_223
                let size = [1, 10, 3000, 17000, 32768][Int(seed >> 8) % 5]
                let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &+ round) }
                if connection.hasRoom(for: size) {
                    #expect(host.send(.data, to: connection, bytes))
                    sent += bytes
                    #expect(host.driver.poll())
                }
                if round % 3 == 0 { received += try host.read(connection, Int(seed >> 12) % 60000 + 1) }
                _ = host.packets()
            }
            while connection.received.count > 0 { received += try host.read(connection, 10000) }
            #expect(received == sent)
            #expect(sent.count > 1 << 20)
        }

        @Test("the host learns of new room at half a window, not at every read")
        func creditUpdates() throws {
            let host = try Host()
            let connection = host.connected()
            let half = Int(connection.window / 2)
            for _ in 0..<2 {
                var left = half
                while left > 0 {
                    let size = min(left, 4096)
                    host.send(.data, to: connection, [UInt8](repeating: 1, count: size))
                    left -= size
                }
                _ = host.driver.poll()
            }
            _ = try host.read(connection, half - 1)
            #expect(host.packets().isEmpty)
            _ = try host.read(connection, 1)
            let update = try #require(host.packets().first)
            #expect(update.operation == 6 && update.forwarded == UInt32(half))
        }

        @Test("the end of the host's stream is an end of file after the last byte")
        func endOfFile() throws {
            let host = try Host()
            let connection = host.connected()
            host.send(.data, to: connection, [1, 2, 3])
            host.send(.shutdown, to: connection, flags: 2)
            let stream = VsockStream(host.driver, connection, flags: 0)
            #expect(stream.readiness() == [.readable, .hangUp])
            var bytes = [UInt8](repeating: 0, count: 10)
            let counts = try bytes.withUnsafeMutableBytes { raw in
                var buffer = IOBuffer(kernel: UnsafeRawBufferPointer(raw))
                return (try stream.read(&buffer, at: nil), try stream.read(&buffer, at: nil))
            }
            #expect(counts == (3, 0))
            #expect(bytes[..<3] == [1, 2, 3])
        }

        @Test("a reset without an end of file is an error to the reader")
        func resetWhileReading() throws {
            let host = try Host()
            let connection = host.connected()
            let stream = VsockStream(host.driver, connection, flags: 0)
            host.send(.reset, to: connection)
            var bytes = [UInt8](repeating: 0, count: 10)
            #expect(throws: Errno.connectionReset) {
                try bytes.withUnsafeMutableBytes { raw in
                    var buffer = IOBuffer(kernel: UnsafeRawBufferPointer(raw))
                    return try stream.read(&buffer, at: nil)
                }
            }
        }

        @Test(
            "a stream is a pipe to its program: FIFO, no seeking, no terminal; not writable once the host stopped reading"
        )
        func looksLikeAPipe() throws {
            let host = try Host()
            let connection = host.connected()
            let stream = VsockStream(host.driver, connection, flags: 1)
            #expect(try stream.status().type == .fifo)
            #expect(throws: Errno.illegalSeek) { try stream.seek(0, whence: 0) }
            #expect(throws: Errno.notTerminal) { try stream.control(0x5401, 0) }
            #expect(stream.readiness() == .writable)
            host.send(.shutdown, to: connection, flags: 1)
            #expect(stream.readiness() == [.writable, .error])
            #expect(throws: Errno.brokenPipe) { try host.write(connection, [1]) }
        }

        @Test("the last descriptor's end shuts the connection down, once")
        func close() throws {
            let host = try Host()
            let connection = host.connected()
            do { _ = VsockStream(host.driver, connection, flags: 1) }
            let packets = host.packets()
            #expect(packets.map(\.operation) == [4] && packets[0].flags == 3)
            host.send(.reset, to: connection)
            _ = host.driver.poll()
            #expect(connection.state == .closed)
        }

        @Test("a host that sends beyond its credit loses the connection")
        func overrun() throws {
            let host = try Host()
            let connection = host.connected()
            let piece = [UInt8](repeating: 1, count: 32768)
            for _ in 0...(connection.window / 32768) { host.send(.data, to: connection, piece) }
            _ = host.driver.poll()
            #expect(connection.state == .closed)
            #expect(host.packets().last?.operation == 3)
        }

        @Test("packets to nobody are refused; foreign, lying and empty ones change nothing")
        func strangePackets() throws {
            let host = try Host()
            let connection = host.connected()
            let nobody = VsockConnection(localPort: 9, peerPort: 9, window: 0)
            host.send(.data, to: nobody, [1])
            host.send(.reset, to: nobody)
            host.send(.data, to: connection, [1], cid: 77)
            host.send(.data, to: connection, [1], length: 5)
            host.send(.data, to: connection, [1], length: .max)
            host.send(.data, to: connection, [])
            _ = host.driver.poll()
            #expect(host.packets().map(\.operation) == [3])
            #expect(connection.state == .established && connection.received.count == 0)
        }

        @Test("receive buffers all come back: a thousand packets of each kind through 64 buffers")
        func buffersComeBack() throws {
            let host = try Host()
            let connection = host.connected()
            for round in 0..<1000 {
                let bytes = [UInt8](
                    repeating: UInt8(truncatingIfNeeded: round), count: round % 2 == 0 ? 20000 : 5)
                #expect(host.send(.data, to: connection, bytes))
                _ = host.driver.poll()
                #expect(try host.read(connection, 30000) == bytes)
                _ = host.packets()
            }
        }
    }
}
