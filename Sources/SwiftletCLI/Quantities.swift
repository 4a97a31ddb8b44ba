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

    /// Nanoseconds: a number with ms, s, m or h; seconds if there is none.
    static func nanoseconds(_ text: String) throws(UsageError) -> UInt64 {
        let (number, unit) = try split(text, example: "30s")
        let factor: UInt64
        switch unit {
        case "us": factor = 1_000
        case "ms": factor = 1_000_000
        case "", "s": factor = 1_000_000_000
        case "m", "min": factor = 60 * 1_000_000_000
        case "h": factor = 3_600 * 1_000_000_000
        default: throw UsageError("\"\(text)\" is not a duration; write for example 30s (units ms, s, m, h)")
        }
        let (nanoseconds, overflow) = number.multipliedReportingOverflow(by: factor)
        // A hundred years is no limit at all, and keeps every sum with a clock far from overflow.
        guard !overflow, nanoseconds < 100 * 365 * 24 * 3_600 * 1_000_000_000 else {
            throw UsageError("\"\(text)\" is too long")
        }
        return nanoseconds
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
