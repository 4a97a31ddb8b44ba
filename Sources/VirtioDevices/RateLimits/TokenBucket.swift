/// A bucket of tokens that fills at a steady rate up to a size; a token is a byte, or an operation.
///
/// Whoever finds a token in it may take more than there are: the debt delays the next one. So the rate holds for requests of
/// any size, larger than the bucket too, and nothing is ever cut. Kept as one instant, when the bucket is full again; there
/// is no level that must be refilled, and nothing to add up wrongly however long nobody looks.
public struct TokenBucket: Equatable, Sendable {
    public let tokensPerSecond: UInt64
    /// Tokens in the full bucket: what may come at once after a pause.
    public let size: UInt64
    /// How far from full the bucket may be and still have a token.
    private let roomNanoseconds: UInt64
    /// 0: it has not been used.
    private var fullAt: UInt64 = 0

    /// Full at first. Nil: a rate or a size of 0, with which nothing would ever pass.
    public init?(tokensPerSecond: UInt64, size: UInt64) {
        guard tokensPerSecond > 0, size > 0 else { return nil }
        self.tokensPerSecond = tokensPerSecond
        self.size = size
        roomNanoseconds =
            Self.nanoseconds(size, tokensPerSecond) - Self.nanoseconds(1, tokensPerSecond)
    }

    /// The size that a rate alone means: the tokens of a tenth of a second, at least one.
    public init?(tokensPerSecond: UInt64) {
        self.init(tokensPerSecond: tokensPerSecond, size: max(1, tokensPerSecond / 10))
    }

    /// Nanoseconds from `now` on until there is a token; 0: there is one.
    public func wait(at now: UInt64) -> UInt64 {
        let missing = fullAt > now ? fullAt - now : 0
        return missing - min(missing, roomNanoseconds)
    }

    /// How many to take at a time for an even flow, or 0 until `wait` is over.
    func allowance(at now: UInt64) -> Int {
        wait(at: now) == 0 ? Int(clamping: size) : 0
    }

    /// Takes tokens, into debt if need be. Only when `wait` is 0.
    public mutating func take(_ tokens: UInt64, at now: UInt64) {
        let (sum, overflow) = max(fullAt, now).addingReportingOverflow(
            Self.nanoseconds(tokens, tokensPerSecond))
        fullAt = overflow ? .max : sum
    }

    /// How long it takes for so many tokens to come. Rounded up, or a rate of more than a token a nanosecond would be none.
    private static func nanoseconds(_ tokens: UInt64, _ tokensPerSecond: UInt64) -> UInt64 {
        let (high, low) = tokens.multipliedFullWidth(by: 1_000_000_000)
        guard high < tokensPerSecond else { return .max }
        let (quotient, remainder) = tokensPerSecond.dividingFullWidth((high, low))
        return remainder > 0 && quotient < .max ? quotient + 1 : quotient
    }
}
