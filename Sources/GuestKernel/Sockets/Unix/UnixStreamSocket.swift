/// AF_UNIX's sockets of connections: SOCK_STREAM and SOCK_SEQPACKET.
final class UnixStreamSocket: StreamSocket {
    private var binding: UnixBinding?

    init(_ type: SocketType, _ number: Int32, flags: UInt32) {
        super.init(family: AddressFamily.unix, type: type, protocolNumber: number, flags: flags)
    }

    deinit { binding?.close() }

    private var name: [UInt8] { binding?.address ?? UnixNames.unnamed }

    override func bind(_ address: [UInt8]) throws(Errno) {
        if binding != nil { throw .invalidArgument }
        binding = try UnixNames.bind(address, type)
        end?.local.address = name
    }

    override func listen(backlog: Int) throws(Errno) {
        guard let binding, end == nil else { throw .invalidArgument }
        if let listener {
            listener.backlog = backlog
            listener.roomAppeared.wakeAll()
            return
        }
        let new = Listener(backlog: backlog, changed: changed)
        listener = new
        binding.listener = new
    }

    override func connect(_ address: [UInt8]) throws(Errno) {
        if listener != nil { throw .invalidArgument }
        if end != nil { throw .isConnected }
        try Socket.requireMemory()
        if options.passCredentials && binding == nil { binding = UnixNames.bindAutomatically(type) }
        let deadline = deadline(sending: true)
        while true {
            let target = try UnixNames.find(address, type)
            guard let listener = target.listener, !listener.isClosed else { throw .connectionRefused }
            if listener.hasRoom {
                let mine = EndName(name, PeerCredentials(of: Scheduler.current.process))
                let (near, far) = StreamEnd.pair(
                    mine, EndName(target.address, listener.credentials), keepsMessages: keepsMessages)
                end = near
                listener.add(far)
                return
            }
            if isNonblocking { throw .wouldBlock }
            try waitForChange(until: deadline, or: listener.roomAppeared)
            // Another thread may have connected this socket meanwhile.
            if end != nil { throw .isConnected }
        }
    }

    override func localAddress() -> [UInt8] { end?.local.address ?? name }

    override func prepare(_ message: inout OutgoingMessage, for end: StreamEnd) throws(Errno) {
        if message.address != nil && type == .stream { throw .isConnected }
        if message.flags.contains(.outOfBand) { throw .notSupported }
        if message.ancillary.credentials == nil && (options.passCredentials || end.outgoing.wantsCredentials)
        {
            message.ancillary.credentials = PeerCredentials(of: Scheduler.current.process)
        }
    }

    override var errorWhenNotConnected: Errno { type == .stream ? .invalidArgument : .notConnected }

    override func inherit(_ options: SocketOptions) { self.options.passCredentials = options.passCredentials }

    override func makeAccepted(_ end: StreamEnd, flags: UInt32) -> StreamSocket {
        UnixStreamSocket(type, protocolNumber, flags: flags)
    }

    override func optionsChanged() {
        end?.outgoing.sendCapacity = options.sendBuffer
        end?.incoming.wantsCredentials = options.passCredentials
    }
}
