/// AF_ numbers of socket(2).
enum AddressFamily {
    static let unspecified: UInt16 = 0
    static let unix: UInt16 = 1
    static let internet: UInt16 = 2
    static let internet6: UInt16 = 10
    static let netlink: UInt16 = 16
    static let vsock: UInt16 = 40
}

/// SOCK_ numbers of socket(2).
enum SocketType: UInt32 {
    case stream = 1
    case datagram = 2
    case raw = 3
    case sequencedPacket = 5

    /// What may come with the type in one argument: SOCK_NONBLOCK and SOCK_CLOEXEC are the O_ bits.
    static let flags = OpenFlags.nonblocking | OpenFlags.closeOnExec
}

/// MSG_ bits of send(2) and recv(2).
struct MessageFlags: OptionSet {
    let rawValue: UInt32
    static let outOfBand = MessageFlags(rawValue: 0x1)
    static let peek = MessageFlags(rawValue: 0x2)
    static let controlTruncated = MessageFlags(rawValue: 0x8)
    static let truncated = MessageFlags(rawValue: 0x20)
    static let dontWait = MessageFlags(rawValue: 0x40)
    static let endOfRecord = MessageFlags(rawValue: 0x80)
    static let waitForAll = MessageFlags(rawValue: 0x100)
    static let errorQueue = MessageFlags(rawValue: 0x2000)
    static let noSignal = MessageFlags(rawValue: 0x4000)
    /// recvmmsg(2): only the first message is waited for.
    static let waitForOne = MessageFlags(rawValue: 0x10000)
    static let closeOnExec = MessageFlags(rawValue: 0x4000_0000)
}

/// What bounds the memory that programs can make sockets keep.
enum SocketLimits {
    /// SO_SNDBUF and SO_RCVBUF of a new socket: net.core.wmem_default and rmem_default.
    static let bufferBytes = 212_992
    /// What they can be raised to: net.core.wmem_max and rmem_max, doubled as Linux doubles what is asked for.
    static let bufferBytesMaximum = 425_984
    static let bufferBytesMinimum = 4608
    /// What a message costs of a buffer beyond its bytes, so that empty ones are not for free.
    static let messageOverhead = 512
    /// All bytes in sockets together: a part of RAM.
    static var framesMaximum: UInt64 { Frames.total / 4 }
    /// net.core.somaxconn.
    static let backlogMaximum = 4096
    /// Connections that a full backlog lets wait, beyond it, for their turn.
    static let waitingConnections = 256
    /// SCM_MAX_FD: descriptors in one message.
    static let descriptorsInMessage = 253
    /// Descriptors sent and not yet received. Some never may be (sockets that hold each other): this bounds a leak.
    static let descriptorsInFlight = 1024
    /// net.unix.max_dgram_qlen: more messages than this do not wait in a datagram socket of AF_UNIX.
    static let unixDatagrams = 10
    /// All sockets. Each costs about 2 KiB of the kernel's heap, which is bounded by memory too (Socket.requireMemory).
    static let sockets = 131_072
    /// The largest ancillary data, as net.core.optmem_max.
    static let controlBytes = 20_480
    /// sizeof(struct sockaddr_storage).
    static let addressBytes = 128
}

/// Errors of sockets.
extension Errno {
    static let destinationRequired = Errno(code: 89)  // EDESTADDRREQ
    static let messageTooLong = Errno(code: 90)  // EMSGSIZE
    static let wrongProtocolType = Errno(code: 91)  // EPROTOTYPE
    static let noProtocolOption = Errno(code: 92)  // ENOPROTOOPT
    static let protocolNotSupported = Errno(code: 93)  // EPROTONOSUPPORT
    static let socketTypeNotSupported = Errno(code: 94)  // ESOCKTNOSUPPORT
    static let addressInUse = Errno(code: 98)  // EADDRINUSE
    static let addressNotAvailable = Errno(code: 99)  // EADDRNOTAVAIL
    static let networkUnreachable = Errno(code: 101)  // ENETUNREACH
    static let noBufferSpace = Errno(code: 105)  // ENOBUFS
    static let isConnected = Errno(code: 106)  // EISCONN
    static let tooManyReferences = Errno(code: 109)  // ETOOMANYREFS
    static let alreadyInProgress = Errno(code: 114)  // EALREADY
    static let inProgress = Errno(code: 115)  // EINPROGRESS
}
