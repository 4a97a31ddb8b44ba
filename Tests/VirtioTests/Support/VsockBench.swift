import CLinux
import GuestMemory
import LinuxSystem
import SystemPackage
import Virtio

@testable import VirtioDevices

/// A packet as the guest sees it.
struct GuestPacket: Equatable {
    var operation: UInt16
    var hostPort: UInt32
    var guestPort: UInt32
    var flags: UInt32 = 0
    var bufferSize: UInt32 = 0
    var forwarded: UInt32 = 0
    var data: [UInt8] = []
    var used: UInt32 = 0
}

/// A vsock device with a guest's driver that sends what it is told.
final class VsockBench {
    static let guestCID: UInt64 = 3
    /// Where packets to send lie, and the buffers for packets to come: one in each slot.
    private static let transmitBase = DeviceBench.dataBase
    private static let receiveBase: UInt64 = 0x20_0000
    private static let slot: UInt64 = 0x1_1000

    let device: VsockDevice
    let bench: DeviceBench
    let closed = ClosedLog()
    private var sentCount: UInt64 = 0
    private var postedCount: UInt64 = 0
    /// Address and size of each posted buffer, by head.
    private var posted: [UInt32: (address: UInt64, count: UInt32)] = [:]

    final class ClosedLog {
        var all: [StreamClosed] = []
    }

    init(
        _ device: VsockDevice? = nil, bridge: VsockUnixBridge? = nil,
        now: @escaping () -> UInt64 = monotonicNanoseconds
    ) throws {
        let closed = closed
        self.device = VsockDevice(guestCID: Self.guestCID, unixBridge: bridge, now: now) {
            closed.all.append($0)
        }
        bench = try DeviceBench(self.device, memorySize: 16 << 20)
    }

    /// Keeps a descriptor open as long as the bench.
    func keep(_ descriptor: consuming OwnedDescriptor) { kept = consume descriptor }
    private var kept: OwnedDescriptor?

    var transmit: GuestDriverQueue { bench.queues[1] }
    var receive: GuestDriverQueue { bench.queues[0] }

    func start(queueSize: UInt16 = 64) throws {
        try bench.start([.version1, .eventIndex], queueSize: queueSize)
    }

    // MARK: Sending

    func header(
        _ operation: UInt16, host: UInt32, guest: UInt32 = 5000, length: Int = 0, flags: UInt32 = 0,
        bufferSize: UInt32 = 1 << 20, forwarded: UInt32 = 0
    ) -> virtio_vsock_hdr {
        virtio_vsock_hdr(
            src_cid: Self.guestCID, dst_cid: 2, src_port: guest, dst_port: host, len: UInt32(length), type: 1,
            op: operation, flags: flags, buf_alloc: bufferSize, fwd_cnt: forwarded)
    }

    /// Queues a packet without notifying.
    func queue(_ header: virtio_vsock_hdr, _ data: [UInt8] = []) throws {
        let address = Self.transmitBase + (sentCount % 24) * Self.slot
        sentCount += 1
        try bench.memory.store(header, at: GuestAddress(address))
        try bench.store(data, at: address + 44)
        var pieces: [GuestDriverQueue.Piece] = [.readable(address, 44)]
        if !data.isEmpty { pieces.append(.readable(address + 44, UInt32(data.count))) }
        try transmit.add(pieces)
    }

    func send(_ header: virtio_vsock_hdr, _ data: [UInt8] = []) throws {
        try queue(header, data)
        try bench.kick(1)
        _ = try transmit.takeUsed()
    }

    func request(_ host: UInt32, guest: UInt32 = 5000, bufferSize: UInt32 = 1 << 20) throws {
        try send(header(1, host: host, guest: guest, bufferSize: bufferSize))
    }

    func send(
        data: [UInt8], to host: UInt32, guest: UInt32 = 5000, bufferSize: UInt32 = 1 << 20,
        forwarded: UInt32 = 0
    ) throws {
        let header = header(
            5, host: host, guest: guest, length: data.count, bufferSize: bufferSize, forwarded: forwarded)
        try send(header, data)
    }

    func shutDown(_ host: UInt32, guest: UInt32 = 5000, flags: UInt32) throws {
        try send(header(4, host: host, guest: guest, flags: flags))
    }

    // MARK: Receiving

    func post(_ count: Int, bytes: UInt32 = 44 + 4096) throws {
        for _ in 0..<count {
            let address = Self.receiveBase + (postedCount % 128) * Self.slot
            postedCount += 1
            let head = try receive.add([.writable(address, bytes)])
            posted[UInt32(head)] = (address, bytes)
        }
        try bench.kick(0)
    }

    /// The packets that have arrived since the last call.
    func packets() throws -> [GuestPacket] {
        try bench.turn()
        return try receive.takeUsed().map { head, used in
            guard let buffer = posted[head] else {
                return GuestPacket(operation: 99, hostPort: 0, guestPort: 0)
            }
            guard used >= 44 else {
                return GuestPacket(operation: 0, hostPort: 0, guestPort: 0, used: used)
            }
            let header: virtio_vsock_hdr = try bench.memory.load(at: GuestAddress(buffer.address))
            return GuestPacket(
                operation: header.op, hostPort: header.src_port, guestPort: header.dst_port,
                flags: header.flags, bufferSize: header.buf_alloc, forwarded: header.fwd_cnt,
                data: try bench.bytes(at: buffer.address + 44, Int(header.len)), used: used)
        }
    }

    /// What the packets are, for short expectations.
    func operations() throws -> [UInt16] { try packets().map(\.operation) }

    func addStream(
        _ port: UInt32, _ descriptor: consuming OwnedDescriptor, direction: StreamDirection = .both,
        limit: UInt64? = nil
    ) throws {
        try device.addStream(
            StreamConfiguration(port: port, descriptor: descriptor, direction: direction, limit: limit))
    }
}

/// Operations, as the wire has them (virtio 1.2 §5.10.6).
enum Op {
    static let request: UInt16 = 1, response: UInt16 = 2, reset: UInt16 = 3, shutdown: UInt16 = 4
    static let data: UInt16 = 5, creditUpdate: UInt16 = 6, creditRequest: UInt16 = 7
}
