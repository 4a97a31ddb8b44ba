import CLinux
import Glibc
import LinuxSystem
import SystemPackage
import Testing
import Virtio

@testable import VirtioDevices

/// The Unix-socket convention that Firecracker's users know.
@Suite struct VsockUnixBridgeTests {
    private func started(_ directory: TemporaryDirectory) throws -> VsockBench {
        let listener = try directory.listen("v.sock")
        let bridge = VsockUnixBridge(listener: listener, directory: try directory.descriptor.duplicate())
        let bench = try VsockBench(bridge: bridge)
        try bench.start()
        try bench.post(16)
        return bench
    }

    @Test("a host program connects, names a port, and talks once the guest has accepted")
    func hostToGuest() throws {
        let directory = try TemporaryDirectory()
        let bench = try started(directory)
        let program = try directory.connect("v.sock")
        // The line in two pieces, and what follows it in the same write.
        try program.borrowed.write(all: Array("CONNECT 52".utf8))
        #expect(try bench.packets() == [])
        try program.borrowed.write(all: Array("00\nearly".utf8))
        let request = try bench.packets()
        #expect(request.map(\.operation) == [Op.request])
        #expect(request[0].guestPort == 5200)
        let hostPort = request[0].hostPort
        #expect(hostPort >= 1 << 30)
        try bench.send(bench.header(Op.response, host: hostPort, guest: 5200))
        #expect(try program.borrowed.read(upTo: 100) == Array("OK \(hostPort)\n".utf8))
        #expect(try bench.packets().map(\.data) == [Array("early".utf8)])
        try bench.send(data: Array("answer".utf8), to: hostPort, guest: 5200)
        #expect(try program.borrowed.read(upTo: 100) == Array("answer".utf8))
        try bench.shutDown(hostPort, guest: 5200, flags: 3)
        #expect(try bench.operations() == [Op.reset])
        #expect(try program.borrowed.read(upTo: 100) == [])
        #expect(bench.closed.all == [])
    }

    @Test("a guest that refuses closes the host program's socket")
    func guestRefuses() throws {
        let directory = try TemporaryDirectory()
        let bench = try started(directory)
        let program = try directory.connect("v.sock")
        try program.borrowed.write(all: Array("CONNECT 1\n".utf8))
        let hostPort = try #require(try bench.packets().first).hostPort
        try bench.send(bench.header(Op.reset, host: hostPort, guest: 1))
        #expect(try program.borrowed.read(upTo: 100) == [])
        #expect(bench.device.connections.isEmpty)
    }

    @Test(
        "a first line that is not CONNECT and a port closes the socket",
        arguments: [
            "CONNECT\n", "CONNECT \n", "CONNECT x\n", "CONNECT -1\n", "CONNECT 4294967295\n",
            "CONNECT 4294967296\n",
            "connect 5\n", "GET / HTTP/1.1\r\n", "\n", "CONNECT 000000000000000000000000000000005\n",
        ])
    func badLine(_ line: String) throws {
        let directory = try TemporaryDirectory()
        let bench = try started(directory)
        let program = try directory.connect("v.sock")
        try program.borrowed.write(all: Array(line.utf8))
        #expect(try bench.packets() == [])
        #expect(bench.device.connections.isEmpty)
        // Closed with bytes unread is a reset, without is an end.
        let answer = try? program.borrowed.read(upTo: 100)
        #expect(answer == nil || answer == [])
    }

    @Test("a guest connects to v.sock_PORT in the directory; where nobody listens it gets RST")
    func guestToHost() throws {
        let directory = try TemporaryDirectory()
        let service = try directory.listen("v.sock_99")
        let bench = try started(directory)
        try bench.request(98)
        #expect(try bench.operations() == [Op.reset])
        try bench.request(99)
        #expect(try bench.operations() == [Op.response])
        let accepted = try OwnedDescriptor(checking: linux_accept(service.borrowed.rawValue, 0))
        try bench.send(data: Array("hello".utf8), to: 99)
        #expect(try accepted.borrowed.read(upTo: 10) == Array("hello".utf8))
        try accepted.borrowed.write(all: Array("back".utf8))
        #expect(try bench.packets().map(\.data) == [Array("back".utf8)])
        try bench.shutDown(99, flags: 2)
        #expect(try accepted.borrowed.read(upTo: 10) == [])
    }

    @Test("HOSTILE 13: host programs that never finish their first line hold no more than 32 places")
    func slowHandshakes() throws {
        let directory = try TemporaryDirectory()
        let bench = try started(directory)
        var silent: [Program] = []
        for _ in 0..<16 {
            silent.append(Program(try directory.connect("v.sock")))
            try bench.bench.turn()
        }
        for _ in 0..<16 {
            silent.append(Program(try directory.connect("v.sock")))
            try bench.bench.turn()
        }
        let patient = try directory.connect("v.sock")
        try patient.borrowed.write(all: Array("CONNECT 7\n".utf8))
        #expect(try bench.packets() == [])
        silent.removeFirst()
        #expect(try bench.packets().map(\.guestPort) == [7])
        #expect(silent.count == 31)
    }

    private final class Program {
        let socket: OwnedDescriptor
        init(_ socket: consuming OwnedDescriptor) { self.socket = socket }
    }
}
