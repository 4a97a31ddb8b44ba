/// What NETLINK_ROUTE answers (rtnetlink(7)): one interface with two addresses, and no routes beyond it.
enum RouteReplies {
    private static let routeRange: ClosedRange<UInt16> = 16...119
    private static let hostScope: UInt8 = 254
    /// IFA_F_PERMANENT.
    private static let permanent: UInt8 = 0x80

    /// The datagrams to answer with.
    static func make(to request: NetlinkMessage, port: UInt32) -> [[UInt8]] {
        var reply = NetlinkMessage(type: 0, flags: 0, sequence: request.sequence, port: port)
        let isDump = request.flags & NetlinkMessage.wantsAll == NetlinkMessage.wantsAll
        // Types come in fours: new, delete, get, set.
        guard request.type & 3 == 2, routeRange.contains(request.type) else {
            return [error(request, &reply, .notPermitted)]
        }
        if isDump {
            var all: [UInt8] = []
            reply.flags = NetlinkMessage.isMultipart
            for message in everything(request, reply) { all += message.bytes }
            reply.type = NetlinkMessage.done
            reply.payload = [UInt8](of: Int32(0))
            return all.isEmpty ? [reply.bytes] : [all, reply.bytes]
        }
        guard request.type == NetlinkMessage.getLink else { return [error(request, &reply, .notSupported)] }
        let index = request.payload.load(Int32.self, at: 4)
        let isNamed = request.attribute(3, behind: 16)?.prefix { $0 != 0 }.equals(NetworkInterface.name)
        guard index == Int32(NetworkInterface.index) || (index == 0 && isNamed == true) else {
            return [error(request, &reply, .noSuchDevice)]
        }
        var replies = [link(reply).bytes]
        if request.flags & NetlinkMessage.wantsAcknowledgement != 0 {
            replies.append(error(request, &reply, nil))
        }
        return replies
    }

    private static func everything(_ request: NetlinkMessage, _ reply: NetlinkMessage) -> [NetlinkMessage] {
        let family = UInt16(request.payload.first ?? 0)
        switch request.type {
        case NetlinkMessage.getLink: return [link(reply)]
        case NetlinkMessage.getAddress:
            var all: [NetlinkMessage] = []
            if family == 0 || family == AddressFamily.internet { all.append(ipv4Address(reply)) }
            if family == 0 || family == AddressFamily.internet6 { all.append(ipv6Address(reply)) }
            return all
        default: return []
        }
    }

    /// NLMSG_ERROR: an error number (nil: none) and the request's header.
    private static func error(_ request: NetlinkMessage, _ reply: inout NetlinkMessage, _ error: Errno?)
        -> [UInt8]
    {
        reply.type = NetlinkMessage.error
        reply.flags = 0
        var header = request
        header.payload = []
        reply.payload = [UInt8](of: -(error?.code ?? 0)) + header.bytes
        return reply.bytes
    }

    /// `struct ifinfomsg`: family u8, padding, type u16, index i32, flags u32, change u32; then IFLA_ attributes.
    private static func link(_ header: NetlinkMessage) -> NetlinkMessage {
        var message = header
        message.type = NetlinkMessage.newLink
        message.payload = [0, 0]
        message.payload.append(number: NetworkInterface.hardwareType)
        message.payload.append(number: Int32(NetworkInterface.index))
        message.payload.append(number: NetworkInterface.longFlags)
        message.payload.append(number: 0 as UInt32)
        message.add(attribute: 3, Text.bytes(NetworkInterface.name) + [0])
        message.add(attribute: 13, [UInt8](of: NetworkInterface.queueLength))
        message.add(attribute: 16, [0])  // IFLA_OPERSTATE: unknown, as loopback's is
        message.add(attribute: 17, [0])  // IFLA_LINKMODE
        message.add(attribute: 4, [UInt8](of: NetworkInterface.mtu))
        message.add(attribute: 33, [1])  // IFLA_CARRIER
        message.add(attribute: 6, Text.bytes("noqueue") + [0])
        message.add(attribute: 1, [UInt8](repeating: 0, count: 6))
        message.add(attribute: 2, [UInt8](repeating: 0, count: 6))
        message.add(attribute: 7, [UInt8](repeating: 0, count: 96))  // IFLA_STATS
        return message
    }

    /// `struct ifaddrmsg`: family, prefix length, flags and scope u8, index u32; then IFA_ attributes.
    private static func address(_ header: NetlinkMessage, _ family: UInt16, prefix: UInt8) -> NetlinkMessage {
        var message = header
        message.type = NetlinkMessage.newAddress
        message.payload = [UInt8(family), prefix, permanent, hostScope]
        message.payload.append(number: UInt32(NetworkInterface.index))
        return message
    }

    private static func finish(_ message: NetlinkMessage) -> NetlinkMessage {
        var message = message
        message.add(attribute: 8, [UInt8](of: UInt32(permanent)))
        // IFA_CACHEINFO: preferred and valid for ever, made and changed at boot.
        message.add(attribute: 6, [UInt8](of: UInt64.max) + [UInt8](of: 0 as UInt64))
        return message
    }

    private static func ipv4Address(_ header: NetlinkMessage) -> NetlinkMessage {
        var message = address(header, AddressFamily.internet, prefix: 8)
        message.add(attribute: 1, [127, 0, 0, 1])
        message.add(attribute: 2, [127, 0, 0, 1])
        message.add(attribute: 3, Text.bytes(NetworkInterface.name) + [0])
        return finish(message)
    }

    private static func ipv6Address(_ header: NetlinkMessage) -> NetlinkMessage {
        var message = address(header, AddressFamily.internet6, prefix: 128)
        message.add(attribute: 1, [UInt8](repeating: 0, count: 15) + [1])
        return finish(message)
    }
}
