/// The ChaCha20 block function (RFC 8439 §2.3), in 32-bit arithmetic: the kernel has no vector registers of its own.
struct ChaCha20 {
    static let blockBytes = 64

    private var state: InlineArray<16, UInt32>

    /// - Parameters:
    ///   - key: 32 bytes as eight little-endian words.
    ///   - nonce: 12 bytes as three little-endian words.
    init(key: InlineArray<8, UInt32>, counter: UInt32, nonce: (UInt32, UInt32, UInt32)) {
        state = InlineArray(repeating: 0)
        // "expand 32-byte k"
        state[0] = 0x6170_7865
        state[1] = 0x3320_646E
        state[2] = 0x7962_2D32
        state[3] = 0x6B20_6574
        for i in 0..<8 { state[4 + i] = key[i] }
        state[12] = counter
        state[13] = nonce.0
        state[14] = nonce.1
        state[15] = nonce.2
    }

    /// The next 64 bytes of key stream as 16 little-endian words; the counter moves on.
    mutating func nextBlock() -> InlineArray<16, UInt32> {
        var x = state
        for _ in 0..<10 {
            Self.quarterRound(&x, 0, 4, 8, 12)
            Self.quarterRound(&x, 1, 5, 9, 13)
            Self.quarterRound(&x, 2, 6, 10, 14)
            Self.quarterRound(&x, 3, 7, 11, 15)
            Self.quarterRound(&x, 0, 5, 10, 15)
            Self.quarterRound(&x, 1, 6, 11, 12)
            Self.quarterRound(&x, 2, 7, 8, 13)
            Self.quarterRound(&x, 3, 4, 9, 14)
        }
        for i in 0..<16 { x[i] &+= state[i] }
        state[12] &+= 1
        return x
    }

    @inline(__always)
    private static func quarterRound(
        _ x: inout InlineArray<16, UInt32>, _ a: Int, _ b: Int, _ c: Int, _ d: Int
    ) {
        x[a] &+= x[b]
        x[d] = rotated(x[d] ^ x[a], 16)
        x[c] &+= x[d]
        x[b] = rotated(x[b] ^ x[c], 12)
        x[a] &+= x[b]
        x[d] = rotated(x[d] ^ x[a], 8)
        x[c] &+= x[d]
        x[b] = rotated(x[b] ^ x[c], 7)
    }

    @inline(__always)
    private static func rotated(_ value: UInt32, _ bits: UInt32) -> UInt32 {
        value << bits | value >> (32 - bits)
    }
}
