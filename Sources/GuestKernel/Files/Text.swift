/// Text put together as bytes: paths, and what /proc shows.
struct Text {
    var bytes: [UInt8] = []

    init() {}
    init(_ text: StaticString) { add(text) }

    static func bytes(_ text: StaticString) -> [UInt8] { Text(text).bytes }

    mutating func add(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func add(_ text: [UInt8]) { bytes.append(contentsOf: text) }
    mutating func add(byte: UInt8) { bytes.append(byte) }

    mutating func add(_ value: UInt64, base: UInt64 = 10, width: Int = 0, padding: UInt8 = UInt8(ascii: " "))
    {
        var digits = InlineArray<24, UInt8>(repeating: 0)
        var rest = value
        var count = 0
        repeat {
            let digit = UInt8(rest % base)
            digits[count] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            rest /= base
            count += 1
        } while rest > 0
        if width > count { bytes.append(contentsOf: repeatElement(padding, count: width - count)) }
        for i in 0..<count { bytes.append(digits[count - 1 - i]) }
    }

    mutating func add(_ value: Int64) {
        if value < 0 { add(byte: UInt8(ascii: "-")) }
        add(value.magnitude)
    }

    /// A line of /proc/meminfo, smaps and their like: at least one space between the name and its number, however long
    /// both are.
    mutating func add(line name: StaticString, kibibytes: UInt64) {
        add(name)
        let padding = max(1, 16 - name.utf8CodeUnitCount)
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: padding))
        add(kibibytes, width: 8)
        add(" kB\n")
    }

    mutating func add(hex value: UInt64, width: Int = 0) {
        add(value, base: 16, width: width, padding: UInt8(ascii: "0"))
    }

    mutating func add(octal value: UInt64, width: Int = 0) {
        add(value, base: 8, width: width, padding: UInt8(ascii: "0"))
    }
}

extension ArraySlice<UInt8> {
    /// Whether these bytes are `text`.
    func equals(_ text: StaticString) -> Bool {
        elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// The number these bytes spell in decimal, or nil.
    var decimal: UInt64? {
        guard !isEmpty, count <= 19 else { return nil }
        var value: UInt64 = 0
        for byte in self {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
        }
        return value
    }
}
