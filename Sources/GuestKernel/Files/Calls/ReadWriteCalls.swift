/// read(2), write(2) and their vectored and positioned forms; lseek(2), sendfile(2), copy_file_range(2).
extension FileCall {
    /// MAX_RW_COUNT: more is never moved in one call.
    private static let countMaximum = 0x7FFF_F000
    private static let vectorMaximum: UInt64 = 1024

    private func buffer(_ address: UInt64, _ count: UInt64) throws(Errno) -> IOBuffer {
        guard count <= UInt64(Int64.max) else { throw .invalidArgument }
        guard address <= AddressSpace.top, count <= AddressSpace.top - address else { throw .badAddress }
        return IOBuffer(space, address, Int(min(count, UInt64(Self.countMaximum))))
    }

    /// An array of `struct iovec`.
    private func vector(_ address: UInt64, _ count: UInt64) throws(Errno) -> IOBuffer {
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

    private func offset(_ value: UInt64) throws(Errno) -> UInt64 {
        guard value <= UInt64(Int64.max) else { throw .invalidArgument }
        return value
    }

    private func read(_ file: File, _ buffer: IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        guard file.isReadable else { throw .badDescriptor }
        if offset != nil && !file.isSeekable { throw .illegalSeek }
        var buffer = buffer
        return try file.read(&buffer, at: offset)
    }

    private func write(_ file: File, _ buffer: IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        guard file.isWritable else { throw .badDescriptor }
        if offset != nil && !file.isSeekable { throw .illegalSeek }
        var buffer = buffer
        return try file.write(&buffer, at: offset)
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

    /// preadv(2), preadv2(2): there an offset of -1 means the position. Of the RWF_ flags only those that
    /// cannot matter here (HIPRI, DSYNC, SYNC) are known.
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
            guard arguments.f & ~7 == 0 else { throw .notSupported }
            if arguments.d == .max { return nil }
        }
        return try offset(arguments.d)
    }

    func seek() throws(Errno) -> Int {
        let file = try file(arguments.a)
        return Int(
            try file.seek(Int64(bitPattern: arguments.b), whence: Int32(truncatingIfNeeded: arguments.c)))
    }

    // MARK: From file to file

    /// What is moved at a time between two files, through the kernel.
    private static let bounceBytes = 65536

    /// sendfile(2): out, in, where the offset is (or 0), count.
    func sendFile() throws(Errno) -> Int {
        let source = try file(arguments.b)
        let target = try file(arguments.a)
        guard source.isReadable, target.isWritable else { throw .badDescriptor }
        guard source.isSeekable else { throw .invalidArgument }
        var at: UInt64?
        if arguments.c != 0 { at = try offset(try space.load(UInt64.self, at: arguments.c)) }
        let count = Int(min(arguments.d, UInt64(Self.countMaximum)))
        let moved = try move(count, from: source, at: at, to: target, at: nil)
        if let at { try space.store(at + UInt64(moved), at: arguments.c) }
        return moved
    }

    /// copy_file_range(2): in, where its offset is, out, where its offset is, count, flags.
    func copyRange() throws(Errno) -> Int {
        let source = try file(arguments.a)
        let target = try file(arguments.c)
        guard source.isReadable, target.isWritable, !target.isAppending else { throw .badDescriptor }
        guard arguments.f == 0, source.inode?.type == .regular, target.inode?.type == .regular else {
            throw .invalidArgument
        }
        var from: UInt64?
        var to: UInt64?
        if arguments.b != 0 { from = try offset(try space.load(UInt64.self, at: arguments.b)) }
        if arguments.d != 0 { to = try offset(try space.load(UInt64.self, at: arguments.d)) }
        let count = Int(min(arguments.e, UInt64(Self.countMaximum)))
        if source.inode === target.inode {
            let (a, b) = (from ?? source.position, to ?? target.position)
            if max(a, b) - min(a, b) < UInt64(count) { throw .invalidArgument }
        }
        let moved = try move(count, from: source, at: from, to: target, at: to)
        if let from { try space.store(from + UInt64(moved), at: arguments.b) }
        if let to { try space.store(to + UInt64(moved), at: arguments.d) }
        return moved
    }

    /// splice(2) where one side is a pipe: in, its offset, out, its offset, count, flags.
    func splice() throws(Errno) -> Int {
        let source = try file(arguments.a)
        let target = try file(arguments.c)
        guard source.isReadable, target.isWritable else { throw .badDescriptor }
        guard source.inode?.type == .fifo || target.inode?.type == .fifo else { throw .invalidArgument }
        var from: UInt64?
        var to: UInt64?
        if arguments.b != 0 {
            guard source.isSeekable else { throw .illegalSeek }
            from = try offset(try space.load(UInt64.self, at: arguments.b))
        }
        if arguments.d != 0 {
            guard target.isSeekable else { throw .illegalSeek }
            to = try offset(try space.load(UInt64.self, at: arguments.d))
        }
        // One piece: a pipe gives what it has, and the caller asks again.
        let count = Int(min(arguments.e, UInt64(Self.bounceBytes)))
        let moved = try move(count, from: source, at: from, to: target, at: to)
        if let from { try space.store(from + UInt64(moved), at: arguments.b) }
        if let to { try space.store(to + UInt64(moved), at: arguments.d) }
        return moved
    }

    /// Moves bytes through a buffer of the kernel's. What the target does not take is not taken from a
    /// seekable source.
    private func move(
        _ count: Int, from source: File, at from: UInt64?, to target: File, at to: UInt64?
    ) throws(Errno) -> Int {
        let bounce = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, min(count, Self.bounceBytes)), alignment: 16)
        defer { bounce.deallocate() }
        var done = 0
        while done < count {
            let wanted = min(count - done, bounce.count)
            do throws(Errno) {
                var piece = IOBuffer(kernel: UnsafeRawBufferPointer(rebasing: bounce[0..<wanted]))
                let got = try source.read(&piece, at: from.map { $0 + UInt64(done) })
                if got == 0 { break }
                var rest = IOBuffer(kernel: UnsafeRawBufferPointer(rebasing: bounce[0..<got]))
                let put: Int
                do throws(Errno) {
                    put = try target.write(&rest, at: to.map { $0 + UInt64(done) })
                } catch {
                    if from == nil && source.isSeekable { source.position -= UInt64(got) }
                    throw error
                }
                if put < got && from == nil && source.isSeekable { source.position -= UInt64(got - put) }
                done += put
                if put < got || !source.isSeekable { break }
            } catch {
                if done > 0 { break }
                throw error
            }
        }
        return done
    }
}
