/// A guest-physical address, in bytes.
public struct GuestAddress: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    public var rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public init(_ value: UInt64) { rawValue = value }

    public static func < (left: GuestAddress, right: GuestAddress) -> Bool { left.rawValue < right.rawValue }

    /// The address `count` bytes further on, or nil past 2^64.
    public func advanced(by count: UInt64) -> GuestAddress? {
        let (sum, overflow) = rawValue.addingReportingOverflow(count)
        return overflow ? nil : GuestAddress(sum)
    }

    public var description: String { "0x" + String(rawValue, radix: 16) }
}

/// Why an access to guest memory was refused. Always the guest's fault when the address came from the guest.
public enum GuestMemoryError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Some of the bytes are not in RAM: past its end, in the MMIO hole, or beyond 2^64.
    case outsideRAM(GuestAddress, count: UInt64)
    case misaligned(GuestAddress, alignment: Int)

    public var description: String {
        switch self {
        case .outsideRAM(let address, let count): "\(count) bytes at \(address) are not all in guest RAM"
        case .misaligned(let address, let alignment): "\(address) is not \(alignment)-byte aligned"
        }
    }
}

/// A C struct whose every bit pattern is a value and which has no padding, so that it may be read from guest
/// memory as it is and written there without leaking host bytes. Only for UAPI structs imported through
/// `CLinux`, and integers.
///
/// Not a refinement of `BitwiseCopyable`: the compiler (6.3) refuses that conformance for imported structs
/// from outside the importing module. It would promise too little anyway: a `Bool` is bitwise copyable and
/// not every bit pattern is one.
public protocol GuestLayout {
    init()
}

extension UInt8: GuestLayout {}
extension UInt16: GuestLayout {}
extension UInt32: GuestLayout {}
extension UInt64: GuestLayout {}
