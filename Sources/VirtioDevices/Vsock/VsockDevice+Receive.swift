import CLinux
import GuestMemory
import Virtio

// To the guest: the receive queue.
extension VsockDevice {
    /// Fills the guest's buffers with what is due, each connection in turn, until there is nothing to send or
    /// no buffer. Notifications of new buffers are wanted only in the second case.
    func pumpReceive() throws(VirtioError) {
        guard let queue = receiveQueue else { return }
        // A guest that never stops offering buffers must not keep the loop from its other work.
        var budget = 2 * Int(queue.size)
        repeat {
            queue.disableNotifications()
            while hasSomethingToSend {
                guard let chain = try queue.next() else { break }
                sendOne(chain, queue)
                // At once: a guest that waits takes this packet while we read the next from the host.
                queue.interruptIfWanted()
                budget -= 1
                if budget == 0 { return queue.notifyAgain() }
            }
            guard hasSomethingToSend else { return }
        } while try queue.enableNotifications()
    }

    private var hasSomethingToSend: Bool { !strayResets.isEmpty || !ready.isEmpty }

    /// Uses one buffer of the guest, or puts it back if the connection whose turn it is turns out to have
    /// nothing.
    private func sendOne(_ chain: consuming DescriptorChain, _ queue: DeviceQueue) {
        guard chain.writable.count >= virtio_vsock_hdr.size else {
            // Too small for a header: the guest gets it back empty.
            refusedCount &+= 1
            return queue.complete(chain, written: 0)
        }
        if let header = strayResets.first {
            strayResets.removeFirst()
            _ = chain.writable.store(header)
            return queue.complete(chain, written: virtio_vsock_hdr.size)
        }
        let connection = ready.removeFirst()
        connection.isQueued = false
        switch send(connection, chain.writable) {
        case .packet(let bytes): queue.complete(chain, written: bytes)
        case .nothing: queue.putBack(chain)
        case .bufferTooSmall:
            refusedCount &+= 1
            queue.complete(chain, written: 0)
        }
        if connection.phase != .orphaned { queueIfReady(connection) }
    }

    private enum Sent { case packet(bytes: Int), nothing, bufferTooSmall }

    /// Writes the next packet of `connection` into `buffers`, if it has one.
    private func send(_ connection: VsockConnection, _ buffers: GuestBuffers) -> Sent {
        if let operation = nextControl(connection) {
            store(operation, connection, flags: connection.hostShutdown.rawValue, length: 0, buffers)
            if operation == .reset { orphan(connection) }
            return .packet(bytes: virtio_vsock_hdr.size)
        }
        guard connection.canFeed else { return .nothing }
        var room = buffers.dropping(virtio_vsock_hdr.size).prefix(connection.credit.available)
        guard !room.isEmpty else { return .bufferTooSmall }
        if let throttle = connection.throttle {
            room = room.prefix(throttle.allowance(.toGuest))
            if room.isEmpty {
                wakeForRetry(connection)
                return .nothing
            }
        }
        switch connection.stream.read(into: room) {
        case .moved(let count):
            connection.credit.send(count)
            connection.throttle?.take(count, .toGuest)
            if connection.isStarvedOfCredit { connection.due.insert(.creditRequest) }
            store(.readWrite, connection, flags: 0, length: count, buffers)
            return .packet(bytes: virtio_vsock_hdr.size + count)
        case .wouldBlock:
            connection.mayRead = false
        case .failed(let error):
            connection.readFailure = error
            connection.due = .reset
        case .endOfFile:
            connection.mayRead = false
            connection.hostShutdown.insert(.send)
            connection.due.insert(.shutdown)
        }
        return .nothing
    }

    /// Takes the most urgent packet without data.
    private func nextControl(_ connection: VsockConnection) -> VsockOperation? {
        let order: [(VsockConnection.Due, VsockOperation)] = [
            (.reset, .reset), (.request, .request), (.response, .response), (.shutdown, .shutdown),
            (.creditUpdate, .creditUpdate), (.creditRequest, .creditRequest),
        ]
        for (flag, operation) in order where connection.due.contains(flag) {
            connection.due.remove(flag)
            return operation
        }
        return nil
    }

    private func store(
        _ operation: VsockOperation, _ connection: VsockConnection, flags: UInt32, length: Int,
        _ buffers: GuestBuffers
    ) {
        let header = virtio_vsock_hdr(
            src_cid: VsockAddress.hostCID, dst_cid: guestCID, src_port: connection.ports.host,
            dst_port: connection.ports.guest, len: UInt32(length), type: VsockAddress.streamType,
            op: operation.rawValue, flags: operation == .shutdown ? flags : 0,
            buf_alloc: connection.credit.bufferSize, fwd_cnt: connection.credit.forwarded)
        _ = buffers.store(header)
        connection.credit.advertise()
        // Whatever was sent told the guest our credit.
        connection.due.remove(.creditUpdate)
    }
}
