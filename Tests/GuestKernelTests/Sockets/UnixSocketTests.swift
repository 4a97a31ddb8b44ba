import Testing

@testable import GuestKernel

extension KernelSuite {
    /// AF_UNIX sockets, without waiting, as there is nobody to wait for.
    @Suite struct UnixSocketTests {
        let program: TestProgram
        private static let nonblocking = UInt64(OpenFlags.nonblocking)

        init() throws {
            FakeMachine.start()
            try FileSystem.startEmpty()
            program = try TestProgram()
        }

        private func call(_ call: SystemCall, _ a: Int, _ b: UInt64 = 0, _ c: UInt64 = 0, _ d: UInt64 = 0)
            -> Int
        {
            program.call(UInt64(call.rawValue), UInt64(bitPattern: Int64(a)), b, c, d)
        }

        private func pair(_ type: SocketType) -> (Int, Int) {
            let place = program.room(8)
            #expect(call(.socketpair, 1, UInt64(type.rawValue) | Self.nonblocking, 0, place) == 0)
            return (Int(program.value(place, Int32.self)), Int(program.value(place + 4, Int32.self)))
        }

        private func socket(_ type: SocketType) -> Int {
            call(.socket, 1, UInt64(type.rawValue) | Self.nonblocking)
        }

        private func address(_ name: String) -> (UInt64, UInt64) {
            let bytes: [UInt8] = [1, 0] + Array(name.utf8)
            return (program.place(bytes + [0]), UInt64(bytes.count + (name.hasPrefix("\0") ? 0 : 1)))
        }

        private func act(_ call: SystemCall, _ socket: Int, _ name: String) -> Int {
            let (place, size) = address(name)
            return self.call(call, socket, place, size)
        }

        private func readiness(_ descriptor: Int) -> PollEvents {
            (try? program.process.files.file(Int32(descriptor)).readiness()) ?? .invalid
        }

        /// sendmsg(2) of one byte with descriptors.
        private func send(_ descriptors: [Int], over socket: Int) -> Int {
            var control = [UInt8](of: UInt64(16 + descriptors.count * 4))
            control.append(number: Int32(1))  // SOL_SOCKET
            control.append(number: Int32(1))  // SCM_RIGHTS
            for descriptor in descriptors { control.append(number: Int32(descriptor)) }
            return call(.sendmsg, socket, header(bytes: 1, control: control))
        }

        private func header(bytes: Int, control: [UInt8]) -> UInt64 {
            let vector = program.place([UInt8](of: program.room(bytes)) + [UInt8](of: UInt64(bytes)))
            var header = [UInt8](repeating: 0, count: 16)
            for word in [vector, 1, program.place(control), UInt64(control.count), 0] {
                header.append(number: word)
            }
            return program.place(header)
        }

        /// Frames in queues of sockets before and after `body` are the same.
        private func givesFramesBack(_ body: () -> Void) {
            let before = FrameQueue.framesUsed
            body()
            #expect(FrameQueue.framesUsed == before)
        }

        @Test("bytes come out of a stream in order, and then its end; frames are given back")
        func order() {
            givesFramesBack {
                let (a, b) = pair(.stream)
                #expect(program.read(a) == "error 11")
                let chunk = program.place((0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
                let buffer = program.room(50_000)
                for _ in 0..<9 {
                    #expect(call(.write, a, chunk, 50_000) == 50_000)
                    #expect(call(.read, b, buffer, 20_000) == 20_000)
                    #expect(call(.read, b, buffer + 20_000, 50_000) == 30_000)
                    #expect(program.bytes(buffer, 50_000) == program.bytes(chunk, 50_000))
                }
                #expect(program.write(a, "last") == 4)
                program.close(a)
                #expect(readiness(b).contains([.readable, .hangUp]))
                #expect(program.read(b) == "last")
                #expect(program.read(b) == "")
                #expect(program.write(b, "x") == -32)
                #expect(program.process.threads[0].signals.pending.bits == 1 << 12)
                program.close(b)
            }
        }

        @Test("a full stream takes a part, then nothing, and is writable again when a third is free")
        func full() {
            givesFramesBack {
                let (a, b) = pair(.stream)
                let chunk = program.room(150_000)
                #expect(call(.write, a, chunk, 150_000) == 150_000)
                #expect(call(.write, a, chunk, 150_000) == SocketLimits.bufferBytes - 150_000)
                #expect(call(.write, a, chunk, 1) == -11)
                #expect(!readiness(a).contains(.writable))
                #expect(call(.read, b, chunk, 1000) == 1000)
                #expect(!readiness(a).contains(.writable))
                #expect(call(.read, b, chunk, 100_000) == 100_000)
                #expect(readiness(a).contains(.writable))
                program.close(b)
                #expect(call(.read, a, chunk, 1) == -104, "unread bytes make the close a reset")
                #expect(call(.read, a, chunk, 1) == 0)
                program.close(a)
            }
        }

        @Test("packets keep their ends; what does not fit the reader's buffer is gone")
        func packets() {
            let (a, b) = pair(.sequencedPacket)
            #expect(program.write(a, "first") == 5)
            #expect(program.write(a, "second") == 6)
            #expect(program.read(b, 3) == "fir")
            #expect(program.read(b) == "second")
            #expect(call(.sendto, a, program.room(16), 1 << 20, 0) == -90)
            #expect(program.read(b) == "error 11")
        }

        @Test("a path: bind makes a socket's inode, connect needs a listener, a closed one refuses")
        func path() {
            let server = socket(.stream)
            let client = socket(.stream)
            #expect(act(.connect, client, "/tmp/s") == -2)
            #expect(act(.bind, server, "/tmp/s") == 0)
            #expect(program.status("/tmp/s").map { $0.mode & 0o170000 } == 0o140000)
            #expect(act(.bind, socket(.stream), "/tmp/s") == -98)
            #expect(act(.connect, client, "/tmp/s") == -111)
            #expect(call(.listen, server, 0) == 0)
            #expect(act(.connect, socket(.sequencedPacket), "/tmp/s") == -91)
            #expect(act(.connect, client, "/tmp/s") == 0)
            #expect(act(.connect, client, "/tmp/s") == -106)
            #expect(act(.connect, socket(.stream), "/tmp/s") == -11, "the backlog is full")
            let accepted = call(.accept, server)
            #expect(call(.accept, server) == -11)
            #expect(program.write(client, "hello") == 5)
            #expect(program.read(accepted) == "hello")
            program.close(server)
            #expect(act(.connect, socket(.stream), "/tmp/s") == -111)
            #expect(program.put("/tmp/s", "") == -6)
        }

        @Test("abstract names are free again when their socket closes")
        func abstract() {
            let first = socket(.datagram)
            #expect(act(.bind, first, "\0name") == 0)
            #expect(act(.bind, socket(.datagram), "\0name") == -98)
            #expect(act(.bind, socket(.stream), "\0name") == 0, "another type, another name")
            program.close(first)
            #expect(act(.connect, socket(.datagram), "\0name") == -111)
            #expect(act(.bind, socket(.datagram), "\0name") == 0)
        }

        @Test("a datagram socket takes so many messages and no more; its peer's end refuses")
        func datagrams() {
            let (a, b) = pair(.datagram)
            for _ in 0...SocketLimits.unixDatagrams { #expect(program.write(a, "x") == 1) }
            #expect(program.write(a, "x") == -11)
            #expect(!readiness(a).contains(.writable))
            #expect(program.read(b) == "x")
            #expect(program.write(a, "x") == 1)
            program.close(b)
            #expect(program.write(a, "x") == -111)
            #expect(program.write(a, "x") == -107)
        }

        @Test("a descriptor in flight keeps its file open, and its last receiver closes it")
        func rights() {
            let (a, b) = pair(.stream)
            let place = program.room(8)
            #expect(call(.pipe2, Int(place), Self.nonblocking) == 0)
            let reader = Int(program.value(place, Int32.self))
            let writer = Int(program.value(place + 4, Int32.self))
            #expect(send([writer], over: a) == 1)
            program.close(writer)
            #expect(program.read(reader) == "error 11", "the writer's end is in flight")
            #expect(InFlightFiles.count == 1)
            let room = header(bytes: 1, control: [UInt8](repeating: 0, count: 24))
            #expect(call(.recvmsg, b, room) == 1)
            #expect(InFlightFiles.count == 0)
            let control = program.bytes(program.value(room + 32, UInt64.self), 24)
            let received = Int(control.load(Int32.self, at: 16))
            #expect(program.write(received, "through") == 7)
            #expect(program.read(reader) == "through")
            program.close(received)
            #expect(program.read(reader) == "")
        }

        @Test(
            "descriptors in flight are bounded, and a chain of sockets goes with its first"
        )
        func chain() {
            let before = InFlightFiles.count
            var (outer, inner) = pair(.stream)
            let start = inner
            for _ in 0..<300 {
                let (a, b) = pair(.stream)
                // The new pair's end travels in the old pair's stream.
                #expect(send([b], over: outer) == 1)
                program.close(b)
                program.close(outer)
                outer = a
            }
            #expect(InFlightFiles.count == before + 300)
            var sent = 0
            while send([Int](repeating: outer, count: 100), over: outer) == 1 { sent += 100 }
            #expect(sent <= SocketLimits.descriptorsInFlight)
            inner = start
            program.close(outer)
            program.close(inner)
            #expect(InFlightFiles.count == before)
        }

        @Test("what a program says of sizes and places may be anything")
        func hostile() {
            let (a, b) = pair(.stream)
            #expect(call(.bind, socket(.stream), program.room(8), UInt64(UInt32.max)) == -22)
            #expect(call(.bind, socket(.stream), .max, 100) == -14)
            #expect(call(.sendmsg, a, .max) == -14)
            let huge = program.place([UInt8](of: UInt64.max) + [UInt8](repeating: 0, count: 8))
            #expect(call(.sendmsg, a, header(bytes: 1, control: Array(program.bytes(huge, 16)))) == -22)
            #expect(call(.getsockopt, a, 1, 7, program.room(8)) == -14)
            #expect(call(.listen, b, 5) == -22)
            #expect(call(.shutdown, a, 3) == -22)
            #expect(call(.getsockname, 999, 0) == -9)
        }
    }
}
