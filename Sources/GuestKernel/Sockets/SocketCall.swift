/// System calls on sockets.
/// - Returns: nil for a call that is not one of these.
func socketSystemCall(
    _ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread
) throws(Errno) -> Int? {
    let socketCall = SocketCall(arguments: arguments, thread: thread)
    switch call {
    case .socket: return try socketCall.make()
    case .socketpair: return try socketCall.makePair()
    case .bind: return try socketCall.bind()
    case .listen: return try socketCall.listen()
    case .accept: return try socketCall.accept(flags: 0)
    case .accept4: return try socketCall.accept(flags: arguments.d)
    case .connect: return try socketCall.connect()
    case .getsockname: return try socketCall.localName()
    case .getpeername: return try socketCall.peerName()
    case .sendto: return try socketCall.sendTo()
    case .recvfrom: return try socketCall.receiveFrom()
    case .sendmsg: return try socketCall.sendMessage()
    case .recvmsg: return try socketCall.receiveMessage()
    case .sendmmsg: return try socketCall.sendMessages()
    case .recvmmsg: return try socketCall.receiveMessages()
    case .shutdown: return try socketCall.shutDown()
    case .setsockopt: return try socketCall.setOption()
    case .getsockopt: return try socketCall.getOption()
    default: return nil
    }
}

/// One system call on a socket. Those that move messages are in SocketMessageCalls.swift, options in SocketOptionCalls.swift.
struct SocketCall {
    let arguments: SystemCallArguments
    let thread: Thread

    var space: AddressSpace { thread.process.space }
    var files: FileTable { thread.process.files }
    var fileCall: FileCall { FileCall(arguments: arguments, thread: thread) }

    func socket() throws(Errno) -> Socket {
        guard let socket = try files.file(Int32(truncatingIfNeeded: arguments.a)).asSocket else {
            throw .notSocket
        }
        return socket
    }

    func add(_ file: File, flags: UInt32) throws(Errno) -> Int32 {
        try files.add(
            file, closeOnExec: flags & OpenFlags.closeOnExec != 0, limit: fileCall.descriptorLimit)
    }

    // MARK: Addresses

    func address(at address: UInt64, count: UInt64) throws(Errno) -> [UInt8] {
        let count = Int32(truncatingIfNeeded: count)
        guard count >= 0, count <= Int32(SocketLimits.addressBytes) else { throw .invalidArgument }
        return try space.read(from: address, count: Int(count))
    }

    /// Tells an address as far as there is room, and its whole size.
    func store(_ name: [UInt8], at address: UInt64, sizeAt sizeAddress: UInt64) throws(Errno) {
        let room = try space.load(Int32.self, at: sizeAddress)
        guard room >= 0 else { throw .invalidArgument }
        try space.write(Array(name.prefix(Int(room))), to: address)
        try space.store(Int32(name.count), at: sizeAddress)
    }

    // MARK: Making

    /// Family, type with flags, protocol.
    private func new() throws(Errno) -> (family: UInt16, type: SocketType, number: Int32, flags: UInt32) {
        let word = UInt32(truncatingIfNeeded: arguments.b)
        let flags = word & ~0xF
        guard flags & ~SocketType.flags == 0 else { throw .invalidArgument }
        guard arguments.a & 0xFFFF_FFFF < 46 else { throw .addressFamilyNotSupported }
        guard let type = SocketType(rawValue: word & 0xF) else {
            throw word & 0xF > 10 ? .invalidArgument : .socketTypeNotSupported
        }
        try Socket.requireRoom()
        return (UInt16(arguments.a & 0xFF), type, Int32(truncatingIfNeeded: arguments.c), flags)
    }

    func make() throws(Errno) -> Int {
        let (family, type, number, flags) = try new()
        let socket: Socket
        switch family {
        case AddressFamily.unix: socket = try UnixSockets.make(type, number, flags: flags)
        case AddressFamily.internet, AddressFamily.internet6:
            socket = try InternetSockets.make(family, type, number, flags: flags)
        case AddressFamily.vsock: socket = try VsockSocket.make(type, number, flags: flags)
        case AddressFamily.netlink: socket = try NetlinkSocket.make(type, number, flags: flags)
        default:
            SystemCalls.countUnsupported(.socket)
            throw .addressFamilyNotSupported
        }
        return Int(try add(socket, flags: flags))
    }

    func makePair() throws(Errno) -> Int {
        let (family, type, number, flags) = try new()
        guard family == AddressFamily.unix else {
            let isKnown = family == AddressFamily.internet || family == AddressFamily.internet6
            throw isKnown ? .notSupported : .addressFamilyNotSupported
        }
        let (first, second) = try UnixSockets.makePair(type, number, flags: flags)
        let a = try add(first, flags: flags)
        do throws(Errno) {
            let b = try add(second, flags: flags)
            do throws(Errno) {
                try space.store(UInt64(UInt32(a)) | UInt64(UInt32(b)) << 32, at: arguments.d)
            } catch {
                try files.set(Int(b), nil)
                throw error
            }
        } catch {
            try files.set(Int(a), nil)
            throw error
        }
        return 0
    }

    // MARK: Connecting

    func bind() throws(Errno) -> Int {
        let socket = try socket()
        try socket.bind(try address(at: arguments.b, count: arguments.c))
        return 0
    }

    func listen() throws(Errno) -> Int {
        let socket = try socket()
        // A negative backlog is a huge one, as on Linux.
        let asked = Int(UInt32(truncatingIfNeeded: arguments.b))
        try socket.listen(backlog: min(asked, SocketLimits.backlogMaximum))
        return 0
    }

    /// Descriptor, where the peer's address goes (or 0), where its size is.
    func accept(flags: UInt64) throws(Errno) -> Int {
        let socket = try socket()
        let flags = UInt32(truncatingIfNeeded: flags)
        guard flags & ~SocketType.flags == 0 else { throw .invalidArgument }
        let accepted = try socket.accept(flags: flags)
        if arguments.b != 0 {
            // The peer may be gone already: then an accepted socket has no peer's name, and is accepted all the same.
            let name = (try? accepted.peerAddress()) ?? []
            try store(name, at: arguments.b, sizeAt: arguments.c)
        }
        return Int(try add(accepted, flags: flags))
    }

    func connect() throws(Errno) -> Int {
        let socket = try socket()
        let address = try address(at: arguments.b, count: arguments.c)
        guard address.count >= 2 else { throw .invalidArgument }
        try socket.connect(address)
        return 0
    }

    func localName() throws(Errno) -> Int {
        let name = try socket().localAddress()
        try store(name, at: arguments.b, sizeAt: arguments.c)
        return 0
    }

    func peerName() throws(Errno) -> Int {
        let name = try socket().peerAddress()
        try store(name, at: arguments.b, sizeAt: arguments.c)
        return 0
    }

    /// SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2.
    func shutDown() throws(Errno) -> Int {
        let socket = try socket()
        let how = UInt32(truncatingIfNeeded: arguments.b)
        guard how <= 2 else { throw .invalidArgument }
        try socket.shutDown(reads: how != 1, writes: how != 0)
        return 0
    }
}
