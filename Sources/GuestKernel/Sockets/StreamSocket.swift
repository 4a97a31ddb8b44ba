/// A socket of connections: TCP, AF_UNIX stream and seqpacket, vsock. Abstract: subclasses know addresses, and what differs.
class StreamSocket: Socket {
    final var end: StreamEnd? {
        didSet {
            end?.adopt(changed)
            optionsChanged()
        }
    }
    final var listener: Listener?
    final private(set) var isReadShutDown = false
    final private(set) var isWriteShutDown = false
    /// connect(2) has not said yet how it went.
    final var isConnecting = false

    deinit { listener?.close() }

    // MARK: What differs

    /// Packets, not a stream of bytes.
    final var keepsMessages: Bool { type == .sequencedPacket }
    /// What receiving without a connection throws.
    var errorWhenNotConnected: Errno { .notConnected }
    /// Writing to an end that was closed: throws, or takes the bytes as TCP does, which learns of it later.
    func writeToClosedEnd(_ end: StreamEnd, _ flags: MessageFlags) throws(Errno) { throw brokenPipe(flags) }
    /// Before each send: what is wrong with the message, or to be added to it.
    func prepare(_ message: inout OutgoingMessage, for end: StreamEnd) throws(Errno) {}
    /// A socket for a connection that was accepted.
    func makeAccepted(_ end: StreamEnd, flags: UInt32) -> StreamSocket { panic("an abstract socket") }
    /// Whether sending reports a reset, as TCP does; AF_UNIX only says EPIPE.
    var reportsErrorsWhenSending: Bool { false }
    /// What an accepted socket takes over from the listening one.
    func inherit(_ options: SocketOptions) { self.options = options }
    /// A reset of the connection was noticed.
    var wasReset: Bool { false }
    /// There is a connection no more, though the socket still has its end: it has no peer to name or to shut.
    var isOver: Bool { false }
    /// Whether shutting down reading also stops the peer's writing.
    var readShutdownReachesPeer: Bool { true }

    // MARK: Connecting

    override final var isListening: Bool { listener != nil }
    override var stateNumber: UInt8 { end == nil ? 1 : 3 }

    override final func accept(flags: UInt32) throws(Errno) -> Socket {
        guard let listener else { throw .invalidArgument }
        let deadline = deadline(sending: false)
        while true {
            if listener.isClosed { throw .invalidArgument }
            try Socket.requireRoom()
            if let end = listener.take() {
                let socket = makeAccepted(end, flags: flags)
                socket.inherit(options)
                socket.end = end
                return socket
            }
            if isNonblocking { throw .wouldBlock }
            try waitForChange(until: deadline)
        }
    }

    /// Waits until a connection that was queued behind a full backlog is established or refused.
    /// - Throws: `.inProgress` when not to be waited for.
    final func finishConnecting() throws(Errno) {
        guard let end else { throw .notConnected }
        let deadline = deadline(sending: true)
        isConnecting = true
        while !end.incoming.isEstablished && end.incoming.resetError == nil {
            if isNonblocking { throw .inProgress }
            do throws(Errno) {
                try waitForChange(until: deadline)
            } catch {
                throw error == .wouldBlock ? .inProgress : error
            }
        }
        isConnecting = false
        if end.incoming.resetError != nil {
            end.incoming.resetError = nil
            self.end = nil
            throw .connectionRefused
        }
    }

    override final var peerCredentials: PeerCredentials {
        if let end { return end.peer.credentials }
        if let listener { return listener.credentials }
        return PeerCredentials(process: 0, user: .max, group: .max)
    }

    // MARK: Sending

    override final func send(_ buffer: inout IOBuffer, _ message: OutgoingMessage) throws(Errno) -> Int {
        var message = message
        if reportsErrorsWhenSending, let error = takePendingError() {
            throw error == .brokenPipe ? brokenPipe(message.flags) : error
        }
        guard let end, end.incoming.isEstablished else { throw try errorOfSendingUnconnected(message.flags) }
        try prepare(&message, for: end)
        if message.flags.contains(.outOfBand) { return try sendUrgent(&buffer, message, end) }
        return try send(&buffer, message, end)
    }

    func errorOfSendingUnconnected(_ flags: MessageFlags) throws(Errno) -> Errno { .notConnected }

    /// TCP's MSG_OOB.
    func sendUrgent(_ buffer: inout IOBuffer, _ message: OutgoingMessage, _ end: StreamEnd) throws(Errno)
        -> Int
    {
        throw .notSupported
    }

    final func send(_ buffer: inout IOBuffer, _ message: OutgoingMessage, _ end: StreamEnd) throws(Errno)
        -> Int
    {
        let channel = end.outgoing
        let deadline = deadline(sending: true)
        let total = buffer.remaining
        if keepsMessages && total > channel.sendCapacity - SocketLimits.messageOverhead {
            throw .messageTooLong
        }
        if total == 0 && !keepsMessages { return 0 }
        var ancillary = message.ancillary
        var done = 0
        while true {
            do throws(Errno) {
                if isWriteShutDown { throw brokenPipe(message.flags) }
                if channel.isReaderGone {
                    try writeToClosedEnd(end, message.flags)
                    return total
                }
                let needed = keepsMessages ? total + SocketLimits.messageOverhead : 1
                guard channel.room >= needed else {
                    channel.isWriterWaiting = true
                    if isNonblocking(message.flags) { throw .wouldBlock }
                    try waitForChange(until: deadline)
                    continue
                }
                done += try append(&buffer, &ancillary, needed, to: channel)
                if done == total { return done }
            } catch {
                // A signal's SIGPIPE was for the bytes that are lost; those that went are told first.
                if done > 0 { return done }
                throw error
            }
        }
    }

    private func append(
        _ buffer: inout IOBuffer, _ ancillary: inout Ancillary, _ needed: Int, to channel: Channel
    ) throws(Errno) -> Int {
        try channel.queue.writeLock.acquire()
        defer { channel.queue.writeLock.release() }
        if channel.room < needed || channel.isReaderGone { return 0 }
        let limit = keepsMessages ? buffer.remaining : channel.room
        let wasFirst = ancillary.files.isEmpty ? [] : ancillary.files
        if !wasFirst.isEmpty { try InFlightFiles.add(wasFirst) }
        let count: Int
        do throws(Errno) {
            count = try channel.queue.append(&buffer, limit: limit, ancillary)
        } catch {
            InFlightFiles.drop(wasFirst)
            throw error
        }
        ancillary.files = []
        channel.reader.wakeAll()
        return count
    }

    // MARK: Receiving

    override final func receive(_ buffer: inout IOBuffer, _ flags: MessageFlags) throws(Errno)
        -> IncomingMessage
    {
        guard let end, end.incoming.isEstablished else { throw errorWhenNotConnected }
        if flags.contains(.errorQueue) { throw .wouldBlock }
        if flags.contains(.outOfBand) { return try receiveUrgent(&buffer, flags, end) }
        if buffer.remaining == 0 && !keepsMessages { return IncomingMessage() }
        let deadline = deadline(sending: false)
        var result = IncomingMessage()
        while true {
            do throws(Errno) {
                if try take(&buffer, flags, end.incoming, &result) { return result }
                if let error = takePendingError() { throw error }
                if isReadShutDown || end.incoming.isFinished { return result }
                if isNonblocking(flags) { throw .wouldBlock }
                try waitForChange(until: deadline)
            } catch {
                if result.count > 0 { return result }
                throw error
            }
        }
    }

    func receiveUrgent(_ buffer: inout IOBuffer, _ flags: MessageFlags, _ end: StreamEnd) throws(Errno)
        -> IncomingMessage
    {
        throw .notSupported
    }

    /// Takes what is there.
    /// - Returns: whether that is all this call is to have.
    private func take(
        _ buffer: inout IOBuffer, _ flags: MessageFlags, _ channel: Channel, _ result: inout IncomingMessage
    ) throws(Errno) -> Bool {
        let queue = channel.queue
        if queue.isEmpty { return false }
        try queue.readLock.acquire()
        defer {
            queue.readLock.release()
            channel.wasRead()
        }
        let peek = flags.contains(.peek)
        if keepsMessages {
            guard let (copied, size, message) = try queue.takeMessage(&buffer, peek: peek) else {
                return false
            }
            result = IncomingMessage(count: copied, size: size, ancillary: message.ancillary)
            result.flags = copied < size ? .truncated : []
            return true
        }
        while let (copied, segment) = try queue.takeBytes(&buffer, peek: peek) {
            result.count += copied
            if !peek { channel.hasUrgentInline = false }
            result.size = result.count
            if result.ancillary.isEmpty { result.ancillary = segment.ancillary }
            if buffer.remaining == 0 || peek || copied == 0 { return true }
            if queue.isEmpty { break }
            if !queue.continues(after: segment) { return true }
        }
        return result.count > 0 && (!flags.contains(.waitForAll) || !result.ancillary.files.isEmpty)
    }

    // MARK: State

    override final func takePendingError() -> Errno? {
        if let error = super.takePendingError() { return error }
        guard let error = end?.incoming.resetError else { return nil }
        end?.incoming.resetError = nil
        // A listener that closes refuses who still waited for it.
        return end?.incoming.isEstablished == true ? error : .connectionRefused
    }

    override final func shutDown(reads: Bool, writes: Bool) throws(Errno) {
        if let listener {
            if reads { listener.close() }
            return
        }
        guard let end, !isOver else { throw .notConnected }
        if reads {
            isReadShutDown = true
            if readShutdownReachesPeer { end.incoming.isReaderGone = true }
            end.incoming.writer.wakeAll()
        }
        if writes {
            isWriteShutDown = true
            end.outgoing.isFinished = true
            end.outgoing.reader.wakeAll()
        }
        changed.wakeAll()
    }

    override final func peerAddress() throws(Errno) -> [UInt8] {
        guard let end, end.incoming.isEstablished, !isOver else { throw .notConnected }
        return show(end.peer.address)
    }

    override final var bytesToReceive: Int { end?.incoming.queue.bytes.count ?? 0 }
    override final var bytesToBeReceived: Int { end?.outgoing.queue.bytes.count ?? 0 }

    override final func readiness() -> PollEvents {
        if let listener { return listener.isReady ? .readable : [] }
        var events: PollEvents = pendingError != nil ? .error : []
        guard let end else {
            // A connection that failed is at its end too.
            return events.union(
                isConnecting ? [.readable, .readHangUp, .writable, .hangUp] : [.writable, .hangUp])
        }
        guard end.incoming.isEstablished || end.incoming.resetError != nil else { return events }
        if end.incoming.resetError != nil { events.insert(.error) }
        if end.incoming.urgentByte != nil || end.incoming.hasUrgentInline { events.insert(.priority) }
        if !end.incoming.queue.isEmpty { events.insert(.readable) }
        let isAtEnd = isReadShutDown || end.incoming.isFinished
        if isAtEnd { events.formUnion([.readable, .readHangUp]) }
        let isBroken = isWriteShutDown || (readShutdownReachesPeer && end.outgoing.isReaderGone)
        if isAtEnd && (isBroken || wasReset) { events.insert(.hangUp) }
        let needed = (end.outgoing.sendCapacity + end.outgoing.receiveCapacity) / 3
        if isBroken || end.outgoing.isReaderGone || end.outgoing.room >= needed {
            events.insert(.writable)
        } else {
            end.outgoing.isWriterWaiting = true
        }
        return events
    }
}
