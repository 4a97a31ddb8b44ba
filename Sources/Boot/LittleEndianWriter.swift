/// Bytes of a table in guest memory, little-endian, put one behind the other.
struct LittleEndianWriter {
    private(set) var bytes: [UInt8] = []

    mutating func append<T: FixedWidthInteger>(_ value: T) {
        for shift in stride(from: 0, to: T.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> T(shift)))
        }
    }

    mutating func append(_ more: [UInt8]) { bytes += more }

    /// Exactly `count` bytes of `text`, filled up with `filler`.
    mutating func append(_ text: String, count: Int, filler: UInt8 = 0x20) {
        let kept = text.utf8.prefix(count)
        bytes += kept
        bytes += Array(repeating: filler, count: count - kept.count)
    }

    /// Makes the sum of all bytes zero by the one at `offset`, as ACPI and the MP specification want it.
    mutating func setChecksum(at offset: Int) {
        bytes[offset] = 0
        bytes[offset] = 0 &- bytes.reduce(0, &+)
    }

    mutating func set<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        for index in 0..<T.bitWidth / 8 {
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> T(8 * index))
        }
    }
}
