/// AF_NETLINK (netlink(7)): NETLINK_ROUTE answers what is asked about the one interface and its addresses; a socket for
/// device events can be made and hears of none, as there are none.
final class NetlinkSocket: DatagramSocket {
    private static let route: Int32 = 0
    private static let deviceEvents: Int32 = 15
    private static let requestMaximum = 16384
    private static let addressBytes = 12

    // SAFETY: see Frames.
    /// Ports in use, so that no two sockets have the same.
    nonisolated(unsafe) private static var ports: [UInt32] = []
    nonisolated(unsafe) private static var lastAutomatic: UInt32 = 0xFFFF_F000

    private var port: UInt32 = 0
    private var groups: UInt32 = 0

    static func make(_ type: SocketType, _ number: Int32, flags: UInt32) throws(Errno) -> Socket {
        guard type == .raw || type == .datagram else { throw .socketTypeNotSupported }
        guard number == route || number == deviceEvents else {
            SystemCalls.countUnsupported(.socket)
            throw .protocolNotSupported
        }
        return NetlinkSocket(
            family: AddressFamily.netlink, type: type, protocolNumber: number, flags: flags)
    }

    deinit {
        if let i = Self.ports.firstIndex(of: port) { Self.ports.remove(at: i) }
    }

    // MARK: Addresses: family u16, padding, port u32, groups u32

    private static func address(port: UInt32, groups: UInt32) -> [UInt8] {
        [UInt8](of: UInt32(AddressFamily.netlink)) + [UInt8](of: port) + [UInt8](of: groups)
    }

    override func bind(_ address: [UInt8]) throws(Errno) {
        guard address.count >= Self.addressBytes,
            address.load(UInt16.self, at: 0) == AddressFamily.netlink
        else { throw .invalidArgument }
        let wanted = address.load(UInt32.self, at: 4)
        if port != 0 {
            guard wanted == port || wanted == 0 else { throw .invalidArgument }
        } else if wanted == 0 {
            bindAutomatically()
        } else {
            if Self.ports.contains(wanted) { throw .addressInUse }
            port = wanted
            Self.ports.append(port)
        }
        groups = address.load(UInt32.self, at: 8)
    }

    /// The process's number if that is free.
    private func bindAutomatically() {
        if port != 0 { return }
        port = UInt32(Scheduler.current.process.id.magnitude)
        while port == 0 || Self.ports.contains(port) {
            Self.lastAutomatic &-= 1
            port = Self.lastAutomatic
        }
        Self.ports.append(port)
    }

    override func connect(_ address: [UInt8]) throws(Errno) {
        guard
            address.load(UInt16.self, at: 0) == AddressFamily.unspecified
                || address.count >= Self.addressBytes
        else { throw .invalidArgument }
        bindAutomatically()
        // Nobody but the kernel is there.
        if address.load(UInt32.self, at: 4) != 0 { throw .connectionRefused }
    }

    override func localAddress() -> [UInt8] { Self.address(port: port, groups: groups) }
    override func peerAddress() throws(Errno) -> [UInt8] { Self.address(port: 0, groups: 0) }

    // MARK: Asking

    override func send(_ buffer: inout IOBuffer, _ message: OutgoingMessage) throws(Errno) -> Int {
        if message.flags.contains(.outOfBand) { throw .notSupported }
        if let address = message.address {
            guard address.count >= Self.addressBytes,
                address.load(UInt16.self, at: 0) == AddressFamily.netlink
            else { throw .invalidArgument }
            if address.load(UInt32.self, at: 4) != 0 { throw .connectionRefused }
        }
        guard buffer.remaining <= Self.requestMaximum else { throw .messageTooLong }
        bindAutomatically()
        var bytes = [UInt8](repeating: 0, count: buffer.remaining)
        var failure: Errno?
        bytes.withUnsafeMutableBytes { target in
            do throws(Errno) { _ = try buffer.take(into: target) } catch { failure = error }
        }
        if let failure { throw failure }
        guard protocolNumber == Self.route else { throw .notPermitted }
        var offset = 0
        while let request = NetlinkMessage(bytes, at: &offset) {
            if request.flags & NetlinkMessage.isRequest == 0 || request.type < NetlinkMessage.newLink {
                continue
            }
            for reply in RouteReplies.make(to: request, port: port) { deliver(reply) }
        }
        return bytes.count
    }

    /// What does not fit is lost, and told as ENOBUFS.
    private func deliver(_ reply: [UInt8]) {
        var isLost = false
        reply.withUnsafeBytes { bytes in
            var buffer = IOBuffer(kernel: bytes)
            do throws(Errno) {
                let sender = Self.address(port: 0, groups: 0)
                let sent = try inbox.deliver(
                    &buffer, from: sender, Ancillary(), messages: .max, bytes: inbox.capacity)
                isLost = sent == nil
            } catch {
                isLost = true
            }
        }
        if isLost {
            pendingError = .noBufferSpace
            changed.wakeAll()
        }
    }

    override func setOption(_ level: Int32, _ name: Int32, _ value: [UInt8]) throws(Errno) -> Bool {
        guard level == OptionLevel.netlink else { return false }
        // ADD_MEMBERSHIP … GET_STRICT_CHK: of what never happens there is nothing to hear, and requests are few.
        guard (1...12).contains(name) else { throw .noProtocolOption }
        return true
    }
}
