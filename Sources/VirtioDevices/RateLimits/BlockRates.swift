/// How fast a disk may be read and written. Each limit is one of its own; a request waits for all that concern it.
public struct BlockRates: Equatable, Sendable {
    /// A second each; nil: no limit.
    public var readBytes: UInt64?
    public var writeBytes: UInt64?
    public var readOperations: UInt64?
    public var writeOperations: UInt64?

    public init() {}

    public var isUnlimited: Bool { self == BlockRates() }
}

/// A disk's buckets.
struct BlockLimiter {
    enum Direction { case read, write }

    private var readBytes: TokenBucket?
    private var writeBytes: TokenBucket?
    private var readOperations: TokenBucket?
    private var writeOperations: TokenBucket?

    init(_ rates: BlockRates) {
        func bucket(_ rate: UInt64?) -> TokenBucket? { rate.flatMap { TokenBucket(tokensPerSecond: $0) } }
        readBytes = bucket(rates.readBytes)
        writeBytes = bucket(rates.writeBytes)
        readOperations = bucket(rates.readOperations)
        writeOperations = bucket(rates.writeOperations)
    }

    /// Takes what a request costs, and returns 0; or, if it must wait, takes nothing and returns the nanoseconds until then.
    mutating func admit(_ direction: Direction, bytes: Int, at now: UInt64) -> UInt64 {
        switch direction {
        case .read: Self.admit(&readBytes, &readOperations, bytes, now)
        case .write: Self.admit(&writeBytes, &writeOperations, bytes, now)
        }
    }

    private static func admit(
        _ bytes: inout TokenBucket?, _ operations: inout TokenBucket?, _ count: Int, _ now: UInt64
    ) -> UInt64 {
        let wait = max(bytes?.wait(at: now) ?? 0, operations?.wait(at: now) ?? 0)
        if wait == 0 {
            bytes?.take(UInt64(count), at: now)
            operations?.take(1, at: now)
        }
        return wait
    }
}
