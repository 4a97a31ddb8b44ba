/// A JSON value (RFC 8259), read without any library: a batch's line is small, and Foundation would cost every start of
/// `swiftlet` more than a whole job may take (docs/decisions.md).
enum JSONValue: Equatable {
    case null
    case boolean(Bool)
    /// As written: what it is to mean is for the option that takes it.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// In order. A name that stands twice is refused by the reader.
    case object([Member])

    struct Member: Equatable {
        let name: String
        let value: JSONValue
    }

    /// What kind of value this is, for messages.
    var kind: String {
        switch self {
        case .null: "null"
        case .boolean: "true or false"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// Why a text is no JSON. `offset` counts bytes from the start of the text.
struct JSONError: Error, Equatable, CustomStringConvertible {
    let offset: Int
    let problem: String

    var description: String { "not JSON at byte \(offset + 1): \(problem)" }
}

/// Reads one value that fills the whole text. Strict: what the standard does not allow is an error, and so are two members
/// of one name and half a surrogate pair, of which nobody knows what they mean.
struct JSONReader {
    private let bytes: [UInt8]
    private var position = 0

    /// Deeper nesting is refused: recursion would end at the end of the stack. A job needs two levels.
    private static let maximumDepth = 16

    static func value(of bytes: [UInt8]) throws(JSONError) -> JSONValue {
        var reader = JSONReader(bytes: bytes)
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.position == bytes.count else { throw reader.error("more text behind the value") }
        return value
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func error(_ problem: String) -> JSONError { JSONError(offset: position, problem: problem) }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth < Self.maximumDepth else { throw error("nested more than \(Self.maximumDepth) deep") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || Self.isDigit(byte): return .number(try number())
        case nil: throw error("the text ends where a value should begin")
        default: throw error("no value begins like this")
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else { throw error("no value begins like this") }
        position += word.utf8.count
        return value
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        position += 1
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        skipSpace()
        if take("}") { return .object([]) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw error("a member's name in quotes should be here") }
            let name = try string()
            guard names.insert(name).inserted else { throw error("\"\(name)\" stands here twice") }
            skipSpace()
            guard take(":") else { throw error("a colon should be here") }
            members.append(.init(name: name, value: try value(depth: depth + 1)))
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw error("a comma or } should be here") }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        position += 1
        var elements: [JSONValue] = []
        skipSpace()
        if take("]") { return .array([]) }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return .array(elements) }
            guard take(",") else { throw error("a comma or ] should be here") }
        }
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = next, Self.isDigit(byte) { position += 1 }
        return position - start
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private mutating func number() throws(JSONError) -> String {
        let start = position
        _ = take("-")
        let startsWithZero = next == UInt8(ascii: "0")
        let count = digits()
        guard count > 0, count == 1 || !startsWithZero else { throw error("not a number of JSON") }
        if take("."), digits() == 0 { throw error("digits should be here") }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            if digits() == 0 { throw error("digits should be here") }
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }
}

// MARK: - Strings

extension JSONReader {
    private mutating func string() throws(JSONError) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw error("the string before is not UTF-8")
                }
                position += 1
                return string
            case UInt8(ascii: "\\"):
                position += 1
                text += try escaped()
            case 0..<0x20:
                throw error("a control character must be escaped")
            default:
                text.append(byte)
                position += 1
            }
        }
        throw error("the string does not end")
    }

    /// Behind a backslash.
    private mutating func escaped() throws(JSONError) -> [UInt8] {
        guard let byte = next else { throw error("the string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(try escapedScalar()).utf8)
        default: throw error("no such escape")
        }
    }

    private mutating func escapedScalar() throws(JSONError) -> Character {
        var code = try fourHexadecimalDigits()
        if (0xd800..<0xdc00).contains(code) {
            guard take("\\"), take("u") else { throw error("half a surrogate pair") }
            let low = try fourHexadecimalDigits()
            guard (0xdc00..<0xe000).contains(low) else { throw error("half a surrogate pair") }
            code = 0x1_0000 + (code - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw error("half a surrogate pair") }
        return Character(scalar)
    }

    private mutating func fourHexadecimalDigits() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80
            else {
                throw error("four hexadecimal digits should be here")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }
}
