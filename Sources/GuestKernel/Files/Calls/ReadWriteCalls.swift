/// read(2), write(2) and their vectored and positioned forms; lseek(2).
extension FileCall {
    /// MAX_RW_COUNT: more is never moved in one call.
    static let countMaximum = 0x7FFF_F000
    private static let vectorMaximum: UInt64 = 1024

    func buffer(_ address: UInt64, _ count: UInt64) throws(Errno) -> IOBuffer {
        guard count <= UInt64(Int64.max) else { throw .invalidArgument }
        guard address <= AddressSpace.top, count <= AddressSpace.top - address else { throw .badAddress }
        return IOBuffer(space, address, Int(min(count, UInt64(Self.countMaximum))))
    }

    /// An array of `struct iovec`.
    func vector(_ address: UInt64, _ count: UInt64) throws(Errno) -> IOBuffer {
        guard count <= Self.vectorMaximum else { throw .invalidArgument }
        var pieces: [IOBuffer.Piece] = []
        pieces.reserveCapacity(Int(count))
        var left = Self.countMaximum
        for i in 0..<count {
            let base = try space.load(UInt64.self, at: address &+ i * 16)
            let length = try space.load(UInt64.self, at: address &+ (i * 16 + 8))
            guard length <= UInt64(Int64.max) else { throw .invalidArgument }
            guard base <= AddressSpace.top, length <= AddressSpace.top - base else { throw .badAddress }
            let taken = Int(min(length, UInt64(left)))
            left -= taken
            pieces.append(IOBuffer.Piece(address: base, count: taken))
        }
        return IOBuffer(space, pieces: pieces)
    }

    func offset(_ value: UInt64) throws(Errno) -> UInt64 {
        guard value <= UInt64(Int64.max) else { throw .invalidArgument }
        return value
    }

    func read(_ file: File, _ buffer: IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        guard file.isReadable else { throw .badDescriptor }
        if offset != nil && !file.isSeekable { throw .illegalSeek }
        var buffer = buffer
        let count = try file.read(&buffer, at: offset)
        process.transfers.reads &+= 1
        process.transfers.bytesRead &+= UInt64(count)
        return count
    }

    func write(_ file: File, _ buffer: IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        guard file.isWritable else { throw .badDescriptor }
        if offset != nil && !file.isSeekable { throw .illegalSeek }
        var buffer = buffer
        let count = try file.write(&buffer, at: offset)
        process.transfers.writes &+= 1
        process.transfers.bytesWritten &+= UInt64(count)
        return count
    }

    func read() throws(Errno) -> Int {
        let file = try file(arguments.a)
        return try read(file, try buffer(arguments.b, arguments.c), at: nil)
    }

    func write() throws(Errno) -> Int {
        let file = try file(arguments.a)
        return try write(file, try buffer(arguments.b, arguments.c), at: nil)
    }

    func positionedRead() throws(Errno) -> Int {
        let file = try file(arguments.a)
        let offset = try offset(arguments.d)
        return try read(file, try buffer(arguments.b, arguments.c), at: offset)
    }

    func positionedWrite() throws(Errno) -> Int {
        let file = try file(arguments.a)
        let offset = try offset(arguments.d)
        return try write(file, try buffer(arguments.b, arguments.c), at: offset)
    }

    func vectoredRead() throws(Errno) -> Int {
        let file = try file(arguments.a)
        return try read(file, try vector(arguments.b, arguments.c), at: nil)
    }

    func vectoredWrite() throws(Errno) -> Int {
        let file = try file(arguments.a)
        return try write(file, try vector(arguments.b, arguments.c), at: nil)
    }

    /// preadv(2), preadv2(2): there an offset of -1 means the position. Of the RWF_ flags those are known that
    /// cannot matter here: HIPRI, DSYNC, SYNC, and NOWAIT for files, which never keep a reader waiting long.
    func positionedVectoredRead(hasFlags: Bool) throws(Errno) -> Int {
        let file = try file(arguments.a)
        return try read(file, try vector(arguments.b, arguments.c), at: try vectorOffset(hasFlags: hasFlags))
    }

    func positionedVectoredWrite(hasFlags: Bool) throws(Errno) -> Int {
        let file = try file(arguments.a)
        return try write(file, try vector(arguments.b, arguments.c), at: try vectorOffset(hasFlags: hasFlags))
    }

    private func vectorOffset(hasFlags: Bool) throws(Errno) -> UInt64? {
        if hasFlags {
            guard arguments.f & ~0xF == 0 else { throw .notSupported }
            if arguments.d == .max { return nil }
        }
        return try offset(arguments.d)
    }

    func seek() throws(Errno) -> Int {
        let file = try file(arguments.a)
        return Int(
            try file.seek(Int64(bitPattern: arguments.b), whence: Int32(truncatingIfNeeded: arguments.c)))
    }
}
