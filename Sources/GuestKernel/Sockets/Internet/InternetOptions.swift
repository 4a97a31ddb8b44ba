/// Options of IP that are more than a number to keep.
enum InternetOptions {
    static let ipv6Only: Int32 = 26

    static func get(_ level: Int32, _ name: Int32, _ socket: Socket) throws(Errno) -> [UInt8]? {
        switch (level, name) {
        case (OptionLevel.ip, 4): return []  // IP_OPTIONS: none
        case (OptionLevel.ip, 14), (OptionLevel.ipv6, 24): return [UInt8](of: Int32(65536))  // MTU
        case (OptionLevel.ip, 32): return [UInt8](of: UInt32(0))  // IP_MULTICAST_IF
        case (OptionLevel.ipv6, 17): return [UInt8](of: UInt32(0))  // IPV6_MULTICAST_IF
        case (OptionLevel.socket, 25): return []  // SO_BINDTODEVICE: to none
        default: return nil
        }
    }

    static func set(_ level: Int32, _ name: Int32, _ value: [UInt8], _ socket: Socket, isBound: Bool)
        throws(Errno)
        -> Bool
    {
        switch (level, name) {
        case (OptionLevel.ipv6, ipv6Only):
            if isBound { throw .invalidArgument }
            return false
        case (OptionLevel.ip, 35), (OptionLevel.ip, 36), (OptionLevel.ip, 39), (OptionLevel.ip, 32),
            (OptionLevel.ipv6, 20), (OptionLevel.ipv6, 21), (OptionLevel.ipv6, 17):
            // Groups, and the interface for them: loopback is none for multicast.
            throw .noSuchDevice
        case (OptionLevel.socket, 25):  // SO_BINDTODEVICE
            let device = value.prefix { $0 != 0 }
            guard device.isEmpty || device.equals("lo") else { throw .noSuchDevice }
            return true
        default: return false
        }
    }
}
