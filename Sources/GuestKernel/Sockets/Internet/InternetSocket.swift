/// What TCP and UDP sockets have in common: their port, and which addresses there are. The only network is loopback:
/// 127.0.0.0/8 and ::1.
struct InternetName {
    let family: UInt16
    let ports: Ports
    private(set) var binding: PortBinding?
    /// What is shown as the socket's own address once it is connected.
    var connectedAddress: IPAddress?

    init(_ family: UInt16, _ ports: Ports) {
        self.family = family
        self.ports = ports
    }

    var isIPv6: Bool { family == AddressFamily.internet6 }

    private func isIPv6Only(_ options: SocketOptions) -> Bool {
        isIPv6 && (options[OptionLevel.ipv6, 26] ?? 0) != 0
    }

    var wildcard: IPAddress { isIPv6 ? .any : .anyIPv4 }

    /// - Throws: `.invalidArgument` if it is bound already, `.addressNotAvailable`, `.addressInUse`, `.accessDenied`.
    mutating func bind(_ bytes: [UInt8], _ options: SocketOptions) throws(Errno) {
        if binding != nil { throw .invalidArgument }
        var endpoint: Endpoint
        if !isIPv6, bytes.count >= Endpoint.inet4Bytes, bytes.load(UInt16.self, at: 0) == 0 {
            // As on Linux, an address of no family will do if it is nobody's.
            guard bytes.load(UInt32.self, at: 4) == 0 else { throw .addressFamilyNotSupported }
            endpoint = Endpoint(.anyIPv4, bytes.load(networkOrder: UInt16.self, at: 2))
        } else {
            endpoint = try Endpoint(bytes, for: family)
        }
        if isIPv6Only(options), endpoint.address.ipv4 != nil { throw .invalidArgument }
        guard endpoint.address.isWildcard || endpoint.address.isLocal else { throw .addressNotAvailable }
        // ::ffff:0.0.0.0 on an IPv6 socket is IPv4's wildcard.
        if (1..<1024).contains(endpoint.port), !Scheduler.current.process.credentials.has(.bindLowPort) {
            throw .accessDenied
        }
        try bind(endpoint, options)
    }

    private mutating func bind(_ endpoint: Endpoint, _ options: SocketOptions) throws(Errno) {
        binding = try ports.bind(endpoint, options, isIPv6Only: isIPv6Only(options))
    }

    /// Gives the socket a port if it has none.
    mutating func bindAutomatically(_ options: SocketOptions, to address: IPAddress? = nil) throws(Errno) {
        if binding != nil { return }
        do throws(Errno) {
            try bind(Endpoint(address ?? wildcard, 0), options)
        } catch {
            throw error == .addressInUse ? .wouldBlock : error
        }
    }

    mutating func unbind() {
        if let binding { ports.remove(binding) }
        binding = nil
        connectedAddress = nil
    }

    /// Where a message or connection goes: the wildcard means this machine.
    /// - Throws: `.networkUnreachable`, `.addressFamilyNotSupported`.
    func destination(_ endpoint: Endpoint, _ options: SocketOptions) throws(Errno) -> Endpoint {
        var endpoint = endpoint
        if endpoint.address == .any {
            endpoint.address = .loopback
        } else if endpoint.address == .anyIPv4 {
            endpoint.address = .loopbackIPv4
        }
        if isIPv6Only(options), endpoint.address.ipv4 != nil { throw .networkUnreachable }
        // A socket bound to an address of one version reaches only that version's.
        if let own = binding?.endpoint.address, own != .any,
            (own.ipv4 == nil) != (endpoint.address.ipv4 == nil)
        {
            throw isIPv6 && own.ipv4 == nil ? .networkUnreachable : .invalidArgument
        }
        guard endpoint.address.isLocal else { throw .networkUnreachable }
        return endpoint
    }

    /// Where what this socket sends to `destination` comes from.
    func source(to destination: IPAddress) -> Endpoint {
        let port = binding?.endpoint.port ?? 0
        if let own = binding?.endpoint.address, !own.isWildcard { return Endpoint(own, port) }
        return Endpoint(destination.ipv4 == nil ? .loopback : .loopbackIPv4, port)
    }

    /// For getsockname(2).
    var local: Endpoint {
        let bound = binding?.endpoint ?? Endpoint(wildcard, 0)
        if let connectedAddress, bound.address.isWildcard { return Endpoint(connectedAddress, bound.port) }
        return bound
    }
}

/// Makes sockets of AF_INET and AF_INET6.
enum InternetSockets {
    static let tcp: Int32 = 6
    static let udp: Int32 = 17
    /// As UDP: what its checksum covers does not matter where nothing gets damaged.
    static let udpLite: Int32 = 136

    /// - Throws: `.protocolNotSupported`, `.socketTypeNotSupported`; raw sockets are `.notPermitted`: there is no packet
    ///   on this network that they could see.
    static func make(_ family: UInt16, _ type: SocketType, _ number: Int32, flags: UInt32) throws(Errno)
        -> Socket
    {
        switch type {
        case .stream:
            guard number == 0 || number == tcp else { throw .protocolNotSupported }
            return TCPSocket(family, flags: flags)
        case .datagram:
            guard number == 0 || number == udp || number == udpLite else {
                SystemCalls.countUnsupported(.socket)
                throw number == 1 || number == 58 ? .accessDenied : .protocolNotSupported
            }
            return UDPSocket(family, isLite: number == udpLite, flags: flags)
        case .raw:
            SystemCalls.countUnsupported(.socket)
            throw number == 0 ? .protocolNotSupported : .notPermitted
        case .sequencedPacket: throw .socketTypeNotSupported
        }
    }
}
