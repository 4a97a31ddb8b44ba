/// Writes JSON (RFC 8259) without any library, into UTF-8 text. The caller keeps objects and arrays balanced by closures.
struct JSONWriter {
    private(set) var text = ""
    private var needsComma = false

    mutating func object(_ body: (inout JSONWriter) -> Void) {
        separate()
        text += "{"
        needsComma = false
        body(&self)
        text += "}"
        needsComma = true
    }

    mutating func array(_ body: (inout JSONWriter) -> Void) {
        separate()
        text += "["
        needsComma = false
        body(&self)
        text += "]"
        needsComma = true
    }

    mutating func key(_ name: String) {
        string(name)
        text += ":"
        needsComma = false
    }

    mutating func string(_ value: String) {
        separate()
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{0}"..."\u{1f}", "\u{7f}":
                let hexadecimal = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
        needsComma = true
    }

    /// Bytes as text; what is not UTF-8 becomes U+FFFD.
    mutating func string(_ bytes: [UInt8]) {
        string(String(decoding: bytes, as: UTF8.self))
    }

    mutating func number(_ value: some BinaryInteger) {
        separate()
        text += "\(value)"
        needsComma = true
    }

    /// Rounded to thousandths.
    mutating func decimal(_ value: Double) {
        separate()
        let thousandths = UInt64(max(0, value * 1000).rounded())
        let fraction = "\(1000 + thousandths % 1000)".dropFirst()
        text += "\(thousandths / 1000).\(fraction)"
        needsComma = true
    }

    mutating func boolean(_ value: Bool) {
        separate()
        text += value ? "true" : "false"
        needsComma = true
    }

    mutating func null() {
        separate()
        text += "null"
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { text += "," }
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
