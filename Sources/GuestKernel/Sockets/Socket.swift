/// A message on its way out: what send(2) was asked beside the bytes.
struct OutgoingMessage {
    var flags: MessageFlags = []
    /// The `sockaddr` it is for; nil: none was given.
    var address: [UInt8]?
    var ancillary = Ancillary()
}

/// What recv(2) tells beside the bytes.
struct IncomingMessage {
    /// Bytes copied.
    var count = 0
    /// The message's own size, for MSG_TRUNC.
    var size = 0
    var flags: MessageFlags = []
    var sender: [UInt8] = []
    var ancillary = Ancillary()
    var arrival: UInt64 = 0
}

/// A socket (socket(7)). Abstract: subclasses are the families. Their inner ends (StreamEnd, Inbox) know each other; the
/// sockets, being files, know only their ends, so that the last descriptor's going is noticed by `deinit`.
class Socket: File {
    final let family: UInt16
    final let type: SocketType
    /// The `protocol` of socket(2), for SO_PROTOCOL.
    final let protocolNumber: Int32
    final let number = AnonymousInode.newNumber()
    /// Woken by everything that may change `readiness` or end a wait.
    /// One for all, so that epoll counts its edges in one place.
    final let changed: WaitQueue
    final var options = SocketOptions()
    /// What SO_ERROR and the next call report, once.
    final var pendingError: Errno?
    final let owner: (user: UInt32, group: UInt32)
    /// Where SocketTable has it.
    final var tableIndex = 0

    init(
        family: UInt16, type: SocketType, protocolNumber: Int32, flags: UInt32,
        changed: WaitQueue = WaitQueue()
    ) {
        self.family = family
        self.type = type
        self.protocolNumber = protocolNumber
        self.changed = changed
        let credentials = Scheduler.current.process.credentials
        owner = (credentials.effectiveUser, credentials.effectiveGroup)
        super.init(flags: OpenFlags.readWrite | flags & OpenFlags.nonblocking)
        tableIndex = SocketTable.add(self)
    }

    deinit { SocketTable.remove(at: tableIndex) }

    /// Sockets live on the kernel's heap, which must not run out.
    /// - Throws: `.noBufferSpace`.
    static func requireRoom() throws(Errno) {
        guard SocketTable.count < SocketLimits.sockets else { throw .noBufferSpace }
        try requireMemory()
    }

    /// The same for connections that wait in backlogs, and messages: they are bounded one by one, and all together by this.
    static func requireMemory() throws(Errno) {
        guard Frames.available > Frames.total / 32 else { throw .noBufferSpace }
    }

    // MARK: What the families do

    func bind(_ address: [UInt8]) throws(Errno) { throw .notSupported }
    func listen(backlog: Int) throws(Errno) { throw .notSupported }
    func accept(flags: UInt32) throws(Errno) -> Socket { throw .notSupported }
    func connect(_ address: [UInt8]) throws(Errno) { throw .notSupported }
    func localAddress() -> [UInt8] { [] }
    /// A name as messages and connections keep it, as this socket's program sees it.
    func show(_ address: [UInt8]) -> [UInt8] { address }
    /// - Throws: `.notConnected`.
    func peerAddress() throws(Errno) -> [UInt8] { throw .notConnected }
    func send(_ buffer: inout IOBuffer, _ message: OutgoingMessage) throws(Errno) -> Int {
        throw .notSupported
    }
    func receive(_ buffer: inout IOBuffer, _ flags: MessageFlags) throws(Errno) -> IncomingMessage {
        throw .notSupported
    }
    func shutDown(reads: Bool, writes: Bool) throws(Errno) { throw .notSupported }
    var isListening: Bool { false }
    /// SO_PEERCRED.
    var peerCredentials: PeerCredentials { PeerCredentials(process: 0, user: .max, group: .max) }
    /// What /proc/net shows as `st`.
    var stateNumber: UInt8 { 7 }
    /// FIONREAD, and SIOCOUTQ.
    var bytesToReceive: Int { 0 }
    var bytesToBeReceived: Int { 0 }
    /// SO_SNDBUF, SO_RCVBUF or another option has a new value.
    func optionsChanged() {}
    /// Options of a family or protocol that are more than a number to keep; nil: not one of those.
    func option(_ level: Int32, _ name: Int32) throws(Errno) -> [UInt8]? { nil }
    /// - Returns: false if it is not one of those.
    func setOption(_ level: Int32, _ name: Int32, _ value: [UInt8]) throws(Errno) -> Bool { false }

    // MARK: Waiting

    /// When a wait that begins now is to end, by SO_RCVTIMEO or SO_SNDTIMEO.
    final func deadline(sending: Bool) -> UInt64 {
        let timeout = sending ? options.sendTimeout : options.receiveTimeout
        if timeout == 0 { return .max }
        let (sum, overflow) = Clock.monotonic.addingReportingOverflow(timeout)
        return overflow ? .max : sum
    }

    /// Waits for a change of this socket, or in `other` too.
    /// - Throws: `.wouldBlock` past the deadline; with one, a signal is never followed by a restart (signal(7)).
    final func waitForChange(until deadline: UInt64, or other: WaitQueue? = nil) throws(Errno) {
        do throws(Errno) {
            let queues = other.map { [changed, $0] } ?? [changed]
            if try !WaitQueue.waitAny(queues, until: deadline) { throw .wouldBlock }
        } catch {
            throw error == .restart && deadline != .max ? .interrupted : error
        }
    }

    final func isNonblocking(_ flags: MessageFlags) -> Bool { isNonblocking || flags.contains(.dontWait) }

    /// SO_ERROR.
    func takePendingError() -> Errno? {
        let error = pendingError
        pendingError = nil
        return error
    }

    /// EPIPE, with SIGPIPE unless MSG_NOSIGNAL.
    final func brokenPipe(_ flags: MessageFlags) -> Errno {
        if !flags.contains(.noSignal) { sendSignal(13, to: Scheduler.current) }
        return .brokenPipe
    }

    // MARK: As a file

    override final var asSocket: Socket? { self }
    override final var readinessChanged: WaitQueue? { changed }

    override final func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        if offset != nil { throw .illegalSeek }
        let message = try receive(&buffer, [])
        InFlightFiles.drop(message.ancillary.files)
        return message.count
    }

    override final func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        if offset != nil { throw .illegalSeek }
        return try send(&buffer, OutgoingMessage())
    }

    override final func status() throws(Errno) -> FileStatus {
        FileStatus(
            device: Self.device, inode: number, type: .socket, permissions: 0o777, user: owner.user,
            group: owner.group)
    }

    /// st_dev of sockets: their own file system, as on Linux.
    private static let device: UInt64 = 8

    override final func describe() -> [UInt8] {
        var text = Text("socket:[")
        text.add(number)
        text.add("]")
        return text.bytes
    }

    override final func reopen(flags: UInt32) throws(Errno) -> File { throw .noSuchDeviceOrAddress }

    override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        let space = Scheduler.current.process.space
        switch request {
        case 0x541B:  // FIONREAD
            if isListening { throw .invalidArgument }
            try space.store(Int32(clamping: bytesToReceive), at: argument)
        case 0x5411:  // TIOCOUTQ
            try space.store(Int32(clamping: bytesToBeReceived), at: argument)
        case 0x8901, 0x8902: break  // FIOSETOWN, SIOCSPGRP: there is no SIGIO to send
        case 0x8903, 0x8904: try space.store(Int32(0), at: argument)  // FIOGETOWN, SIOCGPGRP
        case 0x8905: try space.store(Int32(isAtUrgentMark ? 1 : 0), at: argument)  // SIOCATMARK
        case 0x8906:  // SIOCGSTAMP
            throw .noSuchFile
        default: return try NetworkInterface.control(request, argument, space, for: family)
        }
        return 0
    }

    var isAtUrgentMark: Bool { false }
}
