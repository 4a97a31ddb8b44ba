/// /proc/PID/mem and /proc/PID/pagemap: a process's memory, and what stands behind each page of it, by address.
final class ProcMemory: ProcInode {
    private let process: Process
    private let isMap: Bool

    init(_ system: Superblock, _ process: Process, number: UInt64, _ owner: Ownership, isMap: Bool) {
        self.process = process
        self.isMap = isMap
        super.init(system, number: number, .regular, owner)
    }

    override func open(flags: UInt32) throws(Errno) -> File {
        let caller = Scheduler.current.process
        guard caller === process || caller.credentials.mayInspect(process.credentials) else {
            throw .accessDenied
        }
        if isMap { return PageMapFile(self, process.space, flags: flags) }
        return MemoryFile(self, process.space, flags: flags)
    }
}

/// An open /proc/PID/mem: of the memory that the process had when it was opened, also after an exec.
private final class MemoryFile: File {
    private let node: ProcMemory
    private let space: AddressSpace
    private static let bounceBytes = 16 << 10

    init(_ node: ProcMemory, _ space: AddressSpace, flags: UInt32) {
        self.node = node
        self.space = space
        super.init(flags: flags)
    }

    override var inode: Inode? { node }
    override var isSeekable: Bool { true }

    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        try move(&buffer, at: offset) { (buffer, address, count) throws(Errno) in
            var bytes = [UInt8](repeating: 0, count: count)
            do throws(Errno) { bytes = try space.read(from: address, count: count) } catch { throw .ioError }
            return try buffer.put(bytes)
        }
    }

    override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        try move(&buffer, at: offset) { (buffer, address, count) throws(Errno) in
            let bytes = try buffer.takeBytes(count)
            do throws(Errno) { try space.write(bytes, to: address) } catch { throw .ioError }
            return bytes.count
        }
    }

    /// Piece by piece, none of them over the end of a page, so that what can be had is had.
    private func move(
        _ buffer: inout IOBuffer, at offset: UInt64?,
        _ body: (inout IOBuffer, UInt64, Int) throws(Errno) -> Int
    ) throws(Errno) -> Int {
        var address = offset ?? position
        var done = 0
        while buffer.remaining > 0 {
            let inPage = Int(pageSize - address % pageSize)
            let count = min(buffer.remaining, inPage, Self.bounceBytes)
            let moved: Int
            do throws(Errno) {
                moved = try body(&buffer, address, count)
            } catch {
                if done == 0 { throw error }
                break
            }
            done += moved
            address &+= UInt64(moved)
            if moved < count { break }
        }
        if offset == nil { position = address }
        return done
    }

    override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> UInt64 {
        guard whence == 0 || whence == 1 else { throw .invalidArgument }
        // Addresses are unsigned: one beyond Int64.max is a place like others.
        position = whence == 0 ? UInt64(bitPattern: offset) : position &+ UInt64(bitPattern: offset)
        return position
    }
}

/// An open /proc/PID/pagemap: a word of 64 bits for each page. The frames' numbers are nobody's business here.
private final class PageMapFile: File {
    private let node: ProcMemory
    private let space: AddressSpace
    private static let present: UInt64 = 1 << 63
    private static let fileOrShared: UInt64 = 1 << 61
    private static let exclusive: UInt64 = 1 << 56

    init(_ node: ProcMemory, _ space: AddressSpace, flags: UInt32) {
        self.node = node
        self.space = space
        super.init(flags: flags)
    }

    override var inode: Inode? { node }
    override var isSeekable: Bool { true }
    override var isWritable: Bool { false }

    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        var at = offset ?? position
        guard at % 8 == 0, buffer.remaining % 8 == 0 else { throw .invalidArgument }
        var done = 0
        while buffer.remaining > 0, at / 8 < AddressSpace.top / pageSize {
            done += try buffer.put(word(forPageAt: at / 8 * pageSize))
            at += 8
        }
        if offset == nil { position = at }
        return done
    }

    private func word(forPageAt address: UInt64) -> UInt64 {
        guard let area = space.area(at: address) else { return 0 }
        let entry = space.table.entry(for: address)
        guard entry.bits & PageTableEntry.present != 0 else { return 0 }
        var word = Self.present
        if case .file = area.backing { word |= Self.fileOrShared }
        if Frames.isExclusive(entry.frame) { word |= Self.exclusive }
        return word
    }

    override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> UInt64 {
        try moved(offset, whence: whence, end: AddressSpace.top / pageSize * 8)
    }
}

extension IOBuffer {
    /// All of `bytes`, as far as room remains.
    fileprivate mutating func put(_ bytes: [UInt8]) throws(Errno) -> Int {
        var count = 0
        var failure: Errno?
        bytes.withUnsafeBytes { source in
            do throws(Errno) { count = try put(source) } catch { failure = error }
        }
        if let failure { throw failure }
        return count
    }

    /// The next `count` bytes, or fewer where there are no more.
    fileprivate mutating func takeBytes(_ count: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var taken = 0
        var failure: Errno?
        bytes.withUnsafeMutableBytes { target in
            do throws(Errno) { taken = try take(into: target) } catch { failure = error }
        }
        if let failure { throw failure }
        return Array(bytes[0..<taken])
    }
}
