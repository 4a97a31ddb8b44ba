/// C structures of the socket calls as bytes: little-endian numbers, and those in network order.
extension Array where Element == UInt8 {
    init<Value: FixedWidthInteger & BitwiseCopyable>(of value: Value) {
        self = []
        append(number: value)
    }

    mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(number value: Value) {
        var rest = value
        for _ in 0..<MemoryLayout<Value>.size {
            append(UInt8(truncatingIfNeeded: rest))
            if MemoryLayout<Value>.size > 1 { rest >>= 8 }
        }
    }

    mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(networkOrder value: Value) {
        append(number: value.byteSwapped)
    }

    /// The number at `offset`; 0 where the array ends before it does.
    func load<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type, at offset: Int) -> Value {
        let size = MemoryLayout<Value>.size
        guard offset >= 0, offset <= count - size else { return 0 }
        var value: Value = 0
        for i in (0..<size).reversed() {
            if size > 1 { value <<= 8 }
            value |= Value(truncatingIfNeeded: self[offset + i])
        }
        return value
    }

    func load<Value: FixedWidthInteger & BitwiseCopyable>(networkOrder: Value.Type, at offset: Int) -> Value {
        load(Value.self, at: offset).byteSwapped
    }

    /// Zeroes up to the next multiple of `alignment`.
    mutating func pad(to alignment: Int) {
        while count % alignment != 0 { append(0 as UInt8) }
    }
}
