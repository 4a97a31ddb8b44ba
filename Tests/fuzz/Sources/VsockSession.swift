import CLinux
import Glibc
import GuestMemory
import LinuxSystem
import SystemPackage
import Virtio

@testable import VirtioDevices

/// A whole life of the vsock device: a driver whose rings are right and whose packets are anything, host programs at the
/// other ends, and turns of the loop in between.
///
///     input: | steps: kind 1 B, fields | …
///
/// Output beyond a stream's limit must not come through, and no guest may have more connections than the device allows.
func fuzzVsockSession(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    do {
        let session = try VsockSession()
        var steps = 0
        while !input.isEmpty, steps < 300 {
            steps += 1
            try session.step(&input)
        }
        try session.end()
    } catch {
        preconditionFailure("the host's part failed: \(error)")
    }
}

private final class VsockSession {
    private static let queueSize: UInt64 = 16
    private static let slotBytes: UInt64 = 0x2000
    private static let limit = 1000

    private let loop: DeviceLoop
    private let device: VsockDevice
    private let transport: MMIOTransport
    private var available: [UInt16] = [0, 0]
    /// Host ends: standard input, standard output, a socket both ways, then programs that have connected.
    private var ends: [HostEnd] = []
    private var outputBytes = 0
    private let directory = HostDirectory.shared

    init() throws {
        let bridge = VsockUnixBridge(
            listener: try directory.listener.duplicate(), directory: try directory.descriptor.duplicate())
        device = VsockDevice(guestCID: 3, unixBridge: bridge) { _ in }
        for (port, direction, limit) in [
            (1025, .toGuest, nil), (1026, .toHost, UInt64(Self.limit)), (1030, .both, nil),
        ] as [(UInt32, StreamDirection, UInt64?)] {
            var theirs = CInt(-1)
            ends.append(try Self.pair(&theirs))
            try device.addStream(
                StreamConfiguration(
                    port: port, descriptor: OwnedDescriptor(owning: FileDescriptor(rawValue: theirs)),
                    direction: direction, limit: limit))
        }
        loop = try DeviceLoop()
        transport = try loop.attach(device, memory: sessionMemory)
        try sessionMemory.store(bytes: [UInt8](repeating: 0, count: 0x4000), at: GuestAddress(0))
        start()
        try turn()
    }

    /// - Parameter theirs: the other end, not owned by anybody yet.
    private static func pair(_ theirs: inout CInt) throws -> HostEnd {
        var raw: [CInt] = [0, 0]
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, type, 0, &raw) == 0 else { throw Errno(rawValue: errno) }
        theirs = raw[1]
        // As small as Linux allows: what a reader that is slow leaves stays in the device after a few packets.
        var size: CInt = 1
        setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<CInt>.size))
        return HostEnd(OwnedDescriptor(owning: FileDescriptor(rawValue: raw[0])))
    }

    private func start() {
        func write(_ register: MMIORegister, _ value: UInt64) {
            transport.write(offset: register.rawValue, width: 4, value: value)
        }
        for status in [0, 1, 3] { write(.status, UInt64(status)) }
        write(.driverFeaturesSelector, 1)
        write(.driverFeatures, 1)
        write(.status, 11)
        for queue in 0..<2 as Range<UInt64> {
            write(.queueSelector, queue)
            write(.queueSize, Self.queueSize)
            write(.queueDescriptorLow, queue * 0x1000)
            write(.queueDriverLow, queue * 0x1000 + 0x400)
            write(.queueDeviceLow, queue * 0x1000 + 0x600)
            write(.queueReady, 1)
        }
        write(.status, 15)
    }

    private func turn() throws {
        for _ in 0..<2 { _ = try loop.turn(timeoutMilliseconds: 0) }
        precondition(device.connections.count <= VsockDevice.connectionMaximum, "too many connections")
    }

    func step(_ input: inout FuzzInput) throws {
        switch input.byte() % 10 {
        case 0, 1, 2, 3: try send(&input)
        case 4:
            for _ in 0..<Int(input.byte() % 8) + 1 {
                try offer(queue: 0, count: 44 + UInt32(input.byte()) * 16, flags: 2)
            }
        case 5: ends[input.below(ends.count)].write(input.bytes(atMost: 300))
        case 6: readOne(input.below(ends.count))
        case 7: ends[input.below(ends.count)].descriptor = nil
        case 8: try connect(&input)
        default: if let end = directory.accept(), ends.count < 20 { ends.append(end) }
        }
        try turn()
    }

    private func readOne(_ index: Int) {
        let count = ends[index].read()
        if index == 1 { outputBytes += count }
        precondition(outputBytes <= Self.limit, "\(outputBytes) bytes came through a limit of \(Self.limit)")
    }

    /// A packet: mostly one that a driver might send.
    private func send(_ input: inout FuzzInput) throws {
        let kind = input.byte()
        let data = input.bytes(atMost: Int(kind & 0x40 == 0 ? 0 : 600))
        let claimed = kind & 0x80 == 0 ? UInt32(data.count) : UInt32(truncatingIfNeeded: input.number())
        var header = virtio_vsock_hdr(
            src_cid: 3, dst_cid: 2, src_port: input.choose([5000, 5001, 5002, 7]),
            dst_port: input.choose([1025, 1026, 1030, 50, 51, 1 << 30, (1 << 30) + 1, 7]),
            len: claimed, type: 1,
            op: UInt16(kind & 7), flags: UInt32(input.byte() & 3), buf_alloc: 4096, fwd_cnt: 0)
        switch kind >> 3 & 7 {
        case 0: header.buf_alloc = UInt32(truncatingIfNeeded: input.number())
        case 1: header.fwd_cnt = UInt32(truncatingIfNeeded: input.number())
        case 2: header.src_port = UInt32(truncatingIfNeeded: input.number())
        case 3: header.op = input.integer()
        case 4: header.src_cid = input.number()
        default: break
        }
        let slot = 0x8_0000 + UInt64(available[1]) % Self.queueSize * Self.slotBytes
        try sessionMemory.store(header, at: GuestAddress(slot))
        try sessionMemory.store(bytes: data, at: GuestAddress(slot + 44))
        try offer(queue: 1, count: 44 + UInt32(data.count), flags: 0)
    }

    /// One descriptor in the next place of the available ring.
    private func offer(queue: UInt64, count: UInt32, flags: UInt16) throws {
        let index = UInt64(available[Int(queue)]) % Self.queueSize
        let address = (queue == 0 ? 0x4_0000 : 0x8_0000) + index * Self.slotBytes
        func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
        }
        let descriptor = bytes(address, 8) + bytes(UInt64(count), 4) + bytes(UInt64(flags), 2) + [0, 0]
        let base = queue * 0x1000
        try sessionMemory.store(bytes: descriptor, at: GuestAddress(base + index * 16))
        try sessionMemory.store(bytes: bytes(index, 2), at: GuestAddress(base + 0x404 + index * 2))
        available[Int(queue)] &+= 1
        try sessionMemory.store(
            bytes: bytes(UInt64(available[Int(queue)]), 2), at: GuestAddress(base + 0x402))
        transport.notifiers[Int(queue)].event.signal()
    }

    private func connect(_ input: inout FuzzInput) throws {
        guard ends.count < 20, let end = directory.connect() else { return }
        ends.append(end)
        let line =
            input.flag()
            ? Array("CONNECT 7\n".utf8) + input.bytes(atMost: 20) : input.bytes(atMost: 40)
        end.write(line)
    }

    func end() throws {
        loop.drain()
        for _ in 0..<40 {
            guard try loop.turn(timeoutMilliseconds: 0) else { break }
            for index in ends.indices { readOne(index) }
        }
        ends = []
        while directory.accept() != nil {}
        directory.forgetWaiting()
    }
}

private let sessionMemory: GuestMemory = {
    guard let memory = try? GuestMemory(size: 1 << 20) else { preconditionFailure("no memory for a guest") }
    return memory
}()

/// What a host program holds; nil once it has closed it.
private final class HostEnd {
    var descriptor: OwnedDescriptor?

    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = consume descriptor }

    func write(_ bytes: [UInt8]) {
        guard let file = descriptor?.borrowed.rawValue else { return }
        let flags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)
        _ = bytes.withUnsafeBytes { linux_send(file, $0.baseAddress, $0.count, flags) }
    }

    func read() -> Int {
        guard let file = descriptor?.borrowed.rawValue else { return 0 }
        var buffer = [UInt8](repeating: 0, count: 4096)
        return max(0, linux_recv(file, &buffer, buffer.count, CInt(MSG_DONTWAIT)))
    }
}

/// The bridge's directory with the socket of port 50 and the one that host programs connect to; made once.
private final class HostDirectory: Sendable {
    static let shared = HostDirectory()
    let descriptor: OwnedDescriptor
    /// Where the bridge listens, and where a program listens for the guest.
    let listener: OwnedDescriptor
    private let service: OwnedDescriptor

    private init() {
        var template = Array("/tmp/swiftlet-fuzz-XXXXXX".utf8CString)
        let path = template.withUnsafeMutableBufferPointer { name in
            name.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        guard let path, let descriptor = try? OwnedDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY),
            fchdir(descriptor.borrowed.rawValue) == 0, let listener = Self.listen("v.sock"),
            let service = Self.listen("v.sock_50")
        else { preconditionFailure("no sockets") }
        self.descriptor = descriptor
        self.listener = listener
        self.service = service
        for name in ["v.sock_50", "v.sock"] { linkNames.append("\(path)/\(name)") }
        linkNames.append(path)
        atexit { for name in linkNames { _ = remove(name) } }
    }

    private static func listen(_ name: String) -> OwnedDescriptor? {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        guard let socket = try? OwnedDescriptor(checking: socket(AF_UNIX, type, 0)) else { return nil }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(name.utf8)) }
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket.borrowed.rawValue, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isBound, Glibc.listen(socket.borrowed.rawValue, 64) == 0 else { return nil }
        return consume socket
    }

    func connect() -> HostEnd? {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        guard let socket = try? OwnedDescriptor(checking: linux_unix_socket(type)),
            linux_unix_connect(socket.borrowed.rawValue, "v.sock") == 0
        else { return nil }
        return HostEnd(socket)
    }

    /// A connection of the guest's to port 50.
    func accept() -> HostEnd? { Self.accept(service) }

    private static func accept(_ socket: borrowing OwnedDescriptor) -> HostEnd? {
        guard let end = try? OwnedDescriptor(checking: linux_accept(socket.borrowed.rawValue, 0))
        else { return nil }
        return HostEnd(end)
    }

    /// Programs that the bridge has not accepted any more.
    func forgetWaiting() { while Self.accept(listener) != nil {} }
}
// SAFETY: written once, while `HostDirectory.shared` is made; read at exit; one thread.
nonisolated(unsafe) private var linkNames: [String] = []
