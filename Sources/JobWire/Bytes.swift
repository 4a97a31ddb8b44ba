// Little-endian integers in byte arrays. Written out because Embedded Swift has no Foundation and no existentials.

extension [UInt8] {
    /// Appends `value`, least significant byte first.
    mutating func append<Value: FixedWidthInteger>(_ value: Value) {
        for index in 0..<(Value.bitWidth / 8) {
            append(UInt8(truncatingIfNeeded: value >> Value(8 * index)))
        }
    }
}

/// Reads fields from the front of a payload. A read past the end is `badLength`, never a trap.
struct PayloadReader {
    private let type: UInt16
    private let bytes: [UInt8]
    private var offset = 0

    init(type: UInt16, _ bytes: [UInt8]) {
        self.type = type
        self.bytes = bytes
    }

    private var tooShort: WireError {
        .badLength(type: type, length: UInt32(truncatingIfNeeded: bytes.count))
    }

    mutating func integer<Value: FixedWidthInteger>(_: Value.Type) throws(WireError) -> Value {
        let size = Value.bitWidth / 8
        guard bytes.count - offset >= size else { throw tooShort }
        var value: Value = 0
        for index in 0..<size {
            value |= Value(truncatingIfNeeded: bytes[offset + index]) << Value(8 * index)
        }
        offset += size
        return value
    }

    mutating func bytes(_ count: Int) throws(WireError) -> [UInt8] {
        guard count >= 0, bytes.count - offset >= count else { throw tooShort }
        defer { offset += count }
        return Array(bytes[offset..<(offset + count)])
    }

    /// Whatever is left.
    mutating func rest() -> [UInt8] {
        defer { offset = bytes.count }
        return Array(bytes[offset...])
    }

    /// Whatever is left, as bytes without a NUL.
    mutating func restWithoutNUL() throws(WireError) -> [UInt8] {
        let text = rest()
        if text.contains(0) { throw .badValue(type: type) }
        return text
    }

    /// Whatever is left, as an absolute path.
    mutating func absolutePath() throws(WireError) -> [UInt8] {
        let path = try restWithoutNUL()
        guard path.first == UInt8(ascii: "/"), path.count <= WireLimit.path else {
            throw .badValue(type: type)
        }
        return path
    }

    /// Fails unless every byte was read.
    func end() throws(WireError) {
        if offset != bytes.count { throw tooShort }
    }
}
