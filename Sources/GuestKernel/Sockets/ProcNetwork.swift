/// /proc/net (proc(5)): the same for every process, as there is one network.
enum ProcNetwork {
    static func make(_ system: Superblock) -> ProcInode {
        var tree = ProcTree(system, from: 300)
        return tree.directory([
            (
                "arp",
                tree.text("IP address       HW type     Flags       HW address            Mask     Device\n")
            ),
            ("dev", tree.text { devices() }),
            ("if_inet6", tree.text("00000000000000000000000000000001 01 80 10 80       lo\n")),
            ("ipv6_route", tree.text("")), ("netlink", tree.text("sk               Eth Pid        Groups\n")),
            ("route", tree.text { routes() }),
            ("tcp", tree.text { internet(AddressFamily.internet, isTCP: true) }),
            ("tcp6", tree.text { internet(AddressFamily.internet6, isTCP: true) }),
            ("udp", tree.text { internet(AddressFamily.internet, isTCP: false) }),
            ("udp6", tree.text { internet(AddressFamily.internet6, isTCP: false) }),
            ("unix", tree.text { unix() }),
        ])
    }

    private static func devices() -> [UInt8] {
        var text = Text(
            """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop \
            fifo colls carrier compressed
                lo:
            """)
        for width in [8, 8, 5, 5, 5, 6, 11, 10, 9, 8, 5, 5, 5, 6, 8, 11] { text.add(0, width: width) }
        text.add("\n")
        return text.bytes
    }

    private static func routes() -> [UInt8] {
        var text = Text(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT")
        while text.bytes.count < 127 { text.add(" ") }
        text.add("\n")
        return text.bytes
    }

    private static func internet(_ family: UInt16, isTCP: Bool) -> [UInt8] {
        let isIPv6 = family == AddressFamily.internet6
        var text = Text(isTCP || isIPv6 ? "  sl  local_address" : "   sl  local_address")
        if isIPv6 { text.add("                        ") }
        text.add(isIPv6 ? " remote_address" : " rem_address  ")
        if isIPv6 { text.add("                       ") }
        text.add(" st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode")
        text.add(isTCP ? "\n" : " ref pointer drops\n")
        var line: UInt64 = 0
        SocketTable.forEach { socket in
            guard socket.family == family, (socket.type == .stream) == isTCP else { return }
            text.add(line, width: isTCP ? 4 : 5)
            text.add(": ")
            add(socket.localAddress(), to: &text, isIPv6: isIPv6)
            text.add(" ")
            add((try? socket.peerAddress()) ?? [], to: &text, isIPv6: isIPv6)
            text.add(" ")
            add(hex: UInt64(socket.stateNumber), width: 2, to: &text)
            text.add(" ")
            add(hex: UInt64(socket.bytesToBeReceived), width: 8, to: &text)
            text.add(":")
            add(hex: UInt64(socket.bytesToReceive), width: 8, to: &text)
            text.add(" 00:00000000 00000000 ")
            text.add(UInt64(socket.owner.user), width: 5)
            text.add("        0 ")
            text.add(socket.number)
            text.add(isTCP ? " 1 0000000000000000 100 0 0 10 0\n" : " 2 0000000000000000 0\n")
            line += 1
        }
        return text.bytes
    }

    /// An address as words in the machine's byte order, and a port.
    private static func add(_ name: [UInt8], to text: inout Text, isIPv6: Bool) {
        for i in 0..<(isIPv6 ? 4 : 1) {
            add(hex: UInt64(name.load(UInt32.self, at: (isIPv6 ? 8 : 4) + i * 4)), width: 8, to: &text)
        }
        text.add(":")
        add(hex: UInt64(name.load(networkOrder: UInt16.self, at: 2)), width: 4, to: &text)
    }

    /// Digits here are capitals, as nowhere else in /proc.
    private static func add(hex value: UInt64, width: Int, to text: inout Text) {
        let start = text.bytes.count
        text.add(hex: value, width: width)
        for i in start..<text.bytes.count where text.bytes[i] >= UInt8(ascii: "a") { text.bytes[i] -= 32 }
    }

    private static func unix() -> [UInt8] {
        var text = Text("Num       RefCount Protocol Flags    Type St Inode Path\n")
        SocketTable.forEach { socket in
            guard socket.family == AddressFamily.unix else { return }
            text.add("0000000000000000: 00000002 00000000 ")
            text.add(hex: socket.isListening ? 0x10000 : 0, width: 8)
            text.add(" ")
            text.add(hex: UInt64(socket.type.rawValue), width: 4)
            text.add(" ")
            text.add(hex: UInt64(socket.stateNumber), width: 2)
            text.add(" ")
            text.add(socket.number, width: 5)
            let name = socket.localAddress().dropFirst(2)
            if !name.isEmpty { text.add(" ") }
            // An abstract name begins with @; its zeroes are shown so too.
            if name.first == 0 {
                for byte in name { text.add(byte: byte == 0 ? UInt8(ascii: "@") : byte) }
            } else {
                for byte in name where byte != 0 { text.add(byte: byte) }
            }
            text.add("\n")
        }
        return text.bytes
    }
}
