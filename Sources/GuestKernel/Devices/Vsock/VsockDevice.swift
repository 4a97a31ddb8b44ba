import GuestNucleus

/// The virtio-vsock device (virtio 1.2 §5.10): stream connections from here to the host. Queues: 0 receive, 1 transmit;
/// queue 2, events, tells of migrations, which these VMs never see, and gets no buffers.
///
/// Nothing here waits but `send` and `waitForChange`. Interrupts are asked for only by somebody about to wait: a program
/// that computes while its input arrives is not disturbed, its next read finds the bytes.
final class VsockDevice {
    private let device: VirtioDevice
    private let receive: Virtqueue
    private let transmit: Virtqueue
    let guestCID: UInt64
    private let buffers: VsockReceiveBuffers
    private var slots: VsockTransmitSlots
    private var connections: [VsockConnection] = []
    private var nextPort: UInt32 = 49152
    /// Woken when transmit slots have come back.
    private let slotsReturned = WaitQueue()
    /// Somebody waits, or waited at the last look.
    private(set) var isAwaited = false

    /// A connection's window, in receive buffers; two of them and two half ones leave a quarter of the buffers posted even
    /// if every packet fills just over half of its buffer (`VsockReceivedBytes`).
    static let wideWindowBuffers: UInt64 = 16
    static let narrowWindowBuffers: UInt64 = 4

    init(number: Int, _ entry: swiftlet_device) throws(Errno) {
        device = try VirtioDevice(number: number, entry, queueCount: 2)
        receive = device.queues[0]
        transmit = device.queues[1]
        guestCID = device.configuration
        buffers = try VsockReceiveBuffers()
        slots = try VsockTransmitSlots()
        buffers.post(all: receive)
    }

    func connectInterrupt() {
        Interrupts.connect(device: device.number, gsi: device.gsi) { [self] in _ = poll() }
    }

    // MARK: Connections

    /// Begins a connection to `port` of the host; its answer comes later. Call `publish` after the last of a batch.
    func connect(to port: UInt32, wide: Bool) -> VsockConnection {
        let count = wide ? Self.wideWindowBuffers : Self.narrowWindowBuffers
        let connection = VsockConnection(
            localPort: nextPort, peerPort: port, window: UInt32(count * buffers.payloadBytes))
        nextPort &+= 1
        connections.append(connection)
        sendControl(connection, .request)
        return connection
    }

    func publish() { transmit.publish() }

    /// A connection that is closed from the start: nothing can be read from it, until it is `reconnect`ed.
    func closedConnection(to port: UInt32) -> VsockConnection {
        let count = Self.wideWindowBuffers
        let connection = VsockConnection(
            localPort: nextPort, peerPort: port, window: UInt32(count * buffers.payloadBytes))
        nextPort &+= 1
        connection.state = .closed
        return connection
    }

    // MARK: A restored machine

    /// The device is a fresh one: nothing is under way and there is no connection any more. Who waits looks again.
    /// - Throws: `.noSuchDevice` if it is not as the saved machine's was.
    func restart(_ entry: swiftlet_device) throws(Errno) {
        try device.restart(entry)
        for connection in connections {
            connection.received.removeAll()
            connection.noteReset()
            connection.changed.wakeAll()
        }
        connections.removeAll()
        slots.giveBackAll()
        buffers.post(all: receive)
        slotsReturned.wakeAll()
    }

    /// Connects anew, with the same object, so that whoever has it goes on with it. Call `publish` after the last of a batch.
    func reconnect(_ connection: VsockConnection) {
        connection.restart()
        connections.append(connection)
        sendControl(connection, .request)
        connection.changed.wakeAll()
    }

    /// Ends one or both directions. With both ended the host answers with a reset, and the connection is gone.
    func shutDown(_ connection: VsockConnection, _ what: VsockShutdown) {
        let news = what.subtracting(connection.localShutdown)
        guard connection.state == .established, !news.isEmpty else { return }
        connection.localShutdown.formUnion(what)
        sendControl(connection, .shutdown, flags: connection.localShutdown.rawValue)
        transmit.publish()
    }

    private func remove(_ connection: VsockConnection) {
        connection.state = .closed
        if let i = connections.firstIndex(where: { $0 === connection }) { connections.remove(at: i) }
        connection.changed.wakeAll()
    }

    // MARK: Sending

    /// A packet without payload; it carries the credit, too. Without a slot a credit update is owed, and any other packet
    /// waits for one to come back, which takes no other thread.
    private func sendControl(
        _ connection: VsockConnection, _ operation: VsockHeader.Operation, flags: UInt32 = 0
    ) {
        while true {
            if let slot = slots.takeControl() {
                fill(slot, connection, operation, length: 0, flags: flags)
                slots.send(slot, length: 0, on: transmit)
                return
            }
            if operation == .creditUpdate || operation == .creditRequest {
                connection.owesUpdate = true
                return
            }
            transmit.publish()
            takeBackSlots()
            cpu_pause()
        }
    }

    private func fill(
        _ slot: UInt16, _ connection: VsockConnection, _ operation: VsockHeader.Operation, length: UInt32,
        flags: UInt32 = 0
    ) {
        slots.header(slot).fill(
            guestCID: guestCID, from: connection.localPort, to: connection.peerPort, operation,
            length: length, flags: flags, bufferAllocation: connection.window,
            forwarded: connection.forwarded)
        connection.didAdvertise()
    }

    /// Sends from `buffer` what there is credit and room for, without waiting; the caller publishes.
    /// - Returns: bytes sent; 0 if the caller has to wait.
    /// - Throws: `.brokenPipe`, `.noMemory`, or the buffer's `.badAddress`.
    func sendSome(_ connection: VsockConnection, _ buffer: inout IOBuffer) throws(Errno) -> Int {
        var total = 0
        while buffer.remaining > 0 {
            guard connection.isWritable else { throw .brokenPipe }
            let wanted = min(buffer.remaining, VsockTransmitSlots.largeBytes, Int(connection.credit))
            if connection.state != .established || wanted == 0 { break }
            guard let (slot, room) = try slots.takeData(wanted) else { break }
            // The copy may wait for a page of the program's: what is taken here is taken before.
            connection.consumeCredit(room.count)
            let copied: Int
            do throws(Errno) {
                copied = try buffer.take(into: room)
            } catch {
                connection.returnCredit(room.count)
                slots.giveBack(slot)
                if total > 0 { return total }
                throw error
            }
            connection.returnCredit(room.count - copied)
            fill(slot, connection, .data, length: UInt32(copied))
            slots.send(slot, length: copied, on: transmit)
            if copied >= Int(pageSize) { transmit.publish() }
            total += copied
            if copied < room.count { break }
        }
        return total
    }

    /// Sends all of `buffer`.
    /// - Throws: `.wouldBlock` if nothing can be sent and `nonblocking`; `.brokenPipe`; `.restart`.
    func send(
        _ connection: VsockConnection, _ buffer: inout IOBuffer, nonblocking: Bool
    ) throws(Errno) -> Int {
        var total = 0
        do throws(Errno) {
            while true {
                let count = try sendSome(connection, &buffer)
                total += count
                if buffer.remaining == 0 { break }
                if count > 0 { continue }
                transmit.publish()
                if poll() { continue }
                if nonblocking { throw .wouldBlock }
                try waitToSend(connection)
            }
        } catch {
            transmit.publish()
            if total > 0 { return total }
            throw error
        }
        transmit.publish()
        return total
    }

    private func waitToSend(_ connection: VsockConnection) throws(Errno) {
        if connection.state == .established && connection.credit == 0 && !connection.hasAskedForCredit {
            connection.hasAskedForCredit = true
            sendControl(connection, .creditRequest)
            transmit.publish()
        }
        guard requestInterrupts(transmitToo: true) else { return }
        _ = try WaitQueue.waitAny([connection.changed, slotsReturned])
    }

    // MARK: Receiving

    /// Moves received bytes into `buffer`; waits for nothing but, perhaps, pages of the program's.
    /// - Returns: bytes moved; 0 if there are none, or another thread is just taking them.
    /// - Throws: the buffer's `.badAddress`.
    func receiveSome(_ connection: VsockConnection, _ buffer: inout IOBuffer) throws(Errno) -> Int {
        if connection.isBeingRead { return 0 }
        connection.isBeingRead = true
        defer {
            connection.isBeingRead = false
            finishReceiving(connection)
            if connection.received.count > 0 { connection.changed.wakeAll() }
        }
        var total = 0
        while buffer.remaining > 0 && connection.received.count > 0 {
            let front = connection.received.front
            let size = min(front.count, buffer.remaining)
            let moved: Int
            do throws(Errno) {
                moved = try buffer.put(UnsafeRawBufferPointer(rebasing: front[0..<size]))
            } catch {
                if total > 0 { break }
                throw error
            }
            discard(connection, moved)
            total += moved
            if moved < size { break }
        }
        return total
    }

    /// Forgets the first `size` bytes (at most the front stretch) as read.
    func discard(_ connection: VsockConnection, _ size: Int) {
        if let buffer = connection.received.removeFirst(size) { receive.add(head: buffer * 2) }
        connection.consumed(size)
    }

    /// Posts the buffers that have become free and tells the host of its credit, if it is time.
    func finishReceiving(_ connection: VsockConnection) {
        receive.publish()
        if connection.isUpdateDue {
            sendControl(connection, .creditUpdate)
            transmit.publish()
        }
    }

    /// Returns when something about `connection` may have changed.
    func waitForChange(_ connection: VsockConnection) throws(Errno) {
        if poll() { return }
        guard requestInterrupts(transmitToo: false) else { return }
        try connection.changed.wait()
    }

    // MARK: The queues

    var hasUsed: Bool { receive.hasUsed || transmit.hasUsed }
    var isSendingPossible: Bool { slots.isDataPossible }

    /// Asks for interrupts, because somebody is about to wait.
    /// - Returns: false if something has come already: look again instead of waiting.
    func requestInterrupts(transmitToo: Bool) -> Bool {
        isAwaited = true
        let receiveIsQuiet = receive.requestInterrupt()
        let transmitIsQuiet = !transmitToo || transmit.requestInterrupt()
        return receiveIsQuiet && transmitIsQuiet
    }

    /// Takes in what the device has done. Interrupts stay asked for while somebody still waits.
    /// - Returns: whether there was anything.
    func poll() -> Bool {
        var didAnything = false
        while takeAll() {
            didAnything = true
            isAwaited = !slotsReturned.isEmpty || connections.contains { !$0.changed.isEmpty }
            let transmitToo = !slotsReturned.isEmpty || !slots.isDataPossible
            if !isAwaited || requestInterrupts(transmitToo: transmitToo) { break }
        }
        return didAnything
    }

    private func takeAll() -> Bool {
        var didAnything = takeBackSlots()
        while let (head, length) = receive.takeUsed() {
            didAnything = true
            if !take(packet: head / 2, usedBytes: length) { receive.add(head: head) }
        }
        if didAnything {
            receive.publish()
            for connection in connections where connection.owesUpdate {
                connection.owesUpdate = false
                sendControl(connection, .creditUpdate)
            }
            transmit.publish()
        }
        return didAnything
    }

    @discardableResult
    private func takeBackSlots() -> Bool {
        let wereUsedUp = !slots.isDataPossible
        var didAnything = false
        while let (head, _) = transmit.takeUsed() {
            slots.giveBack(head / 2)
            didAnything = true
        }
        if didAnything { slotsReturned.wakeAll() }
        if didAnything && wereUsedUp {
            for connection in connections { connection.changed.wakeAll() }
        }
        return didAnything
    }

    /// Serves one packet from the host.
    /// - Returns: whether its buffer is kept.
    private func take(packet index: UInt16, usedBytes: UInt32) -> Bool {
        let header = buffers.header(index)
        let length = header.length
        guard usedBytes >= VsockHeader.bytes, UInt64(length) <= buffers.payloadBytes,
            length <= usedBytes - VsockHeader.bytes,
            header.sourceCID == VsockHeader.hostCID, header.destinationCID == guestCID
        else { return false }
        let found = connections.first {
            $0.localPort == header.destinationPort && $0.peerPort == header.sourcePort
        }
        guard header.isStream, let operation = header.operation, let connection = found else {
            if header.operation != .reset { refuse(header) }
            return false
        }
        connection.noteCredit(header)
        defer { connection.changed.wakeAll() }
        switch operation {
        case .response:
            if connection.state == .connecting { connection.state = .established }
        case .reset:
            connection.noteReset()
            remove(connection)
        case .shutdown:
            connection.noteShutdown(VsockShutdown(rawValue: header.flags))
            if connection.peerShutdown == [.send, .receive] && connection.localShutdown == [.send, .receive] {
                refuse(header)
                remove(connection)
            }
        case .data:
            return keep(Int(length), of: index, for: connection)
        case .creditUpdate: break
        case .creditRequest: sendControl(connection, .creditUpdate)
        case .request: refuse(header)
        }
        return false
    }

    private func keep(_ length: Int, of index: UInt16, for connection: VsockConnection) -> Bool {
        if connection.localShutdown.contains(.receive) { return false }
        let bytes = UnsafeMutableRawBufferPointer(start: buffers.payload(index), count: length)
        // Beyond its credit, or out of memory: the stream cannot go on without a hole.
        if connection.state == .established, connection.hasRoom(for: length),
            let isKept = try? connection.received.append(bytes, inBuffer: index, of: buffers.payloadBytes)
        {
            return isKept
        }
        sendControl(connection, .reset)
        connection.noteReset()
        remove(connection)
        return false
    }

    /// Answers a packet nobody here wants with a reset (§5.10.6.6).
    private func refuse(_ header: VsockHeader) {
        guard let slot = slots.takeControl() else { return }
        slots.header(slot).fill(
            guestCID: guestCID, from: header.destinationPort, to: header.sourcePort, .reset)
        slots.send(slot, length: 0, on: transmit)
    }
}
