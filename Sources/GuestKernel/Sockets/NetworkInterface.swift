/// The one network interface: loopback.
enum NetworkInterface {
    static let index = 1
    static let name: StaticString = "lo"
    static let mtu: UInt32 = 65536
    /// ARPHRD_LOOPBACK.
    static let hardwareType: UInt16 = 772
    /// IFF_UP, IFF_LOOPBACK, IFF_RUNNING.
    static let flags: UInt32 = 0x49
    /// The same as netlink tells it, with IFF_LOWER_UP.
    static let longFlags: UInt32 = 0x1_0049
    static let queueLength: UInt32 = 1000

    private static let nameBytes = 16
    /// sizeof(struct ifreq); a name, and from here on what is asked for.
    private static let requestBytes = 40

    /// SIOCGIF… of netdevice(7).
    /// - Throws: `.noSuchDevice` for another interface, `.notPermitted` for a change, `.notTerminal` for no such request.
    static func control(
        _ request: UInt32, _ argument: UInt64, _ space: AddressSpace, for family: UInt16
    ) throws(Errno) -> Int {
        // SIOCGIFADDR to SIOCSIFNETMASK are IPv4's.
        let isIPv4Only = (0x8915...0x891C).contains(request)
        switch request {
        case _ where isIPv4Only && family != AddressFamily.internet: throw .notTerminal
        case 0x8912: try listAddresses(argument, space)
        case 0x8910:  // SIOCGIFNAME
            guard try space.load(Int32.self, at: argument &+ 16) == Int32(index) else { throw .noSuchDevice }
            var bytes = Text.bytes(name)
            while bytes.count < nameBytes { bytes.append(0) }
            try space.write(bytes, to: argument)
        case 0x8914, 0x8916, 0x8918, 0x891A, 0x891C, 0x891E, 0x8922, 0x8923, 0x8924, 0x8936, 0x8939, 0x8943:
            // SIOCSIF…: the interface is as it is.
            throw .notPermitted
        case 0x8913, 0x8915, 0x8917, 0x8919, 0x891B, 0x891D, 0x8921, 0x8927, 0x8933, 0x8942, 0x8970, 0x8946:
            let asked = try space.read(from: argument, count: nameBytes)
            guard asked.prefix(while: { $0 != 0 }).equals(name) else { throw .noSuchDevice }
            try space.write(try answer(request), to: argument &+ UInt64(nameBytes))
        default: throw .notTerminal
        }
        return 0
    }

    private static func answer(_ request: UInt32) throws(Errno) -> [UInt8] {
        switch request {
        case 0x8913: return [UInt8](of: UInt16(flags))
        case 0x8915, 0x8917: return Endpoint(.loopbackIPv4, 0).bytes(AddressFamily.internet)
        case 0x8919: return Endpoint(.anyIPv4, 0).bytes(AddressFamily.internet)  // no broadcast address
        case 0x891B: return Endpoint(IPAddress(ipv4: 0xFF00_0000), 0).bytes(AddressFamily.internet)
        case 0x891D: return [UInt8](of: Int32(0))
        case 0x8921: return [UInt8](of: mtu)
        case 0x8927: return [UInt8](of: hardwareType) + [UInt8](repeating: 0, count: 14)
        case 0x8933: return [UInt8](of: Int32(index))
        case 0x8942: return [UInt8](of: queueLength)
        case 0x8970: return [UInt8](repeating: 0, count: 24)
        default: throw .notSupported  // SIOCETHTOOL
        }
    }

    /// SIOCGIFCONF: a `struct ifconf` of a size in bytes and where an array of `struct ifreq` goes, or 0 to ask for the size.
    private static func listAddresses(_ argument: UInt64, _ space: AddressSpace) throws(Errno) {
        let room = try space.load(Int32.self, at: argument)
        let buffer = try space.load(UInt64.self, at: argument &+ 8)
        var size = requestBytes
        if buffer != 0 {
            guard room >= 0 else { throw .invalidArgument }
            if Int(room) < requestBytes { size = 0 }
            var entry = Text.bytes(name)
            while entry.count < nameBytes { entry.append(0) }
            entry += Endpoint(.loopbackIPv4, 0).bytes(AddressFamily.internet)
            while entry.count < requestBytes { entry.append(0) }
            if size > 0 { try space.write(entry, to: buffer) }
        }
        try space.store(Int32(size), at: argument)
    }
}
