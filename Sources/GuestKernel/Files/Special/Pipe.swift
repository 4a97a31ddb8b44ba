import GuestNucleus

/// A pipe (pipe(7)) or the inside of an open FIFO: a ring of frames, 16 unless F_SETPIPE_SZ said otherwise.
/// Byte p of the stream lies in frame p / 4096 modulo their number. It is an inode too: the one that fstat(2)
/// shows of a pipe without a name.
final class Pipe: Inode {
    private static let initialCapacity: UInt64 = 65536
    /// What F_SETPIPE_SZ may ask for: Linux's pipe-max-size.
    static let maximumCapacity: UInt64 = 1 << 20
    /// PIPE_BUF: a write of at most so many bytes is never torn.
    static let atomicBytes = 4096

    private let number = AnonymousInode.newNumber()
    private let owner: Ownership
    private let created = Clock.realtime
    private var frames = [PhysicalAddress](repeating: 0, count: Int(initialCapacity / pageSize))
    private var start: UInt64 = 0
    private var end: UInt64 = 0
    fileprivate(set) var readers = 0
    fileprivate(set) var writers = 0
    /// How often an end was opened: tells one who waits for a partner that there was one, however briefly.
    private var readerOpens: UInt64 = 0
    private var writerOpens: UInt64 = 0
    // Copying may wait for the other side's memory.
    private let readLock = SleepLock()
    private let writeLock = SleepLock()
    /// Woken when there is more to read, or the last writer has gone.
    let dataArrived = WaitQueue()
    /// Woken when there is more room, or the last reader has gone.
    let roomAppeared = WaitQueue()

    init(_ credentials: Credentials) {
        owner = Ownership(
            permissions: 0o600, user: credentials.effectiveUser, group: credentials.effectiveGroup)
        super.init(type: .fifo)
    }

    /// pipe(2): the reading and the writing end.
    static func make(flags: UInt32, _ credentials: Credentials) -> (reader: PipeFile, writer: PipeFile) {
        let pipe = Pipe(credentials)
        return (PipeFile(pipe, flags: flags), PipeFile(pipe, flags: flags | OpenFlags.writeOnly))
    }

    deinit { releaseFrames() }

    private func releaseFrames() {
        for i in frames.indices where frames[i] != 0 {
            Frames.release(frames[i])
            frames[i] = 0
        }
    }

    var capacity: UInt64 { UInt64(frames.count) * pageSize }
    var bytesInside: UInt64 { end - start }
    var room: UInt64 { capacity - bytesInside }
    var everHadWriter: Bool { writerOpens > 0 }

    override var ownership: Ownership { owner }

    override func status() throws(Errno) -> FileStatus {
        FileStatus(
            device: AnonymousInode.device, inode: number, type: .fifo, permissions: owner.permissions,
            user: owner.user, group: owner.group, accessTime: created, modificationTime: created,
            changeTime: created)
    }

    /// As /proc/PID/fd shows it.
    func describe() -> [UInt8] {
        var text = Text("pipe:[")
        text.add(number)
        text.add("]")
        return text.bytes
    }

    // MARK: Ends

    fileprivate func addEnd(reads: Bool, writes: Bool) {
        if reads {
            readers += 1
            readerOpens += 1
            roomAppeared.wakeAll()
        }
        if writes {
            writers += 1
            writerOpens += 1
            dataArrived.wakeAll()
        }
    }

    fileprivate func dropEnd(reads: Bool, writes: Bool) {
        if reads { readers -= 1 }
        if writes { writers -= 1 }
        if readers == 0 { roomAppeared.wakeAll() }
        if writers == 0 { dataArrived.wakeAll() }
        if readers == 0 && writers == 0 {
            releaseFrames()
            start = end
        }
    }

    override func open(flags: UInt32) throws(Errno) -> File { try open(flags: flags, as: nil) }

    /// Opens a FIFO: waits for a partner, unless the caller does not want to. A pipe without a name, opened through
    /// /proc/PID/fd, never waits: its other end may have come and gone (bash's `cat <(echo hi)`).
    func open(flags: UInt32, as named: Inode?) throws(Errno) -> File {
        let file = PipeFile(self, named: named, flags: flags)
        if named == nil || (file.isReadable && file.isWritable) { return file }
        if flags & OpenFlags.nonblocking != 0 {
            if file.isWritable && readers == 0 { throw .noSuchDeviceOrAddress }
            return file
        }
        if file.isReadable {
            let before = writerOpens
            try wait(on: dataArrived) { writers > 0 || writerOpens != before }
        } else {
            let before = readerOpens
            try wait(on: roomAppeared) { readers > 0 || readerOpens != before }
        }
        return file
    }

    /// Waits for a partner. One who came, opened and may be gone again has been met, even if a signal came with him: the
    /// program's next open would wait for somebody who never comes.
    private func wait(on queue: WaitQueue, until hasCome: () -> Bool) throws(Errno) {
        while !hasCome() {
            do throws(Errno) { try queue.wait() } catch {
                if !hasCome() { throw error }
            }
        }
    }

    /// F_SETPIPE_SZ: `bytes` is rounded up to a power of two of pages.
    /// - Returns: the new capacity.
    /// - Throws: `.notPermitted` above the maximum, `.busy` if more than that is in the pipe, `.noMemory`.
    func resize(to bytes: UInt64) throws(Errno) -> UInt64 {
        guard bytes <= Self.maximumCapacity else { throw .notPermitted }
        let count = Int(max(1, (bytes + pageSize - 1) / pageSize)).nextPowerOfTwo
        try readLock.acquire()
        defer { readLock.release() }
        try writeLock.acquire()
        defer { writeLock.release() }
        if count == frames.count { return capacity }
        let inside = bytesInside
        guard inside <= UInt64(count) * pageSize else { throw .busy }
        var larger = [PhysicalAddress](repeating: 0, count: count)
        do throws(Errno) {
            var done: UInt64 = 0
            while done < inside {
                let frame = try Frames.allocate(zeroed: false)
                larger[Int(done / pageSize)] = frame
                let size = min(pageSize, inside - done)
                copyAhead(
                    from: done,
                    into: UnsafeMutableRawBufferPointer(
                        start: PhysicalMemory.pointer(frame), count: Int(size)))
                done += size
            }
        } catch {
            for frame in larger where frame != 0 { Frames.release(frame) }
            throw error
        }
        releaseFrames()
        frames = larger
        start = 0
        end = inside
        roomAppeared.wakeAll()
        return capacity
    }

    /// Copies bytes out that lie `skipped` bytes ahead of the next to be read; they are there.
    private func copyAhead(from skipped: UInt64, into target: UnsafeMutableRawBufferPointer) {
        var done = 0
        while done < target.count {
            let at = start + skipped + UInt64(done)
            let count = min(target.count - done, Int(pageSize - at % pageSize))
            let page = PhysicalMemory.pointer(frames[Int(at / pageSize) % frames.count])
            wide_copy(target.baseAddress! + done, page + Int(at % pageSize), UInt64(count))
            done += count
        }
    }

    // MARK: Bytes

    /// Waits until there is something to read.
    /// - Returns: false at the end: empty, and nobody can write any more.
    /// - Throws: `.wouldBlock`, `.restart`.
    func waitForData(nonblocking: Bool) throws(Errno) -> Bool {
        while bytesInside == 0 {
            if writers == 0 { return false }
            if nonblocking { throw .wouldBlock }
            try dataArrived.wait()
        }
        return true
    }

    /// Waits until something can be written.
    /// - Throws: `.brokenPipe` (with SIGPIPE), `.wouldBlock`, `.restart`.
    func waitForRoom(nonblocking: Bool) throws(Errno) {
        while room == 0 || readers == 0 {
            if readers == 0 {
                sendSignal(13, to: Scheduler.current)
                throw .brokenPipe
            }
            if nonblocking { throw .wouldBlock }
            try roomAppeared.wait()
        }
    }

    /// For splice(2) and tee(2): hands what is inside, as far as it fits into `bounce`, to `body`, which says
    /// how much of it was used; `consuming` takes that away.
    func forward(
        _ bounce: UnsafeMutableRawBufferPointer, consuming: Bool,
        _ body: (UnsafeRawBufferPointer) throws(Errno) -> Int
    ) throws(Errno) -> Int {
        try readLock.acquire()
        defer { readLock.release() }
        let count = Int(min(UInt64(bounce.count), bytesInside))
        if count == 0 { return 0 }
        let bytes = UnsafeMutableRawBufferPointer(rebasing: bounce[0..<count])
        copyAhead(from: 0, into: bytes)
        let used = try body(UnsafeRawBufferPointer(bytes))
        if consuming {
            start += UInt64(used)
            roomAppeared.wakeAll()
        }
        return used
    }

    func read(_ buffer: inout IOBuffer, nonblocking: Bool) throws(Errno) -> Int {
        if buffer.remaining == 0 { return 0 }
        while true {
            if bytesInside > 0 {
                try readLock.acquire()
                defer { readLock.release() }
                if bytesInside > 0 { return try copyOut(&buffer) }
            }
            if writers == 0 { return 0 }
            if nonblocking { throw .wouldBlock }
            try dataArrived.wait()
        }
    }

    private func copyOut(_ buffer: inout IOBuffer) throws(Errno) -> Int {
        var done = 0
        while bytesInside > 0 && buffer.remaining > 0 {
            let inFrame = start % pageSize
            let count = Int(min(bytesInside, pageSize - inFrame, UInt64(buffer.remaining)))
            let page = PhysicalMemory.pointer(frames[Int(start / pageSize) % frames.count]) + Int(inFrame)
            var moved = 0
            do throws(Errno) {
                moved = try buffer.put(UnsafeRawBufferPointer(start: page, count: count))
            } catch {
                if done == 0 { throw error }
            }
            start += UInt64(moved)
            done += moved
            if moved < count { break }
        }
        // Small traffic keeps to the one frame that is in the cache anyway.
        if start == end && !isBeingWritten {
            start = 0
            end = 0
        }
        roomAppeared.wakeAll()
        return done
    }

    private var isBeingWritten = false

    func write(_ buffer: inout IOBuffer, nonblocking: Bool) throws(Errno) -> Int {
        let total = buffer.remaining
        if total == 0 { return 0 }
        var done = 0
        while done < total {
            if readers == 0 {
                sendSignal(13, to: Scheduler.current)  // SIGPIPE
                if done > 0 { return done }
                throw .brokenPipe
            }
            let needed = total <= Self.atomicBytes ? total - done : 1
            do throws(Errno) {
                if room >= UInt64(needed) {
                    try writeLock.acquire()
                    defer { writeLock.release() }
                    if room < UInt64(needed) || readers == 0 { continue }
                    let moved = try copyIn(&buffer)
                    done += moved
                    if moved == 0 { break }
                } else {
                    if nonblocking { throw .wouldBlock }
                    try roomAppeared.wait()
                }
            } catch {
                if done > 0 { return done }
                throw error
            }
        }
        return done
    }

    private func copyIn(_ buffer: inout IOBuffer) throws(Errno) -> Int {
        isBeingWritten = true
        defer { isBeingWritten = false }
        var done = 0
        while room > 0 && buffer.remaining > 0 {
            let inFrame = end % pageSize
            let count = Int(min(room, pageSize - inFrame, UInt64(buffer.remaining)))
            let index = Int(end / pageSize) % frames.count
            var moved = 0
            do throws(Errno) {
                if frames[index] == 0 { frames[index] = try Frames.allocate(zeroed: false) }
                let page = PhysicalMemory.pointer(frames[index]) + Int(inFrame)
                moved = try buffer.take(into: UnsafeMutableRawBufferPointer(start: page, count: count))
            } catch {
                if done == 0 { throw error }
            }
            end += UInt64(moved)
            done += moved
            if moved < count { break }
        }
        if done > 0 { dataArrived.wakeAll() }
        return done
    }
}

/// One end of a pipe, or both of a FIFO opened for reading and writing.
final class PipeFile: File {
    let pipe: Pipe
    private let named: Inode?

    /// - Parameter named: the FIFO that was opened; nil for pipe(2).
    init(_ pipe: Pipe, named: Inode? = nil, flags: UInt32) {
        self.pipe = pipe
        self.named = named
        super.init(flags: flags)
        pipe.addEnd(reads: isReadable, writes: isWritable)
    }

    deinit { pipe.dropEnd(reads: isReadable, writes: isWritable) }

    override var inode: Inode? { named ?? pipe }
    override var asPipe: PipeFile? { self }

    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        if offset != nil { throw .illegalSeek }
        return try pipe.read(&buffer, nonblocking: isNonblocking)
    }

    override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        if offset != nil { throw .illegalSeek }
        return try pipe.write(&buffer, nonblocking: isNonblocking)
    }

    override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        guard request == 0x541B else { throw .notTerminal }  // FIONREAD
        try Scheduler.current.process.space.store(Int32(pipe.bytesInside), at: argument)
        return 0
    }

    override func readiness() -> PollEvents {
        var events: PollEvents = []
        if isReadable {
            if pipe.bytesInside > 0 { events.insert(.readable) }
            if pipe.writers == 0 && pipe.everHadWriter { events.insert(.hangUp) }
        }
        if isWritable {
            if pipe.room >= min(UInt64(Pipe.atomicBytes), pipe.capacity) { events.insert(.writable) }
            if pipe.readers == 0 { events.insert(.error) }
        }
        return events
    }

    override var readinessChanged: WaitQueue? { isReadable ? pipe.dataArrived : pipe.roomAppeared }
    override func describe() -> [UInt8] { pipe.describe() }
}
