import GuestNucleus

/// Where a read puts its bytes or a write takes them from: a list of pieces of a program's memory, or kernel
/// memory. It remembers how far it has come.
struct IOBuffer {
    struct Piece {
        var address: UInt64
        var count: Int
    }

    /// nil: the pieces are kernel addresses.
    private let space: AddressSpace?
    private var pieces: [Piece]
    private var first = 0
    private(set) var remaining: Int

    init(_ space: AddressSpace, _ address: UInt64, _ count: Int) {
        self.space = space
        pieces = [Piece(address: address, count: count)]
        remaining = count
    }

    init(_ space: AddressSpace, pieces: [Piece]) {
        self.space = space
        self.pieces = pieces
        remaining = pieces.reduce(0) { $0 + $1.count }
    }

    /// The caller keeps the memory alive.
    init(kernel bytes: UnsafeRawBufferPointer) {
        space = nil
        pieces = [Piece(address: UInt64(UInt(bitPattern: bytes.baseAddress)), count: bytes.count)]
        remaining = bytes.count
    }

    /// Forgets what is beyond the next `count` bytes.
    mutating func limit(to count: Int) {
        var left = max(count, 0)
        for i in first..<pieces.count {
            pieces[i].count = min(pieces[i].count, left)
            left -= pieces[i].count
        }
        remaining = min(remaining, max(count, 0))
    }

    /// Copies all of `bytes` in (a read's data), as far as room remains.
    /// - Returns: bytes copied.
    /// - Throws: `.badAddress` if nothing could be copied; a fault after some bytes ends the copy there.
    mutating func put(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        try transfer(count: bytes.count, writing: true) { piece, done in
            wide_copy(piece.baseAddress!, bytes.baseAddress! + done, UInt64(piece.count))
        }
    }

    /// One value of a type whose every bit pattern is valid.
    mutating func put<Value: BitwiseCopyable>(_ value: Value) throws(Errno) -> Int {
        var value = value
        var failure: Errno?
        var count = 0
        withUnsafeBytes(of: &value) { bytes in
            do throws(Errno) { count = try put(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
        return count
    }

    /// - Throws: `.badAddress` if less than the whole value could be had.
    mutating func take<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type) throws(Errno) -> Value {
        var value: Value = 0
        var failure: Errno?
        withUnsafeMutableBytes(of: &value) { bytes in
            do throws(Errno) {
                if try take(into: bytes) < bytes.count { failure = .badAddress }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return value
    }

    mutating func putZeros(_ count: Int) throws(Errno) -> Int {
        try transfer(count: count, writing: true) { piece, _ in
            wide_zero(piece.baseAddress!, UInt64(piece.count))
        }
    }

    /// Copies the next bytes out into `bytes` (a write's data).
    mutating func take(into bytes: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        try transfer(count: bytes.count, writing: false) { piece, done in
            wide_copy(bytes.baseAddress! + done, piece.baseAddress!, UInt64(piece.count))
        }
    }

    /// Hands the next bytes, at most `count`, to `body` in contiguous pieces without copying; `writing`: body
    /// fills them.
    mutating func transfer(
        count: Int, writing: Bool, _ body: (UnsafeMutableRawBufferPointer, Int) -> Void
    ) throws(Errno) -> Int {
        var done = 0
        let wanted = min(count, remaining)
        while done < wanted {
            let piece = pieces[first]
            if piece.count == 0 {
                first += 1
                continue
            }
            let size = min(piece.count, wanted - done)
            var moved = 0
            do {
                if let space {
                    try space.forEachPiece(of: piece.address, count: size, writing: writing) { part in
                        body(part, done + moved)
                        moved += part.count
                    }
                } else if let base = UnsafeMutableRawPointer(bitPattern: UInt(piece.address)) {
                    body(UnsafeMutableRawBufferPointer(start: base, count: size), done)
                    moved = size
                }
            } catch {
                advance(moved)
                if done + moved > 0 { return done + moved }
                throw error
            }
            advance(moved)
            done += moved
        }
        return done
    }

    private mutating func advance(_ count: Int) {
        pieces[first].address += UInt64(count)
        pieces[first].count -= count
        remaining -= count
    }
}
