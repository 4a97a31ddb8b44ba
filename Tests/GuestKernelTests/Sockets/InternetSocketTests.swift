import Testing

@testable import GuestKernel

extension KernelSuite {
    /// TCP, UDP and netlink, without waiting, as there is nobody to wait for.
    @Suite struct InternetSocketTests {
        let program: TestProgram
        private static let loopback: [UInt8] = [127, 0, 0, 1]

        init() throws {
            FakeMachine.start()
            try FileSystem.startEmpty()
            program = try TestProgram()
        }

        private func call(
            _ call: SystemCall, _ a: Int, _ b: UInt64 = 0, _ c: UInt64 = 0, _ d: UInt64 = 0, _ e: UInt64 = 0,
            _ f: UInt64 = 0
        ) -> Int {
            program.call(UInt64(call.rawValue), UInt64(bitPattern: Int64(a)), b, c, d, e, f)
        }

        private func socket(_ type: SocketType, _ family: UInt16 = AddressFamily.internet) -> Int {
            call(.socket, Int(family), UInt64(type.rawValue) | UInt64(OpenFlags.nonblocking))
        }

        private func address(_ port: UInt16, _ host: [UInt8] = loopback) -> UInt64 {
            program.place(
                [2, 0, UInt8(port >> 8), UInt8(port & 0xFF)] + host + [UInt8](repeating: 0, count: 8))
        }

        private func address6(_ port: UInt16, _ host: [UInt8]) -> UInt64 {
            var bytes: [UInt8] = [10, 0, UInt8(port >> 8), UInt8(port & 0xFF), 0, 0, 0, 0]
            bytes += [UInt8](repeating: 0, count: 16 - host.count) + host + [0, 0, 0, 0]
            return program.place(bytes)
        }

        private func set(_ socket: Int, _ level: Int32, _ name: Int32, _ value: Int32) -> Int {
            call(
                .setsockopt, socket, UInt64(level), UInt64(name), program.place([UInt8](of: value)), 4)
        }

        private func option(_ socket: Int, _ level: Int32, _ name: Int32) -> Int32 {
            let place = program.room(4)
            let size = program.place([UInt8](of: Int32(4)))
            #expect(call(.getsockopt, socket, UInt64(level), UInt64(name), place, size) == 0)
            return program.value(place, Int32.self)
        }

        private func port(of socket: Int) -> UInt16 {
            let place = program.room(128)
            #expect(call(.getsockname, socket, place, program.place([UInt8](of: Int32(128)))) == 0)
            return program.value(place + 2, UInt16.self).byteSwapped
        }

        /// A listening socket on a free port.
        private func listener(backlog: UInt64 = 5) -> (Int, UInt16) {
            let server = socket(.stream)
            #expect(call(.bind, server, address(0), 16) == 0)
            #expect(call(.listen, server, backlog) == 0)
            return (server, port(of: server))
        }

        private func readiness(_ descriptor: Int) -> PollEvents {
            (try? program.process.files.file(Int32(descriptor)).readiness()) ?? .invalid
        }

        @Test("a connection that is not waited for is in progress, then there, and carries bytes both ways")
        func connection() {
            let (server, port) = listener()
            let client = socket(.stream)
            #expect(call(.accept, server) == -11)
            #expect(call(.connect, client, address(port), 16) == -115)
            #expect(readiness(client).contains(.writable))
            #expect(option(client, 1, SocketOption.error) == 0)
            #expect(call(.connect, client, address(port), 16) == 0)
            #expect(call(.connect, client, address(port), 16) == -106)
            let accepted = call(.accept4, server, 0, 0, UInt64(OpenFlags.nonblocking))
            #expect(program.write(client, "there") == 5)
            #expect(program.read(accepted) == "there")
            #expect(program.write(accepted, "back") == 4)
            #expect(call(.shutdown, client, 1) == 0)
            #expect(program.read(accepted) == "")
            #expect(program.read(client) == "back", "the other direction is still open")
        }

        @Test("nobody listens: refused at once, or told by SO_ERROR to who does not wait")
        func refused() {
            let client = socket(.stream)
            #expect(call(.connect, client, address(1), 16) == -115)
            #expect(readiness(client).contains([.error, .hangUp, .readable]))
            #expect(option(client, 1, SocketOption.error) == 111)
            #expect(call(.connect, socket(.stream), address(80, [192, 0, 2, 1]), 16) == -101)
            #expect(call(.connect, socket(.stream), address(80), 15) == -22)
            let other = socket(.stream, AddressFamily.internet6)
            #expect(
                call(.connect, other, address6(80, [0x20, 1] + [UInt8](repeating: 1, count: 14)), 28) == -101)
        }

        @Test("closing with unread bytes resets; the peer reads what came before, then ECONNRESET once")
        func reset() {
            let (server, port) = listener()
            let client = socket(.stream)
            _ = call(.connect, client, address(port), 16)
            let accepted = call(.accept, server)
            #expect(program.write(accepted, "before") == 6)
            #expect(program.write(client, "unread") == 6)
            program.close(accepted)
            #expect(program.read(client) == "before")
            #expect(program.read(client) == "error 104")
            #expect(program.read(client) == "")
            #expect(program.write(client, "x") == -32)
        }

        @Test("a closed peer takes one more write, which is lost, and then the connection is broken")
        func lostWrite() {
            let (server, port) = listener()
            let client = socket(.stream)
            _ = call(.connect, client, address(port), 16)
            program.close(call(.accept, server))
            #expect(program.read(client) == "")
            #expect(program.write(client, "lost") == 4)
            #expect(program.write(client, "x") == -32)
        }

        @Test("behind a full backlog a connection waits its turn, and a closed listener refuses it")
        func backlog() {
            let (server, port) = listener(backlog: 0)
            let clients = (0..<3).map { _ in socket(.stream) }
            for client in clients { #expect(call(.connect, client, address(port), 16) == -115) }
            #expect(clients.map { readiness($0).contains(.writable) } == [true, false, false])
            #expect(call(.connect, clients[1], address(port), 16) == -114)
            #expect(call(.accept, server) >= 0)
            #expect(readiness(clients[1]).contains(.writable))
            program.close(server)
            #expect(call(.connect, clients[2], address(port), 16) == -111)
        }

        @Test("a port belongs to one socket, unless both share it; closing frees it")
        func ports() {
            let (first, port) = listener()
            #expect(call(.bind, socket(.stream), address(port), 16) == -98)
            #expect(call(.bind, socket(.stream), address(port, [0, 0, 0, 0]), 16) == -98)
            #expect(call(.bind, socket(.stream), address(port, [127, 0, 0, 2]), 16) == 0)
            #expect(call(.bind, socket(.datagram), address(port), 16) == 0, "UDP has ports of its own")
            #expect(call(.bind, socket(.stream), address(port, [192, 0, 2, 1]), 16) == -99)
            let six = socket(.stream, AddressFamily.internet6)
            #expect(call(.bind, six, address6(port, [0]), 28) == -98, "its wildcard is IPv4's too")
            #expect(set(six, OptionLevel.ipv6, InternetOptions.ipv6Only, 1) == 0)
            #expect(call(.bind, six, address6(port, [0]), 28) == 0)
            program.close(first)
            let again = socket(.stream)
            #expect(call(.bind, again, address(port), 16) == 0)
            #expect(call(.bind, again, address(0), 16) == -22)
            let shared = (0..<2).map { _ in socket(.stream) }
            for socket in shared {
                #expect(set(socket, 1, SocketOption.reusePort, 1) == 0)
                #expect(call(.bind, socket, address(4000), 16) == 0)
                #expect(call(.listen, socket, 1) == 0)
            }
        }

        @Test("a message arrives whole with its sender, or is cut and says so; what nobody takes is lost")
        func datagrams() {
            let server = socket(.datagram)
            #expect(call(.bind, server, address(0), 16) == 0)
            let client = socket(.datagram)
            #expect(program.write(client, "x") == -89)
            let there = address(port(of: server))
            let text = program.place(Array("message".utf8))
            #expect(call(.sendto, client, text, 7, 0, there, 16) == 7)
            let buffer = program.room(100)
            let name = program.room(16)
            let size = program.place([UInt8](of: Int32(16)))
            let truncated = UInt64(MessageFlags.truncated.rawValue)
            let peek = truncated | UInt64(MessageFlags.peek.rawValue)
            #expect(call(.recvfrom, server, buffer, 3, peek) == 7)
            #expect(call(.recvfrom, server, buffer, 3, truncated, name, size) == 7)
            #expect(program.bytes(buffer, 3) == Array("mes".utf8))
            #expect(program.value(name + 2, UInt16.self).byteSwapped == port(of: client))
            #expect(call(.recvfrom, server, buffer, 3, 0) == -11)
            #expect(call(.sendto, client, buffer, 65508, 0, there, 16) == -90)
            #expect(call(.connect, client, there, 16) == 0)
            var sent = 0
            for _ in 0..<5000 where program.write(client, "x") == 1 { sent += 1 }
            #expect(sent == 5000, "what does not fit is lost, not refused")
            program.close(server)
            #expect(program.write(client, "x") == 1)
            #expect(program.write(client, "x") == -111)
        }

        @Test("options are kept within their bounds and shown again")
        func options() {
            let tcp = socket(.stream)
            #expect(option(tcp, OptionLevel.tcp, 1) == 0)
            #expect(set(tcp, OptionLevel.tcp, 1, 7) == 0)
            #expect(option(tcp, OptionLevel.tcp, 1) == 1)
            #expect(set(tcp, OptionLevel.tcp, 4, 0) == -22)
            #expect(set(tcp, 1, SocketOption.sendBuffer, Int32.max) == 0)
            #expect(option(tcp, 1, SocketOption.sendBuffer) == Int32(SocketLimits.bufferBytesMaximum))
            #expect(set(tcp, 1, SocketOption.receiveBuffer, -5) == 0)
            #expect(option(tcp, 1, SocketOption.receiveBuffer) == Int32(SocketLimits.bufferBytesMinimum))
            #expect(set(tcp, 1, 9999, 1) == -92)
            #expect(set(tcp, OptionLevel.udp, 1, 1) == -92)
            #expect(option(tcp, 1, SocketOption.domain) == 2)
        }

        @Test("netlink lists loopback and its two addresses; damaged requests get no answer")
        func netlink() {
            let netlink = call(
                .socket, 16, UInt64(SocketType.raw.rawValue) | UInt64(OpenFlags.nonblocking), 0)
            var request = NetlinkMessage(
                type: NetlinkMessage.getAddress,
                flags: NetlinkMessage.isRequest | NetlinkMessage.wantsAll, sequence: 7, port: 0)
            request.payload = [0, 0, 0, 0]
            let place = program.place(request.bytes)
            #expect(call(.sendto, netlink, place, UInt64(request.bytes.count)) == request.bytes.count)
            let buffer = program.room(4096)
            let count = call(.read, netlink, buffer, 4096)
            var offset = 0
            var prefixes: [UInt8] = []
            let answer = program.bytes(buffer, max(count, 0))
            while let message = NetlinkMessage(answer, at: &offset) {
                #expect(message.type == NetlinkMessage.newAddress && message.sequence == 7)
                prefixes.append(message.payload[1])
            }
            #expect(prefixes == [8, 128])
            #expect(call(.read, netlink, buffer, 4096) == 20, "the end of the list")
            for length: UInt32 in [0, 15, 4096, .max] {
                var damaged = request.bytes
                damaged.replaceSubrange(0..<4, with: [UInt8](of: length))
                _ = call(.sendto, netlink, program.place(damaged), UInt64(damaged.count))
                #expect(call(.read, netlink, buffer, 4096) == -11)
            }
        }

        @Test("vsock reaches this guest's sockets and nobody at the host")
        func vsock() {
            func address(_ cid: UInt32, _ port: UInt32) -> UInt64 {
                program.place(
                    [UInt8](of: UInt32(40)) + [UInt8](of: port) + [UInt8](of: cid) + [0, 0, 0, 0])
            }
            let server = socket(.stream, AddressFamily.vsock)
            #expect(call(.bind, server, address(.max, 5000), 16) == 0)
            #expect(call(.listen, server, 1) == 0)
            let client = socket(.stream, AddressFamily.vsock)
            for port: UInt32 in [1, 1024, 5000] {
                #expect(call(.connect, client, address(2, port), 16) == -104)
            }
            #expect(call(.connect, client, address(1, 5000), 16) == 0)
            let accepted = call(.accept, server)
            #expect(program.write(client, "inside") == 6)
            #expect(program.read(accepted) == "inside")
        }
    }
}
