/// The input as a source of decisions: each taken from the front, 0 when nothing is left, so that every prefix of an input
/// is an input too.
struct FuzzInput {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isEmpty: Bool { rest.isEmpty }
    var count: Int { rest.count }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }
    mutating func flag() -> Bool { byte() & 1 == 1 }

    mutating func integer<Value: FixedWidthInteger>(_: Value.Type = Value.self) -> Value {
        var value: Value = 0
        for index in 0..<Value.bitWidth / 8 {
            value |= Value(truncatingIfNeeded: UInt64(byte()) << UInt64(8 * index))
        }
        return value
    }

    /// 0 to `limit - 1`.
    mutating func below(_ limit: Int) -> Int {
        Int(limit > 256 ? integer(UInt16.self) : UInt16(byte())) % limit
    }

    mutating func choose<Value>(_ values: [Value]) -> Value { values[below(values.count)] }

    /// At most `maximum` bytes, as many as the next byte (or two, for more than 255) says.
    mutating func bytes(atMost maximum: Int) -> [UInt8] {
        let count = min(below(maximum + 1), rest.count)
        defer { rest.removeFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func remainder() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }

    /// A number that likes the edges: small, just below or above a power of two, the largest, or any.
    mutating func number() -> UInt64 {
        let kind = byte()
        switch kind >> 6 {
        case 0: return UInt64(kind & 0x3F)
        case 1: return (1 as UInt64) << UInt64(kind & 0x3F)
        case 2: return ((1 as UInt64) << UInt64(kind & 0x3F)) &- UInt64(byte() & 3) &- 1
        default: return kind == 0xFF ? .max &- UInt64(byte()) : integer(UInt64.self) >> UInt64(kind & 0x3F)
        }
    }
}
