/// Where messages for one datagram socket wait. Known to those who send to it; the socket itself is not.
final class Inbox {
    let queue = SocketQueue(keepsMessages: true)
    /// The socket's.
    let changed: WaitQueue
    /// Woken when a message was taken, or nobody takes any more: for senders that wait.
    let roomAppeared = WaitQueue()
    private(set) var isClosed = false
    var isReadShutDown = false
    /// SO_RCVBUF.
    var capacity = SocketLimits.bufferBytes
    var wantsCredentials = false
    /// What the socket is bound to; empty: nothing.
    var name: [UInt8] = []
    let credentials: PeerCredentials
    /// The inbox of the socket that this one is connected to, whose messages alone it takes.
    var partner: ObjectIdentifier?

    init(changed: WaitQueue) {
        self.changed = changed
        credentials = PeerCredentials(of: Scheduler.current.process)
    }

    func close() {
        isClosed = true
        queue.removeAll()
        roomAppeared.wakeAll()
    }

    /// Puts a message in. May wait for the sender's memory.
    /// - Returns: bytes; nil if there is no room any more.
    func deliver(
        _ buffer: inout IOBuffer, from sender: [UInt8], _ ancillary: Ancillary, messages: Int, bytes: Int
    )
        throws(Errno) -> Int?
    {
        try queue.writeLock.acquire()
        defer { queue.writeLock.release() }
        guard hasRoom(for: buffer.remaining, messages: messages, bytes: bytes) else { return nil }
        try InFlightFiles.add(ancillary.files)
        let count: Int
        do throws(Errno) {
            count = try queue.append(&buffer, limit: buffer.remaining, sender: sender, ancillary)
        } catch {
            InFlightFiles.drop(ancillary.files)
            throw error
        }
        changed.wakeAll()
        return count
    }

    func hasRoom(for count: Int, messages: Int, bytes: Int) -> Bool {
        if isClosed || isReadShutDown { return true }  // nobody has to wait for that
        return queue.segments.count <= messages
            && queue.charge + count + SocketLimits.messageOverhead <= bytes
    }
}

/// A socket of messages without connections: UDP, AF_UNIX datagram, netlink. Abstract: subclasses send.
class DatagramSocket: Socket {
    final let inbox: Inbox
    final private(set) var isWriteShutDown = false

    override init(
        family: UInt16, type: SocketType, protocolNumber: Int32, flags: UInt32,
        changed: WaitQueue = WaitQueue()
    ) {
        inbox = Inbox(changed: changed)
        super.init(
            family: family, type: type, protocolNumber: protocolNumber, flags: flags, changed: changed)
    }

    deinit { inbox.close() }

    var isConnected: Bool { false }

    override final func receive(_ buffer: inout IOBuffer, _ flags: MessageFlags) throws(Errno)
        -> IncomingMessage
    {
        if flags.contains(.outOfBand) { throw .notSupported }
        if flags.contains(.errorQueue) { throw .wouldBlock }
        let deadline = deadline(sending: false)
        let peek = flags.contains(.peek)
        while true {
            if let error = takePendingError() { throw error }
            if let message = try take(&buffer, peek: peek) {
                inbox.roomAppeared.wakeAll()
                return message
            }
            if inbox.isReadShutDown { return IncomingMessage() }
            if isNonblocking(flags) { throw .wouldBlock }
            try waitForChange(until: deadline)
        }
    }

    private func take(_ buffer: inout IOBuffer, peek: Bool) throws(Errno) -> IncomingMessage? {
        let queue = inbox.queue
        if queue.isEmpty { return nil }
        try queue.readLock.acquire()
        defer { queue.readLock.release() }
        guard let (copied, size, segment) = try queue.takeMessage(&buffer, peek: peek) else { return nil }
        return IncomingMessage(
            count: copied, size: size, flags: copied < size ? .truncated : [], sender: show(segment.sender),
            ancillary: segment.ancillary, arrival: segment.arrival)
    }

    override final func shutDown(reads: Bool, writes: Bool) throws(Errno) {
        if reads { inbox.isReadShutDown = true }
        if writes { isWriteShutDown = true }
        inbox.roomAppeared.wakeAll()
        changed.wakeAll()
        if !isConnected && family != AddressFamily.unix { throw .notConnected }
    }

    override func optionsChanged() {
        inbox.capacity = options.receiveBuffer
        inbox.wantsCredentials = options.passCredentials
    }

    /// FIONREAD: the next message's size.
    override final var bytesToReceive: Int { inbox.queue.segments.first?.count ?? 0 }

    /// Whether a message could be sent now.
    var canSend: Bool { true }

    override final func readiness() -> PollEvents {
        var events: PollEvents = pendingError == nil ? [] : .error
        if !inbox.queue.isEmpty || pendingError != nil { events.insert(.readable) }
        if inbox.isReadShutDown { events.formUnion([.readable, .readHangUp]) }
        if inbox.isReadShutDown && isWriteShutDown { events.insert(.hangUp) }
        if canSend { events.insert(.writable) }
        return events
    }
}
