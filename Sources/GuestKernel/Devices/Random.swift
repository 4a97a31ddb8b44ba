import GuestNucleus

/// The kernel's random generator: ChaCha20 under a key that every request replaces ("fast key erasure": the first half
/// block of each request's key stream is the next key), so that what was handed out cannot be computed from memory later.
/// Seeded once, from the boot page's 256 bits, which the host made for this boot only.
enum Random {
    /// One key serves at most this many bytes: the 32-bit block counter must not come round.
    private static let bytesPerKey = 1 << 30

    // SAFETY: see Frames.
    nonisolated(unsafe) private static var key = InlineArray<8, UInt32>(repeating: 0)
    nonisolated(unsafe) private static var isSeeded = false

    /// Takes the 32 bytes at `seed` and erases them there.
    static func start(seed: UnsafeMutableRawPointer) {
        for i in 0..<8 { key[i] = seed.loadUnaligned(fromByteOffset: i * 4, as: UInt32.self) }
        wide_zero(seed, 32)
        isSeeded = true
    }

    /// Mixes further entropy into the key (the entropy device, a restored template, a write to /dev/random).
    static func mix(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset < bytes.count {
            for i in 0..<32 where offset + i < bytes.count {
                key[i / 4] ^= UInt32(bytes[offset + i]) << UInt32(i % 4 * 8)
            }
            offset += 32
            // One block under the mixed key: every old bit now affects every new one.
            key = nextKey()
        }
    }

    /// Fills `buffer` with random bytes. Never waits, never fails; a kernel that was not seeded panics.
    static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        guard isSeeded else { panic("random numbers were asked for before the generator was seeded") }
        var done = 0
        while done < buffer.count {
            let count = min(buffer.count - done, bytesPerKey)
            fillPart(UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)]))
            done += count
        }
    }

    static func next() -> UInt64 {
        var value: UInt64 = 0
        withUnsafeMutableBytes(of: &value) { fill($0) }
        return value
    }

    private static func nextKey() -> InlineArray<8, UInt32> {
        var cipher = ChaCha20(key: key, counter: 0, nonce: (0, 0, 0))
        return firstHalf(of: cipher.nextBlock())
    }

    private static func firstHalf(of block: InlineArray<16, UInt32>) -> InlineArray<8, UInt32> {
        var half = InlineArray<8, UInt32>(repeating: 0)
        for i in 0..<8 { half[i] = block[i] }
        return half
    }

    private static func fillPart(_ buffer: UnsafeMutableRawBufferPointer) {
        var cipher = ChaCha20(key: key, counter: 0, nonce: (0, 0, 0))
        var block = cipher.nextBlock()
        key = firstHalf(of: block)
        // What is left of the first block serves a small request; a larger one takes blocks of its own.
        var done = copy(block, from: 32, into: buffer, at: 0)
        while done < buffer.count {
            block = cipher.nextBlock()
            done += copy(block, from: 0, into: buffer, at: done)
        }
    }

    private static func copy(
        _ block: InlineArray<16, UInt32>, from start: Int, into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) -> Int {
        let count = min(ChaCha20.blockBytes - start, buffer.count - offset)
        guard count > 0, let base = buffer.baseAddress else { return 0 }
        withUnsafeBytes(of: block) { bytes in
            guard let source = bytes.baseAddress else { return }
            wide_copy(base + offset, source + start, UInt64(count))
        }
        return count
    }
}
