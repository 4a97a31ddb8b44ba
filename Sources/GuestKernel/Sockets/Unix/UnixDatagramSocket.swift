/// AF_UNIX's SOCK_DGRAM. Nothing is lost: who sends to a full socket waits.
final class UnixDatagramSocket: DatagramSocket {
    private var binding: UnixBinding?
    private var peer: Inbox?

    init(_ number: Int32, flags: UInt32) {
        super.init(family: AddressFamily.unix, type: .datagram, protocolNumber: number, flags: flags)
    }

    deinit { binding?.close() }

    override var isConnected: Bool { peer != nil }

    /// Makes both the only partner of the other.
    static func join(_ first: UnixDatagramSocket, _ second: UnixDatagramSocket) {
        first.setPeer(second.inbox)
        second.setPeer(first.inbox)
    }

    private func setPeer(_ new: Inbox?) {
        peer = new
        inbox.partner = new.map { ObjectIdentifier($0) }
        changed.wakeAll()
    }

    override func bind(_ address: [UInt8]) throws(Errno) {
        if binding != nil { throw .invalidArgument }
        let new = try UnixNames.bind(address, type)
        new.inbox = inbox
        binding = new
        inbox.name = new.address
    }

    private func bindIfCredentialsAreWanted() {
        guard options.passCredentials && binding == nil else { return }
        let new = UnixNames.bindAutomatically(type)
        new.inbox = inbox
        binding = new
        inbox.name = new.address
    }

    override func connect(_ address: [UInt8]) throws(Errno) {
        if address.load(UInt16.self, at: 0) == AddressFamily.unspecified { return setPeer(nil) }
        bindIfCredentialsAreWanted()
        setPeer(try find(address))
    }

    private func find(_ address: [UInt8]) throws(Errno) -> Inbox {
        guard let found = try UnixNames.find(address, type).inbox else { throw .connectionRefused }
        try requireMaySend(to: found)
        return found
    }

    private func requireMaySend(to target: Inbox) throws(Errno) {
        if let partner = target.partner, partner != ObjectIdentifier(inbox) { throw .notPermitted }
    }

    override func localAddress() -> [UInt8] { binding?.address ?? UnixNames.unnamed }

    override func peerAddress() throws(Errno) -> [UInt8] {
        guard let peer else { throw .notConnected }
        return peer.name.isEmpty ? UnixNames.unnamed : peer.name
    }

    override var peerCredentials: PeerCredentials { peer?.credentials ?? super.peerCredentials }

    override func send(_ buffer: inout IOBuffer, _ message: OutgoingMessage) throws(Errno) -> Int {
        if message.flags.contains(.outOfBand) { throw .notSupported }
        bindIfCredentialsAreWanted()
        let size = buffer.remaining
        guard size <= options.sendBuffer - SocketLimits.messageOverhead else { throw .messageTooLong }
        let deadline = deadline(sending: true)
        while true {
            if isWriteShutDown { throw brokenPipe(message.flags) }
            let target = try target(of: message)
            if target.isReadShutDown { throw brokenPipe(message.flags) }
            if target.hasRoom(for: size, messages: SocketLimits.unixDatagrams, bytes: capacity) {
                var ancillary = message.ancillary
                if ancillary.credentials == nil && (options.passCredentials || target.wantsCredentials) {
                    ancillary.credentials = PeerCredentials(of: Scheduler.current.process)
                }
                let sent = try target.deliver(
                    &buffer, from: binding?.address ?? [], ancillary, messages: SocketLimits.unixDatagrams,
                    bytes: capacity)
                if let sent { return sent }
                continue
            }
            if isNonblocking(message.flags) { throw .wouldBlock }
            try waitForChange(until: deadline, or: target.roomAppeared)
        }
    }

    /// What this socket may have waiting in another.
    private var capacity: Int { options.sendBuffer }

    private func target(of message: OutgoingMessage) throws(Errno) -> Inbox {
        if let address = message.address { return try find(address) }
        guard let peer else { throw .notConnected }
        if peer.isClosed {
            setPeer(nil)
            throw .connectionRefused
        }
        try requireMaySend(to: peer)
        return peer
    }

    override var canSend: Bool {
        guard let peer else { return true }
        return peer.hasRoom(for: 0, messages: SocketLimits.unixDatagrams, bytes: capacity)
    }

    override func addReadinessQueues(to queues: inout [WaitQueue]) {
        queues.append(changed)
        if let peer { queues.append(peer.roomAppeared) }
    }

    override var readinessCount: UInt64 { changed.wakeCount &+ (peer?.roomAppeared.wakeCount ?? 0) }
}
