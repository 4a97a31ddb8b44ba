import GuestMemory

/// What a driver did wrong. Always the guest's fault: it is counted and answered (an error status, a reset
/// connection, or DEVICE_NEEDS_RESET), and never traps.
public enum VirtioError: Error, Equatable, Sendable, CustomStringConvertible {
    /// An address from a ring, a descriptor or a register is not in guest RAM, or not aligned.
    case memory(GuestMemoryError)
    /// The queue size is 0, not a power of two, or above the device's maximum (virtio 1.2 §2.7).
    case queueSize(UInt32, maximum: UInt16)
    /// The driver's available index ran further ahead than the queue has entries.
    case availableIndex(UInt16, next: UInt16, size: UInt16)
    /// A head or a next field names no entry of its descriptor table.
    case descriptorIndex(UInt16, tableSize: Int)
    /// More descriptors than the queue has: a loop, or a driver that breaks §2.7.5.3.1.
    case chainTooLong(limit: Int)
    /// More than 2^32 - 1 bytes, which the used ring could not report.
    case chainTooLarge
    /// A readable descriptor after a writable one (§2.7.4.2).
    case readableAfterWritable
    /// An indirect table where none was negotiated, inside another one, empty, or of a size that is not whole
    /// entries.
    case indirectTable(String)
    /// A request has no room for what its type needs.
    case malformedRequest(String)

    public var description: String {
        switch self {
        case .memory(let error): "\(error)"
        case .queueSize(let size, let maximum): "queue size \(size) is not a power of two up to \(maximum)"
        case .availableIndex(let index, let next, let size):
            "available index \(index) is more than \(size) ahead of \(next)"
        case .descriptorIndex(let index, let tableSize):
            "descriptor \(index) is outside a table of \(tableSize)"
        case .chainTooLong(let limit): "a descriptor chain is longer than \(limit)"
        case .chainTooLarge: "a descriptor chain holds more than 4 GiB"
        case .readableAfterWritable: "a readable descriptor follows a writable one"
        case .indirectTable(let why): "indirect descriptor table: \(why)"
        case .malformedRequest(let why): "malformed request: \(why)"
        }
    }
}
