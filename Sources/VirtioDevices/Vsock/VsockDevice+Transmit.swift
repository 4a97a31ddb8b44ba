import CLinux
import GuestMemory
import Virtio

// From the guest: the transmit queue.
extension VsockDevice {
    /// Bytes of data in one packet, as Linux's drivers have it. More is refused: it would not fit our buffers
    /// anyway.
    static let packetMaximum = 64 << 10

    func processTransmit() throws(VirtioError) {
        guard let queue = transmitQueue else { return }
        let hasRoom = { self.strayResets.count < VsockDevice.strayResetMaximum }
        try queue.serve(while: hasRoom) { chain throws(VirtioError) in
            receivePacket(chain.readable)
            queue.complete(chain, written: 0)
        }
        isTransmitPaused = !hasRoom()
    }

    private func receivePacket(_ packet: GuestBuffers) {
        guard let header = packet.load(virtio_vsock_hdr.self) else {
            refusedCount &+= 1   // shorter than a header: there is nobody to answer
            return
        }
        let ports = VsockPorts(host: header.dst_port, guest: header.src_port)
        guard header.src_cid == guestCID, header.dst_cid == VsockAddress.hostCID,
            header.type == VsockAddress.streamType, ports.host != VsockAddress.anyPort,
            ports.guest != VsockAddress.anyPort, let operation = VsockOperation(rawValue: header.op)
        else { return refuse(header) }

        guard let connection = connections[ports], connection.phase != .orphaned else {
            return operation == .request && connections[ports] == nil
                ? acceptRequest(header, ports) : refuse(header)
        }
        guard connection.due != .reset else { return }   // told already, or about to be
        guard connection.credit.hear(bufferSize: header.buf_alloc, forwarded: header.fwd_cnt) else {
            return refuse(connection)
        }
        let data = packet.dropping(virtio_vsock_hdr.size).prefix(Int(header.len))
        guard data.count == Int(header.len), operation == .readWrite || header.len == 0 else {
            return refuse(connection)
        }
        receive(operation, header, data, connection)
    }

    private func receive(
        _ operation: VsockOperation, _ header: virtio_vsock_hdr, _ data: GuestBuffers,
        _ connection: VsockConnection
    ) {
        switch operation {
        case .reset:
            return orphan(connection)
        case .response where connection.phase == .requested:
            connection.phase = .established
            guard unixBridge?.confirm(connection) == true else { return resetConnection(connection) }
        case .readWrite where connection.phase == .established:
            guard connection.stream.canWrite, !connection.guestShutdown.contains(.send),
                data.count <= VsockDevice.packetMaximum, connection.credit.receive(data.count)
            else { return refuse(connection) }
            connection.accept(data)
        case .creditUpdate where connection.phase == .established:
            break   // every packet carries it; it was heard above
        case .creditRequest where connection.phase == .established:
            connection.due.insert(.creditUpdate)
        case .shutdown where connection.phase == .established:
            connection.guestShutdown.formUnion(
                VsockShutdown(rawValue: header.flags).intersection([.receive, .send]))
        default:
            return refuse(connection)
        }
        settle(connection)
    }

    private func acceptRequest(_ header: virtio_vsock_hdr, _ ports: VsockPorts) {
        guard header.len == 0, let connection = openForGuest(ports) else { return refuse(header) }
        // A new window: nothing sent, so the guest must not claim to have consumed anything.
        guard connection.credit.hear(bufferSize: header.buf_alloc, forwarded: header.fwd_cnt) else {
            return refuse(connection)
        }
        connection.due.insert(.response)
        queueIfReady(connection)
    }

    /// RST for a packet that belongs to no connection. Never in answer to an RST.
    private func refuse(_ header: virtio_vsock_hdr) {
        guard header.op != VsockOperation.reset.rawValue else { return }
        refusedCount &+= 1
        strayResets.append(
            virtio_vsock_hdr(
                src_cid: header.dst_cid, dst_cid: guestCID, src_port: header.dst_port,
                dst_port: header.src_port, len: 0, type: header.type, op: VsockOperation.reset.rawValue,
                flags: 0, buf_alloc: 0, fwd_cnt: 0))
    }

    /// RST for a connection whose guest broke the rules.
    private func refuse(_ connection: VsockConnection) {
        refusedCount &+= 1
        resetConnection(connection)
    }
}
