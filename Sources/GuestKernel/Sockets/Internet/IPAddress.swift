/// An IP address as IPv6 has it; one of IPv4 is mapped (::ffff:a.b.c.d, RFC 4291 §2.5.5.2).
struct IPAddress: Equatable {
    var high: UInt64
    var low: UInt64

    static let any = IPAddress(high: 0, low: 0)
    static let loopback = IPAddress(high: 0, low: 1)
    static let anyIPv4 = IPAddress(ipv4: 0)
    static let loopbackIPv4 = IPAddress(ipv4: 0x7F00_0001)

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    init(ipv4: UInt32) {
        high = 0
        low = 0xFFFF_0000_0000 | UInt64(ipv4)
    }

    /// nil for what is not of IPv4.
    var ipv4: UInt32? { high == 0 && low >> 32 == 0xFFFF ? UInt32(truncatingIfNeeded: low) : nil }
    var isWildcard: Bool { self == .any || self == .anyIPv4 }

    /// Whether it is this machine's: ::1 and 127.0.0.0/8.
    var isLocal: Bool {
        if let ipv4 { return ipv4 >> 24 == 127 }
        return self == .loopback
    }
}
