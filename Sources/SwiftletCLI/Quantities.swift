/// Sizes and durations as users write them.
enum Quantities {
    /// Bytes: a number with an optional K, M, G or T (powers of 1024; `KiB`, `kb` and the like mean the same).
    static func bytes(_ text: String) throws(UsageError) -> UInt64 {
        let (number, unit) = try split(text, example: "64M")
        let exponent: UInt64
        switch unit.lowercased() {
        case "", "b": exponent = 0
        case "k", "kb", "kib": exponent = 10
        case "m", "mb", "mib": exponent = 20
        case "g", "gb", "gib": exponent = 30
        case "t", "tb", "tib": exponent = 40
        default: throw UsageError("\"\(text)\" is not a size; write for example 64M (units K, M, G, T)")
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << exponent)
        guard !overflow else { throw UsageError("\"\(text)\" is too large") }
        return bytes
    }

    /// Nanoseconds: a number with us, ms, s, m or h; seconds if there is none. It may have a fraction, as `1.5s`.
    static func nanoseconds(_ text: String) throws(UsageError) -> UInt64 {
        let (whole, rest) = try split(text, example: "30s")
        var fraction: Substring = ""
        var unit = rest
        if rest.first == "." {
            fraction = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
            unit = rest.dropFirst(fraction.count + 1)
            guard !fraction.isEmpty else { throw UsageError("\"\(text)\" has no digits behind its point") }
        }
        let factor: UInt64
        switch unit {
        case "us": factor = 1_000
        case "ms": factor = 1_000_000
        case "", "s": factor = 1_000_000_000
        case "m", "min": factor = 60 * 1_000_000_000
        case "h": factor = 3_600 * 1_000_000_000
        default: throw UsageError("\"\(text)\" is not a duration; write for example 30s (units ms, s, m, h)")
        }
        let (nanoseconds, overflow) = whole.multipliedReportingOverflow(by: factor)
        // A hundred years is no limit at all, and keeps every sum with a clock far from overflow.
        guard !overflow, nanoseconds < 100 * 365 * 24 * 3_600 * 1_000_000_000 else {
            throw UsageError("\"\(text)\" is too long")
        }
        // Digits beyond the sixth are less than anything here measures, and six keep the product below 2^64.
        var part: UInt64 = 0
        var divisor: UInt64 = 1
        for digit in fraction.prefix(6).utf8 {
            part = part * 10 + UInt64(digit - UInt8(ascii: "0"))
            divisor *= 10
        }
        return nanoseconds + part * factor / divisor
    }

    private static func split(
        _ text: String, example: String
    ) throws(UsageError) -> (number: UInt64, unit: Substring) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty else {
            throw UsageError("\"\(text)\" is not a number with a unit; write for example \(example)")
        }
        guard let number = UInt64(digits) else { throw UsageError("\"\(text)\" is too large") }
        return (number, text[digits.endIndex...])
    }
}
