/// A path, or another text that the kernel takes up to its NUL.
struct Path: ExpressibleByStringLiteral {
    /// With the NUL.
    private let bytes: [UInt8]

    init(stringLiteral text: StaticString) { self.init(Text.bytes(text)) }

    /// - Parameter text: without a NUL; JobWire lets none through.
    init(_ text: [UInt8]) { bytes = text + [0] }

    var text: [UInt8] { Array(bytes.dropLast()) }

    @discardableResult
    func withArgument<Result>(_ body: (Int) throws(Errno) -> Result) throws(Errno) -> Result {
        try bytes.withUnsafeBufferPointer { (buffer) throws(Errno) -> Result in
            try body(Int(bitPattern: buffer.baseAddress))
        }
    }
}

/// Text as bytes: what init reads below /proc, and what it says when it cannot go on.
enum Text {
    static func bytes(_ text: StaticString) -> [UInt8] {
        Array(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    static func decimal(_ value: UInt64) -> [UInt8] {
        var digits: [UInt8] = []
        var rest = value
        repeat {
            digits.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        return digits.reversed()
    }

    /// With 0x in front, as /proc has it.
    static func hexadecimal(_ text: ArraySlice<UInt8>) -> UInt64? {
        let digits = bytes("0123456789abcdef")
        guard text.starts(with: bytes("0x")), (3...18).contains(text.count) else { return nil }
        var value: UInt64 = 0
        for byte in text.dropFirst(2) {
            guard let digit = digits.firstIndex(of: byte) else { return nil }
            value = value << 4 | UInt64(digit)
        }
        return value
    }

    /// A random UUID as RFC 9562 writes it, of version 4.
    static func uuid(_ random: InlineArray<16, UInt8>) -> [UInt8] {
        let digits = bytes("0123456789abcdef")
        var text: [UInt8] = []
        for index in 0..<16 {
            var byte = random[index]
            if index == 6 { byte = byte & 0x0f | 0x40 }
            if index == 8 { byte = byte & 0x3f | 0x80 }
            if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return text
    }

    /// The number behind `name` and blanks, at the beginning of a line: /proc/vmstat, /proc/stat, pids.events.
    static func number(named name: StaticString, in text: [UInt8]) -> UInt64? {
        let name = bytes(name)
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " "))
            guard words.count >= 2, words[0].elementsEqual(name) else { continue }
            return number(words[1])
        }
        return nil
    }

    static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        guard !digits.isEmpty, digits.count <= 19 else { return nil }
        var value: UInt64 = 0
        for byte in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
        }
        return value
    }
}
