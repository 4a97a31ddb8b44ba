/// One direction of a connection.
final class Channel {
    let queue: SocketQueue
    /// `changed` of the sockets at its ends; a connection that nobody accepted yet has one that nobody waits in.
    var reader = WaitQueue()
    var writer = WaitQueue()
    /// The writer sends no more.
    var isFinished = false
    /// The reader takes no more.
    var isReaderGone = false
    /// False while a full backlog keeps the reader, who connects, waiting.
    var isEstablished = true
    /// What the reader's socket is to report once: the connection was reset.
    var resetError: Errno?
    /// It was, whether reported or not.
    var wasReset = false
    /// TCP's urgent byte, unless the reader wants it in line (SO_OOBINLINE); then whether it is there and unread.
    var urgentByte: UInt8?
    var keepsUrgentInline = false
    var hasUrgentInline = false
    /// The writer found no room, so it wants to hear of some.
    var isWriterWaiting = false
    /// How much the writer may have inside: its SO_SNDBUF, or with TCP the reader's SO_RCVBUF too.
    var sendCapacity = SocketLimits.bufferBytes
    var receiveCapacity = 0
    /// The reader set SO_PASSCRED.
    var wantsCredentials = false

    init(keepsMessages: Bool) { queue = SocketQueue(keepsMessages: keepsMessages) }

    var room: Int { max(0, sendCapacity + receiveCapacity - queue.charge) }

    /// The reader took something.
    func wasRead() {
        // Not for every byte: a writer that waits gets going when a third is free, as on Linux.
        guard isWriterWaiting, room >= (sendCapacity + receiveCapacity) / 3 || queue.isEmpty else { return }
        isWriterWaiting = false
        writer.wakeAll()
    }
}

/// What an end of a connection is called, and who made it.
final class EndName {
    var address: [UInt8]
    var credentials: PeerCredentials

    init(_ address: [UInt8], _ credentials: PeerCredentials) {
        self.address = address
        self.credentials = credentials
    }
}

/// One end of a connection. It closes with its last reference, which a socket holds or a backlog.
final class StreamEnd {
    let incoming: Channel
    let outgoing: Channel
    let local: EndName
    let peer: EndName
    /// Closing it resets the connection though there is nothing unread: SO_LINGER of 0 seconds, or nobody accepted it.
    var resetsOnClose = false
    private init(_ incoming: Channel, _ outgoing: Channel, _ local: EndName, _ peer: EndName) {
        self.incoming = incoming
        self.outgoing = outgoing
        self.local = local
        self.peer = peer
    }

    /// Both ends of a new connection.
    static func pair(_ first: EndName, _ second: EndName, keepsMessages: Bool) -> (StreamEnd, StreamEnd) {
        let there = Channel(keepsMessages: keepsMessages)
        let back = Channel(keepsMessages: keepsMessages)
        return (StreamEnd(back, there, first, second), StreamEnd(there, back, second, first))
    }

    deinit { close() }

    /// The socket whose end this is waits in `changed`.
    func adopt(_ changed: WaitQueue) {
        incoming.reader = changed
        outgoing.writer = changed
    }

    private func close() {
        if !incoming.queue.isEmpty || resetsOnClose {
            outgoing.resetError = .connectionReset
            outgoing.wasReset = true
        }
        incoming.isReaderGone = true
        outgoing.isFinished = true
        incoming.queue.removeAll()
        incoming.writer.wakeAll()
        outgoing.reader.wakeAll()
    }
}

/// A socket's queue of connections that wait to be accepted.
final class Listener {
    var backlog: Int
    private var waiting: [StreamEnd] = []
    /// The listening socket's.
    private let changed: WaitQueue
    /// Woken when a connection was accepted, or none ever will be.
    let roomAppeared = WaitQueue()
    private(set) var isClosed = false
    let credentials: PeerCredentials

    init(backlog: Int, changed: WaitQueue) {
        self.backlog = backlog
        self.changed = changed
        credentials = PeerCredentials(of: Scheduler.current.process)
    }

    /// Whether a connection would be established at once. As on Linux one more than the backlog fits.
    var hasRoom: Bool { waiting.count <= backlog }
    var canWait: Bool { waiting.count <= backlog + SocketLimits.waitingConnections }
    var isReady: Bool { !waiting.isEmpty }
    var count: Int { waiting.count }

    /// Queues the listener's end of a new connection. Behind a full backlog it is not established yet.
    func add(_ end: StreamEnd) {
        end.outgoing.isEstablished = hasRoom
        waiting.append(end)
        changed.wakeAll()
    }

    func take() -> StreamEnd? {
        if waiting.isEmpty { return nil }
        let end = waiting.removeFirst()
        establish(end)
        if waiting.count > backlog { establish(waiting[backlog]) }
        roomAppeared.wakeAll()
        return end
    }

    private func establish(_ end: StreamEnd) {
        if end.outgoing.isEstablished { return }
        end.outgoing.isEstablished = true
        end.outgoing.reader.wakeAll()
    }

    func close() {
        if isClosed { return }
        isClosed = true
        let ends = waiting
        waiting = []
        for end in ends { end.resetsOnClose = true }
        roomAppeared.wakeAll()
        changed.wakeAll()
    }
}
