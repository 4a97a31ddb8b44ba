/// From file to file within the kernel: sendfile(2), copy_file_range(2), splice(2), tee(2), vmsplice(2).
extension FileCall {
    /// What is moved at a time between two files, through the kernel.
    private static let bounceBytes = 65536
    /// SPLICE_F_MOVE, _NONBLOCK, _MORE, _GIFT.
    private static let spliceFlags: UInt64 = 0xF
    private static let spliceNonblocking: UInt64 = 2

    /// An offset in the program's memory; nil where the address is 0: the file's position counts.
    private func optionalOffset(at address: UInt64) throws(Errno) -> UInt64? {
        address == 0 ? nil : try offset(try space.load(UInt64.self, at: address))
    }

    private func storeOffset(_ offset: UInt64?, plus moved: Int, at address: UInt64) throws(Errno) {
        guard let offset else { return }
        try space.store(offset &+ UInt64(moved), at: address)
    }

    /// sendfile(2): out, in, where the offset is (or 0), count.
    func sendFile() throws(Errno) -> Int {
        let source = try file(arguments.b)
        let target = try file(arguments.a)
        guard source.isReadable, target.isWritable else { throw .badDescriptor }
        guard source.isSeekable, !target.isAppending else { throw .invalidArgument }
        let at = try optionalOffset(at: arguments.c)
        let count = Int(min(arguments.d, UInt64(Self.countMaximum)))
        let moved = try move(
            count, from: source, at: at, to: target, at: nil, nonblocking: target.isNonblocking)
        try storeOffset(at, plus: moved, at: arguments.c)
        return moved
    }

    /// copy_file_range(2): in, where its offset is, out, where its offset is, count, flags.
    func copyRange() throws(Errno) -> Int {
        let source = try file(arguments.a)
        let target = try file(arguments.c)
        guard source.isReadable, target.isWritable, !target.isAppending else { throw .badDescriptor }
        if source.inode?.isDirectory == true || target.inode?.isDirectory == true { throw .isDirectory }
        guard arguments.f == 0, source.inode?.type == .regular, target.inode?.type == .regular else {
            throw .invalidArgument
        }
        let from = try optionalOffset(at: arguments.b)
        let to = try optionalOffset(at: arguments.d)
        let count = Int(min(arguments.e, UInt64(Self.countMaximum)))
        if source.inode === target.inode {
            let (a, b) = (from ?? source.position, to ?? target.position)
            if max(a, b) - min(a, b) < UInt64(count) { throw .invalidArgument }
        }
        let moved = try move(count, from: source, at: from, to: target, at: to, nonblocking: false)
        try storeOffset(from, plus: moved, at: arguments.b)
        try storeOffset(to, plus: moved, at: arguments.d)
        return moved
    }

    // MARK: Pipes

    /// splice(2) where one side is a pipe: in, its offset, out, its offset, count, flags.
    func splice() throws(Errno) -> Int {
        if arguments.e == 0 { return 0 }
        guard arguments.f & ~Self.spliceFlags == 0 else { throw .invalidArgument }
        let source = try file(arguments.a)
        let target = try file(arguments.c)
        guard source.isReadable, target.isWritable else { throw .badDescriptor }
        guard source.asPipe != nil || target.asPipe != nil, !target.isAppending else {
            throw .invalidArgument
        }
        // As Linux has it, timers, events and their like are files with positions, and not for this.
        let hasPositions = source.isSeekable || !source.givesToSplice
        if arguments.b != 0 && !hasPositions || arguments.d != 0 && !target.isSeekable {
            throw .illegalSeek
        }
        let from = try optionalOffset(at: arguments.b)
        let to = try optionalOffset(at: arguments.d)
        // One piece: a pipe gives what it has, and the caller asks again.
        let count = Int(min(arguments.e, UInt64(Self.bounceBytes)))
        let isNonblocking = arguments.f & Self.spliceNonblocking != 0
        let moved: Int
        if let pipe = source.asPipe {
            moved = try forward(
                count, from: pipe, to: target, at: to, consuming: true, nonblocking: isNonblocking)
        } else {
            moved = try move(
                count, from: source, at: from, to: target, at: nil,
                nonblocking: isNonblocking || target.isNonblocking)
        }
        try storeOffset(from, plus: moved, at: arguments.b)
        try storeOffset(to, plus: moved, at: arguments.d)
        return moved
    }

    /// tee(2): in, out, count, flags. What is copied stays in the first pipe.
    func tee() throws(Errno) -> Int {
        guard arguments.d & ~Self.spliceFlags == 0 else { throw .invalidArgument }
        let source = try file(arguments.a)
        let target = try file(arguments.b)
        guard source.isReadable, target.isWritable else { throw .badDescriptor }
        guard let pipe = source.asPipe, target.asPipe != nil else { throw .invalidArgument }
        return try forward(
            Int(min(arguments.c, UInt64(Self.bounceBytes))), from: pipe, to: target, at: nil,
            consuming: false, nonblocking: arguments.d & Self.spliceNonblocking != 0)
    }

    /// vmsplice(2): pipe, vector, its count, flags. Bytes are copied, so the program may go on using its memory.
    func vmsplice() throws(Errno) -> Int {
        guard arguments.d & ~Self.spliceFlags == 0 else { throw .invalidArgument }
        let file = try file(arguments.a)
        guard let pipe = file.asPipe else { throw .badDescriptor }
        var buffer = try vector(arguments.b, arguments.c)
        let isNonblocking = arguments.d & Self.spliceNonblocking != 0 || file.isNonblocking
        if buffer.remaining == 0 { return 0 }
        guard file.isWritable else { return try pipe.pipe.read(&buffer, nonblocking: isNonblocking) }
        // As much as there is room for, once there is some: the rest is the caller's next call's.
        while true {
            try pipe.pipe.waitForRoom(nonblocking: isNonblocking)
            buffer.limit(to: roomInside(file))
            do throws(Errno) { return try pipe.pipe.write(&buffer, nonblocking: true) } catch {
                // Somebody else filled the room that was there.
                if error != .wouldBlock { throw error }
            }
        }
    }

    /// Moves or copies what a pipe holds, once it holds something and the target has room.
    private func forward(
        _ count: Int, from source: PipeFile, to target: File, at offset: UInt64?, consuming: Bool,
        nonblocking: Bool
    ) throws(Errno) -> Int {
        if count == 0 { return 0 }
        let bounce = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        defer { bounce.deallocate() }
        guard target.takesFromSplice else { throw .invalidArgument }
        let other = target.asPipe
        if let other, other.pipe === source.pipe { throw .invalidArgument }
        while true {
            guard try source.pipe.waitForData(nonblocking: nonblocking || source.isNonblocking) else {
                return 0
            }
            var wanted = count
            if let other {
                try other.pipe.waitForRoom(nonblocking: nonblocking || other.isNonblocking)
                wanted = Int(min(UInt64(count), other.pipe.room))
            }
            let piece = UnsafeMutableRawBufferPointer(rebasing: bounce[0..<wanted])
            do throws(Errno) {
                let moved = try source.pipe.forward(piece, consuming: consuming) { bytes throws(Errno) in
                    var rest = IOBuffer(kernel: bytes)
                    guard let other else { return try target.write(&rest, at: offset) }
                    return try other.pipe.write(&rest, nonblocking: true)
                }
                if moved > 0 { return moved }
            } catch {
                // Somebody else filled the room that was there.
                if other == nil || error != .wouldBlock { throw error }
            }
        }
    }

    /// Moves bytes through a buffer of the kernel's. What the target does not take is not taken from a source with positions:
    /// it is read at places settled beforehand, and its own position moves at the end, by what went. (While the target keeps
    /// this waiting somebody else may set that position, and a device has none that moves: nothing is ever taken back.)
    /// - Throws: what reading and writing throw; `.invalidArgument` where one of the files is not for this.
    private func move(
        _ count: Int, from source: File, at from: UInt64?, to target: File, at to: UInt64?,
        nonblocking: Bool
    ) throws(Errno) -> Int {
        let start = from ?? (source.isSeekable ? source.position : nil)
        // A pipe is waited for once, and filled as far as it goes.
        try target.asPipe?.pipe.waitForRoom(nonblocking: nonblocking)
        guard source.givesToSplice, target.takesFromSplice else { throw .invalidArgument }
        let bounce = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, min(count, Self.bounceBytes)), alignment: 16)
        defer { bounce.deallocate() }
        var done = 0
        while done < count {
            let wanted = min(count - done, bounce.count, roomInside(target))
            if wanted == 0 { break }
            do throws(Errno) {
                var piece = IOBuffer(kernel: UnsafeRawBufferPointer(rebasing: bounce[0..<wanted]))
                let got = try source.read(&piece, at: start.map { $0 &+ UInt64(done) })
                if got == 0 { break }
                var rest = IOBuffer(kernel: UnsafeRawBufferPointer(rebasing: bounce[0..<got]))
                let put = try target.write(&rest, at: to.map { $0 &+ UInt64(done) })
                done += put
                if put < got || !source.isSeekable { break }
            } catch {
                if done > 0 { break }
                throw error
            }
        }
        if from == nil, let start { source.leave(at: start &+ UInt64(done)) }
        return done
    }

    /// What a pipe takes without waiting; of everything else all is asked.
    private func roomInside(_ target: File) -> Int {
        guard let pipe = target.asPipe?.pipe else { return .max }
        return Int(min(pipe.room, Pipe.maximumCapacity))
    }
}
