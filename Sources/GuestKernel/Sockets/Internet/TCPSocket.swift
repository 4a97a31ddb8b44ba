/// TCP between sockets of this machine. There are no segments: a connection is two byte queues, and what TCP shows to
/// programs of its protocol (resets, half-closed connections, the urgent byte) is told by their flags.
final class TCPSocket: StreamSocket {
    private var name: InternetName
    /// A write met a closed end: it was lost, and from here on the connection is broken.
    private var isBroken = false

    init(_ family: UInt16, flags: UInt32) {
        name = InternetName(family, .tcp)
        super.init(
            family: family, type: .stream, protocolNumber: InternetSockets.tcp, flags: flags)
    }

    deinit {
        if options.linger == 0 { end?.resetsOnClose = true }
        name.unbind()
    }

    // MARK: Connecting

    override func bind(_ address: [UInt8]) throws(Errno) {
        if end != nil { throw .invalidArgument }
        try name.bind(address, options)
    }

    override func listen(backlog: Int) throws(Errno) {
        if end != nil { throw .invalidArgument }
        if let listener, !listener.isClosed {
            listener.backlog = backlog
            return
        }
        try name.bindAutomatically(options)
        guard let binding = name.binding, name.ports.mayListen(binding) else { throw .addressInUse }
        let new = Listener(backlog: backlog, changed: changed)
        listener = new
        binding.listener = new
    }

    override func connect(_ address: [UInt8]) throws(Errno) {
        if address.load(UInt16.self, at: 0) == AddressFamily.unspecified { return disconnect() }
        let endpoint = try Endpoint(address, for: family)
        if isConnecting { return try continueConnecting() }
        if end != nil || listener != nil { throw .isConnected }
        let destination = try name.destination(endpoint, options)
        isBroken = false
        try Socket.requireMemory()
        guard let listener = name.ports.listener(at: destination), listener.canWait else {
            if !isNonblocking { throw .connectionRefused }
            // As on Linux, who does not wait is told later, however soon it is known.
            pendingError = .connectionRefused
            isConnecting = true
            changed.wakeAll()
            throw .inProgress
        }
        let source = name.source(to: destination.address)
        try name.bindAutomatically(options, to: source.address)
        name.connectedAddress = source.address
        let credentials = PeerCredentials(process: 0, user: .max, group: .max)
        let (near, far) = StreamEnd.pair(
            EndName(name.source(to: destination.address).name, credentials),
            EndName(destination.name, credentials), keepsMessages: false)
        end = near
        listener.add(far)
        try finishConnecting()
        if isNonblocking {
            isConnecting = true
            changed.wakeAll()
            throw .inProgress
        }
    }

    /// connect(2) on a socket that is connecting: how that went, once.
    private func continueConnecting() throws(Errno) {
        if let end, !end.incoming.isEstablished, end.incoming.resetError == nil {
            if isNonblocking { throw .alreadyInProgress }
            return try finishConnecting()
        }
        isConnecting = false
        if let error = takePendingError() {
            end = nil
            throw error
        }
        if end == nil { throw Errno(code: 103) }  // ECONNABORTED
    }

    private func disconnect() {
        listener?.close()
        listener = nil
        end?.resetsOnClose = true
        end = nil
        isConnecting = false
        name.unbind()
        changed.wakeAll()
    }

    override func makeAccepted(_ end: StreamEnd, flags: UInt32) -> StreamSocket {
        TCPSocket(family, flags: flags)
    }

    override func show(_ address: [UInt8]) -> [UInt8] { Endpoint.show(address, family) }

    override func localAddress() -> [UInt8] {
        if let end { return show(end.local.address) }
        return name.local.bytes(family)
    }

    // MARK: What TCP does otherwise

    override var reportsErrorsWhenSending: Bool { true }
    override var readShutdownReachesPeer: Bool { false }
    override var wasReset: Bool { isBroken || end?.incoming.wasReset == true }
    /// After a reset, and when both ends have finished.
    override var isOver: Bool {
        guard let end else { return true }
        return wasReset || (end.incoming.isFinished && end.outgoing.isFinished)
    }

    override func prepare(_ message: inout OutgoingMessage, for end: StreamEnd) throws(Errno) {
        isConnecting = false
    }

    /// Sending without a connection is EPIPE.
    override func errorOfSendingUnconnected(_ flags: MessageFlags) throws(Errno) -> Errno {
        if end != nil { return .wouldBlock }
        return brokenPipe(flags)
    }

    /// The first bytes sent to a closed end are lost, and answered with a reset.
    override func writeToClosedEnd(_ end: StreamEnd, _ flags: MessageFlags) throws(Errno) {
        if let error = takePendingError() { throw error == .brokenPipe ? brokenPipe(flags) : error }
        if wasReset { throw brokenPipe(flags) }
        isBroken = true
        pendingError = .brokenPipe
        changed.wakeAll()
    }

    override func optionsChanged() {
        guard let end else { return }
        end.outgoing.sendCapacity = options.sendBuffer
        end.incoming.receiveCapacity = options.receiveBuffer
        end.incoming.keepsUrgentInline = options.isOn(SocketOption.outOfBandInline)
    }

    // MARK: The urgent byte

    override func sendUrgent(_ buffer: inout IOBuffer, _ message: OutgoingMessage, _ end: StreamEnd)
        throws(Errno)
        -> Int
    {
        let total = buffer.remaining
        if total == 0 { return 0 }
        if end.outgoing.keepsUrgentInline {
            let sent = try send(&buffer, message, end)
            end.outgoing.hasUrgentInline = true
            return sent
        }
        var done = 0
        if total > 1 {
            var first = buffer
            first.limit(to: total - 1)
            done = try send(&first, message, end)
            if done < total - 1 { return done }
            _ = try buffer.transfer(count: done, writing: false) { _, _ in }
        }
        end.outgoing.urgentByte = try buffer.take(UInt8.self)
        end.outgoing.reader.wakeAll()
        return done + 1
    }

    override func receiveUrgent(_ buffer: inout IOBuffer, _ flags: MessageFlags, _ end: StreamEnd)
        throws(Errno)
        -> IncomingMessage
    {
        guard !options.isOn(SocketOption.outOfBandInline), let byte = end.incoming.urgentByte else {
            throw .invalidArgument
        }
        let count = try buffer.put(byte)
        if !flags.contains(.peek) { end.incoming.urgentByte = nil }
        return IncomingMessage(count: count, size: 1, flags: .outOfBand)
    }

    override var isAtUrgentMark: Bool {
        guard let incoming = end?.incoming else { return false }
        return incoming.queue.isEmpty && incoming.urgentByte != nil
    }

    // MARK: Options

    private static let maximumSegment: Int32 = 2
    private static let information: Int32 = 11
    private static let congestion: Int32 = 13
    private static let upperLayer: Int32 = 31

    override func option(_ level: Int32, _ name: Int32) throws(Errno) -> [UInt8]? {
        guard level == OptionLevel.tcp else { return try InternetOptions.get(level, name, self) }
        switch name {
        case Self.maximumSegment where end == nil: return [UInt8](of: Int32(536))
        case Self.information: return information
        case Self.congestion:
            var text = Text.bytes("cubic")
            text.pad(to: 16)
            return text
        default: return nil
        }
    }

    override func setOption(_ level: Int32, _ name: Int32, _ value: [UInt8]) throws(Errno) -> Bool {
        guard level == OptionLevel.tcp else {
            return try InternetOptions.set(level, name, value, self, isBound: self.name.binding != nil)
        }
        switch name {
        case Self.congestion:
            let wanted = value.prefix { $0 != 0 }
            guard wanted.equals("cubic") || wanted.equals("reno") else { throw .noSuchFile }
            return true
        case Self.upperLayer: throw .noSuchFile  // no TLS in this kernel
        default: return false
        }
    }

    /// The states of /proc/net/tcp and `struct tcp_info`.
    override var stateNumber: UInt8 {
        if isListening { return 10 }
        guard let end, !wasReset else { return 7 }
        if !end.incoming.isEstablished { return 2 }
        switch (end.outgoing.isFinished, end.incoming.isFinished) {
        case (false, false): return 1
        case (false, true): return 8
        case (true, false): return 5
        case (true, true): return 7
        }
    }

    /// `struct tcp_info`: the state, and the sizes programs look at.
    private var information: [UInt8] {
        var bytes: [UInt8] = [stateNumber, 0, 0, 0, 0, 0, 0, 0]
        // rto, ato, snd_mss, rcv_mss
        for word: UInt32 in [200_000, 40_000, 65483, 65483] { bytes.append(number: word) }
        for _ in 0..<20 { bytes.append(number: 0 as UInt32) }
        return bytes
    }
}
