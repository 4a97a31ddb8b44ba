/// Writes JSON (RFC 8259) without any library, as UTF-8. The caller keeps objects and arrays balanced by closures.
///
/// A job's output is 32 MiB of bytes that its author chose, and six times that as JSON: it is written at the speed of memory,
/// and where there is a `sink`, never more than a piece of it is held.
struct JSONWriter {
    /// What has been written; with a sink, what it has not got yet.
    private(set) var bytes: [UInt8] = []
    var text: String { String(decoding: bytes, as: UTF8.self) }
    private var needsComma = false
    private let sink: (([UInt8]) -> Void)?

    /// Bytes of input that are encoded at a time, and of output after which the sink gets them.
    private static let pieceBytes = 48 << 10

    /// - Parameter sink: Gets what is written, piece by piece; the rest with `finish()`.
    init(sink: (([UInt8]) -> Void)? = nil) { self.sink = sink }

    /// Text that is no value: what stands before or behind it.
    mutating func raw(_ text: String) { bytes += text.utf8 }

    /// Hands on what is left.
    mutating func finish() {
        guard let sink, !bytes.isEmpty else { return }
        sink(bytes)
        bytes.removeAll(keepingCapacity: true)
    }

    private mutating func handOn() {
        if bytes.count >= Self.pieceBytes { finish() }
    }

    mutating func object(_ body: (inout JSONWriter) -> Void) {
        separate()
        raw("{")
        needsComma = false
        body(&self)
        raw("}")
        needsComma = true
    }

    mutating func array(_ body: (inout JSONWriter) -> Void) {
        separate()
        raw("[")
        needsComma = false
        body(&self)
        raw("]")
        needsComma = true
    }

    mutating func key(_ name: String) {
        string(name)
        raw(":")
        needsComma = false
    }

    mutating func string(_ value: String) {
        separate()
        raw("\"")
        var value = value
        value.withUTF8 { escape($0) }
        raw("\"")
        needsComma = true
    }

    /// Bytes as text; what is not UTF-8 becomes U+FFFD. - Returns: whether the text says exactly these bytes.
    @discardableResult
    mutating func string(_ value: [UInt8]) -> Bool {
        separate()
        raw("\"")
        var isExact = true
        var start = 0
        while start < value.count {
            let end = Self.pieceEnd(of: value, from: start)
            var text = String(decoding: value[start..<end], as: UTF8.self)
            text.withUTF8 { utf8 in
                if !utf8.elementsEqual(value[start..<end]) { isExact = false }
                escape(utf8)
            }
            handOn()
            start = end
        }
        raw("\"")
        needsComma = true
        return isExact
    }

    /// Where the next piece ends: never within a character, whose continuation bytes are at most three.
    private static func pieceEnd(of value: [UInt8], from start: Int) -> Int {
        let end = start + pieceBytes
        guard end < value.count else { return value.count }
        let cut = (end - 3...end).last { value[$0] & 0xc0 != 0x80 }
        return cut ?? end
    }

    /// Bytes in base64 (RFC 4648 §4), as a string.
    mutating func base64(_ value: [UInt8]) {
        separate()
        raw("\"")
        // A multiple of three, so that only the last piece is padded.
        for start in stride(from: 0, to: value.count, by: Self.pieceBytes) {
            bytes += Base64.encoded(value[start..<min(start + Self.pieceBytes, value.count)])
            handOn()
        }
        raw("\"")
        needsComma = true
    }

    private static let hexadecimalDigits = Array("0123456789abcdef".utf8)

    private mutating func escape(_ text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        for (index, byte) in text.enumerated() {
            if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte != 0x7f { continue }
            bytes += text[start..<index]
            start = index + 1
            bytes.append(UInt8(ascii: "\\"))
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
            case 0x0a: bytes.append(UInt8(ascii: "n"))
            case 0x0d: bytes.append(UInt8(ascii: "r"))
            case 0x09: bytes.append(UInt8(ascii: "t"))
            default:
                bytes.append(UInt8(ascii: "u"))
                bytes.append(UInt8(ascii: "0"))
                bytes.append(UInt8(ascii: "0"))
                bytes.append(Self.hexadecimalDigits[Int(byte >> 4)])
                bytes.append(Self.hexadecimalDigits[Int(byte & 15)])
            }
        }
        bytes += text[start...]
    }

    mutating func number(_ value: some BinaryInteger) {
        separate()
        raw("\(value)")
        needsComma = true
    }

    /// Rounded to thousandths.
    mutating func decimal(_ value: Double) {
        separate()
        let thousandths = UInt64(max(0, value * 1000).rounded())
        let fraction = "\(1000 + thousandths % 1000)".dropFirst()
        raw("\(thousandths / 1000).\(fraction)")
        needsComma = true
    }

    mutating func boolean(_ value: Bool) {
        separate()
        raw(value ? "true" : "false")
        needsComma = true
    }

    mutating func null() {
        separate()
        raw("null")
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { raw(",") }
    }

    // The same with a key in front; an absent value is null.
    mutating func object(_ name: String, _ body: (inout JSONWriter) -> Void) {
        key(name)
        object(body)
    }

    mutating func array(_ name: String, _ body: (inout JSONWriter) -> Void) {
        key(name)
        array(body)
    }

    mutating func string(_ name: String, _ value: String?) {
        key(name)
        if let value { string(value) } else { null() }
    }

    mutating func number(_ name: String, _ value: (some BinaryInteger)?) {
        key(name)
        if let value { number(value) } else { null() }
    }

    mutating func boolean(_ name: String, _ value: Bool) {
        key(name)
        boolean(value)
    }

    mutating func decimal(_ name: String, _ value: Double?) {
        key(name)
        if let value { decimal(value) } else { null() }
    }
}
