/// Network interfaces.
enum NetworkInterface {
    /// Loopback's.
    static let index = 1

    static func control(_ request: UInt32, _ argument: UInt64, _ space: AddressSpace) throws(Errno) -> Int {
        throw .notTerminal
    }
}
