/// An address and a port of TCP or UDP.
struct Endpoint: Equatable {
    var address: IPAddress
    var port: UInt16

    static let inet4Bytes = 16
    static let inet6Bytes = 28
    /// SIN6_LEN_RFC2133: without a scope.
    private static let inet6BytesMinimum = 24

    init(_ address: IPAddress, _ port: UInt16) {
        self.address = address
        self.port = port
    }

    /// A `sockaddr_in` or `sockaddr_in6`.
    /// - Throws: `.invalidArgument` if it is too short, `.addressFamilyNotSupported`.
    init(_ bytes: [UInt8], for family: UInt16) throws(Errno) {
        let isIPv4 = bytes.load(UInt16.self, at: 0) == AddressFamily.internet
        guard isIPv4 || bytes.load(UInt16.self, at: 0) == AddressFamily.internet6,
            isIPv4 == (family == AddressFamily.internet)
        else { throw bytes.count < 2 ? .invalidArgument : .addressFamilyNotSupported }
        try self.init(bytes)
    }

    /// The same, of either family.
    init(_ bytes: [UInt8]) throws(Errno) {
        let isIPv4 = bytes.load(UInt16.self, at: 0) == AddressFamily.internet
        guard bytes.count >= (isIPv4 ? Self.inet4Bytes : Self.inet6BytesMinimum) else {
            throw .invalidArgument
        }
        port = bytes.load(networkOrder: UInt16.self, at: 2)
        if isIPv4 {
            address = IPAddress(ipv4: bytes.load(networkOrder: UInt32.self, at: 4))
        } else {
            address = IPAddress(
                high: bytes.load(networkOrder: UInt64.self, at: 8),
                low: bytes.load(networkOrder: UInt64.self, at: 16))
        }
    }

    /// As a `sockaddr` of a family.
    func bytes(_ family: UInt16) -> [UInt8] {
        var bytes = [UInt8](of: family)
        bytes.append(networkOrder: port)
        if family == AddressFamily.internet {
            bytes.append(networkOrder: address.ipv4 ?? 0)
            bytes.append(number: 0 as UInt64)
        } else {
            bytes.append(number: 0 as UInt32)
            bytes.append(networkOrder: address.high)
            bytes.append(networkOrder: address.low)
            bytes.append(number: 0 as UInt32)
        }
        return bytes
    }

    /// As connections and messages keep names, whatever family who reads them is of.
    var name: [UInt8] { bytes(AddressFamily.internet6) }

    /// A kept name as a socket of a family shows it.
    static func show(_ name: [UInt8], _ family: UInt16) -> [UInt8] {
        guard family == AddressFamily.internet, let endpoint = try? Endpoint(name) else { return name }
        return endpoint.bytes(family)
    }
}
