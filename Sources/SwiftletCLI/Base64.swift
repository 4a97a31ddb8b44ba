/// Bytes as text that any JSON can carry (RFC 4648 §4).
enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")

    static func encoded(_ bytes: some RandomAccessCollection<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var group: UInt32 = 0
        var filled = 0
        for byte in bytes {
            group = group << 8 | UInt32(byte)
            filled += 1
            if filled == 3 {
                append(group, 4, to: &text)
                (group, filled) = (0, 0)
            }
        }
        if filled > 0 {
            append(group << UInt32(8 * (3 - filled)), filled + 1, to: &text)
            text += Array(repeating: padding, count: 3 - filled)
        }
        return text
    }

    /// The first `count` of the four digits of 24 bits.
    private static func append(_ group: UInt32, _ count: Int, to text: inout [UInt8]) {
        for index in 0..<count { text.append(digits[Int(group >> UInt32(18 - 6 * index) & 63)]) }
    }
}
