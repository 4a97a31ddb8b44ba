/// Makes AF_UNIX sockets.
enum UnixSockets {
    static func make(_ type: SocketType, _ number: Int32, flags: UInt32) throws(Errno) -> Socket {
        // PF_UNIX is its own only protocol.
        guard number == 0 || number == 1 else { throw .protocolNotSupported }
        switch type {
        case .stream, .sequencedPacket: return UnixStreamSocket(type, 0, flags: flags)
        // As on Linux, raw is another word for datagram here.
        case .datagram, .raw: return UnixDatagramSocket(0, flags: flags)
        }
    }

    /// socketpair(2).
    static func makePair(_ type: SocketType, _ number: Int32, flags: UInt32) throws(Errno) -> (Socket, Socket)
    {
        guard number == 0 || number == 1 else { throw .protocolNotSupported }
        if type == .datagram || type == .raw {
            let first = UnixDatagramSocket(0, flags: flags)
            let second = UnixDatagramSocket(0, flags: flags)
            UnixDatagramSocket.join(first, second)
            return (first, second)
        }
        let first = UnixStreamSocket(type, 0, flags: flags)
        let second = UnixStreamSocket(type, 0, flags: flags)
        let credentials = PeerCredentials(of: Scheduler.current.process)
        let (near, far) = StreamEnd.pair(
            EndName(UnixNames.unnamed, credentials), EndName(UnixNames.unnamed, credentials),
            keepsMessages: type == .sequencedPacket)
        first.end = near
        second.end = far
        return (first, second)
    }
}
