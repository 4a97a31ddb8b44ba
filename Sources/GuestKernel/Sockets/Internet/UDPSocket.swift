/// UDP between sockets of this machine. A message to a full socket is lost, as on any network; to a closed port too, which
/// a connected sender hears of.
final class UDPSocket: DatagramSocket {
    private var name: InternetName
    private var remote: Endpoint?
    /// The largest message: 65535 less the headers of IP and UDP.
    private static let messageMaximumIPv4 = 65507
    private static let messageMaximumIPv6 = 65527

    init(_ family: UInt16, isLite: Bool = false, flags: UInt32) {
        name = InternetName(family, isLite ? .udpLite : .udp)
        super.init(
            family: family, type: .datagram,
            protocolNumber: isLite ? InternetSockets.udpLite : InternetSockets.udp, flags: flags)
    }

    deinit { name.unbind() }

    override var isConnected: Bool { remote != nil }

    override func bind(_ address: [UInt8]) throws(Errno) {
        try name.bind(address, options)
        name.binding?.inbox = inbox
    }

    private func bindAutomatically() throws(Errno) {
        if name.binding != nil { return }
        try name.bindAutomatically(options)
        name.binding?.inbox = inbox
    }

    override func connect(_ address: [UInt8]) throws(Errno) {
        if address.load(UInt16.self, at: 0) == AddressFamily.unspecified {
            remote = nil
            name.binding?.remote = nil
            name.connectedAddress = nil
            return
        }
        let endpoint = try name.destination(try Endpoint(address, for: family), options)
        try bindAutomatically()
        remote = endpoint
        name.binding?.remote = endpoint
        name.connectedAddress = name.source(to: endpoint.address).address
    }

    override var stateNumber: UInt8 { isConnected ? 1 : 7 }
    override func localAddress() -> [UInt8] { name.local.bytes(family) }

    override func peerAddress() throws(Errno) -> [UInt8] {
        guard let remote else { throw .notConnected }
        return remote.bytes(family)
    }

    override func show(_ address: [UInt8]) -> [UInt8] { Endpoint.show(address, family) }

    // MARK: Sending

    override func send(_ buffer: inout IOBuffer, _ message: OutgoingMessage) throws(Errno) -> Int {
        if message.flags.contains(.outOfBand) { throw .notSupported }
        try bindAutomatically()
        let size = buffer.remaining
        guard size <= Self.messageMaximumIPv6 else { throw .messageTooLong }
        let destination = try destination(of: message)
        guard destination.address.ipv4 == nil || size <= Self.messageMaximumIPv4 else {
            throw .messageTooLong
        }
        if let error = takePendingError() { throw error }
        if isWriteShutDown { throw brokenPipe(message.flags) }
        let source = name.source(to: destination.address)
        guard let target = name.ports.inbox(at: destination, from: source), !target.isClosed else {
            if message.address == nil {
                pendingError = .connectionRefused
                changed.wakeAll()
            }
            return size
        }
        var ancillary = message.ancillary
        var header = ancillary.header ?? PacketHeader(options: options, family: family)
        header.destination = destination.address
        ancillary.header = header
        _ = try target.deliver(
            &buffer, from: source.name, ancillary, messages: .max, bytes: target.capacity)
        return size
    }

    private func destination(of message: OutgoingMessage) throws(Errno) -> Endpoint {
        guard let bytes = message.address else {
            guard let remote else { throw .destinationRequired }
            return remote
        }
        var endpoint: Endpoint
        if bytes.load(UInt16.self, at: 0) == AddressFamily.internet {
            // An IPv6 socket sends to IPv4 too.
            endpoint = try Endpoint(bytes)
        } else if name.isIPv6 || bytes.load(UInt16.self, at: 0) != AddressFamily.unspecified {
            endpoint = try Endpoint(bytes, for: family)
        } else {
            guard bytes.count >= Endpoint.inet4Bytes else { throw .invalidArgument }
            endpoint = Endpoint(
                IPAddress(ipv4: bytes.load(networkOrder: UInt32.self, at: 4)),
                bytes.load(networkOrder: UInt16.self, at: 2))
        }
        guard endpoint.port != 0 else { throw .invalidArgument }
        endpoint = try name.destination(endpoint, options)
        return endpoint
    }

    // MARK: Options

    override func option(_ level: Int32, _ name: Int32) throws(Errno) -> [UInt8]? {
        try InternetOptions.get(level, name, self)
    }

    override func setOption(_ level: Int32, _ name: Int32, _ value: [UInt8]) throws(Errno) -> Bool {
        try InternetOptions.set(level, name, value, self, isBound: self.name.binding != nil)
    }
}
