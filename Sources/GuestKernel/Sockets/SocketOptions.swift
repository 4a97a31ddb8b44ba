/// Option levels of setsockopt(2).
enum OptionLevel {
    static let socket: Int32 = 1
    static let ip: Int32 = 0
    static let tcp: Int32 = 6
    static let udp: Int32 = 17
    static let udpLite: Int32 = 136
    static let ipv6: Int32 = 41
    static let netlink: Int32 = 270
}

/// SO_ numbers.
enum SocketOption {
    static let reuseAddress: Int32 = 2
    static let type: Int32 = 3
    static let error: Int32 = 4
    static let broadcast: Int32 = 6
    static let sendBuffer: Int32 = 7
    static let receiveBuffer: Int32 = 8
    static let keepAlive: Int32 = 9
    static let outOfBandInline: Int32 = 10
    static let linger: Int32 = 13
    static let reusePort: Int32 = 15
    static let passCredentials: Int32 = 16
    static let peerCredentials: Int32 = 17
    static let receiveTimeout: Int32 = 20
    static let sendTimeout: Int32 = 21
    static let timestamp: Int32 = 29
    static let isListening: Int32 = 30
    static let sendBufferForce: Int32 = 32
    static let receiveBufferForce: Int32 = 33
    static let timestampNanoseconds: Int32 = 35
    static let protocolNumber: Int32 = 38
    static let domain: Int32 = 39
    static let receiveTimeoutNew: Int32 = 66
    static let sendTimeoutNew: Int32 = 67
}

/// What a program set on a socket.
struct SocketOptions {
    /// As getsockopt(2) shows them: twice what was asked for.
    var sendBuffer = SocketLimits.bufferBytes
    var receiveBuffer = SocketLimits.bufferBytes
    /// Nanoseconds; 0: for ever.
    var sendTimeout: UInt64 = 0
    var receiveTimeout: UInt64 = 0
    /// SO_LINGER's seconds; nil: off.
    var linger: Int32?
    var passCredentials = false
    /// Options that are a number, as far as they were set; see IntegerOption.
    private var changed: [(level: Int32, name: Int32, value: Int32)] = []

    subscript(_ level: Int32, _ name: Int32) -> Int32? {
        get { changed.first { $0.level == level && $0.name == name }?.value }
        set {
            let i = changed.firstIndex { $0.level == level && $0.name == name }
            if let i { changed.remove(at: i) }
            if let newValue { changed.append((level, name, newValue)) }
        }
    }

    func isOn(_ name: Int32) -> Bool { (self[OptionLevel.socket, name] ?? 0) != 0 }
}

/// An option that is a number, kept and shown again. Most have no effect on a network that is one machine's memory.
struct IntegerOption {
    let level: Int32
    let name: Int32
    let initial: Int32
    let values: ClosedRange<Int32>
    /// Any number but 0 is 1.
    var isSwitch: Bool { values == 0...1 }

    private init(_ level: Int32, _ name: Int32, _ initial: Int32, _ values: ClosedRange<Int32>) {
        self.level = level
        self.name = name
        self.initial = initial
        self.values = values
    }

    private static func on(_ level: Int32, _ name: Int32, _ initial: Int32 = 0) -> IntegerOption {
        IntegerOption(level, name, initial, 0...1)
    }

    static func find(_ level: Int32, _ name: Int32, for socket: Socket) -> IntegerOption? {
        let isTCP = socket.type == .stream
        switch level {
        case OptionLevel.socket: return all.first { $0.level == level && $0.name == name }
        case OptionLevel.tcp where !isTCP, OptionLevel.udp where isTCP: return nil
        case OptionLevel.udpLite:
            guard socket.protocolNumber == InternetSockets.udpLite else { return nil }
            return all.first { $0.level == level && $0.name == name }
        case OptionLevel.ipv6 where socket.family != AddressFamily.internet6: return nil
        case OptionLevel.ip, OptionLevel.ipv6, OptionLevel.tcp, OptionLevel.udp:
            guard socket.family == AddressFamily.internet || socket.family == AddressFamily.internet6 else {
                return nil
            }
            return all.first { $0.level == level && $0.name == name }
        default: return nil
        }
    }

    private static let positive: ClosedRange<Int32> = 1...Int32.max
    private static let natural: ClosedRange<Int32> = 0...Int32.max
    private static let any: ClosedRange<Int32> = Int32.min...Int32.max

    private static let all: [IntegerOption] = [
        // SOL_SOCKET: DEBUG, REUSEADDR, DONTROUTE, BROADCAST, KEEPALIVE, OOBINLINE, NO_CHECK, PRIORITY, REUSEPORT, RCVLOWAT,
        // SNDLOWAT, TIMESTAMP, TIMESTAMPNS, MARK, RXQ_OVFL, PEEK_OFF, BUSY_POLL, INCOMING_CPU, ZEROCOPY
        on(1, 1), on(1, 2), on(1, 5), on(1, 6), on(1, 9), on(1, 10), on(1, 11),
        IntegerOption(1, 12, 0, 0...6), on(1, 15), IntegerOption(1, 18, 1, any),
        IntegerOption(1, 19, 1, 1...1),
        on(1, 29), on(1, 35), IntegerOption(1, 36, 0, any), on(1, 40), IntegerOption(1, 42, -1, -1...(-1)),
        IntegerOption(1, 46, 0, natural), IntegerOption(1, 49, 0, any),
        // SOL_IP: TOS, TTL, RECVOPTS, PKTINFO, MTU_DISCOVER, RECVERR, RECVTTL, RECVTOS, FREEBIND, BIND_ADDRESS_NO_PORT,
        // MULTICAST_TTL, MULTICAST_LOOP
        IntegerOption(0, 1, 0, 0...255), IntegerOption(0, 2, 64, 1...255), on(0, 6), on(0, 8),
        IntegerOption(0, 10, 1, 0...5), on(0, 11), on(0, 12), on(0, 13), on(0, 15), on(0, 24),
        IntegerOption(0, 33, 1, -1...255), on(0, 34, 1),
        // SOL_TCP: NODELAY, MAXSEG, CORK, KEEPIDLE, KEEPINTVL, KEEPCNT, SYNCNT, LINGER2, DEFER_ACCEPT, WINDOW_CLAMP, QUICKACK
        // USER_TIMEOUT, FASTOPEN, NOTSENT_LOWAT, FASTOPEN_CONNECT
        on(6, 1), IntegerOption(6, 2, 65483, 88...65535), on(6, 3), IntegerOption(6, 4, 7200, 1...32767),
        IntegerOption(6, 5, 75, 1...32767), IntegerOption(6, 6, 9, 1...127), IntegerOption(6, 7, 6, 1...127),
        IntegerOption(6, 8, 60, any), IntegerOption(6, 9, 0, natural), IntegerOption(6, 10, 0, natural),
        on(6, 12, 1), IntegerOption(6, 18, 0, natural), IntegerOption(6, 23, 0, natural),
        IntegerOption(6, 25, -1, any), on(6, 30),
        // SOL_UDP: CORK. SOL_UDPLITE: SEND_CSCOV, RECV_CSCOV
        on(17, 1), IntegerOption(136, 10, 0, natural), IntegerOption(136, 11, 0, natural),
        // SOL_IPV6: UNICAST_HOPS, MULTICAST_HOPS, MULTICAST_LOOP, MTU_DISCOVER, RECVERR, V6ONLY, RECVPKTINFO, RECVHOPLIMIT,
        // RECVRTHDR, RECVHOPOPTS, RECVDSTOPTS, DONTFRAG, RECVTCLASS, TCLASS, FREEBIND
        IntegerOption(41, 16, 64, -1...255), IntegerOption(41, 18, 1, -1...255), on(41, 19, 1),
        IntegerOption(41, 23, 1, 0...5), on(41, 25), on(41, 26), on(41, 49), on(41, 51), on(41, 56),
        on(41, 53),
        on(41, 58), on(41, 62), on(41, 66), IntegerOption(41, 67, 0, -1...255), on(41, 78),
    ]
}
