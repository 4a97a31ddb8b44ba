/// An open regular file.
final class RegularFile: File {
    let node: LayerFile
    private let isWriter: Bool

    /// - Parameter deniesExecution: whether it cannot be executed while this is open for writing; memfd_create(2)'s own can.
    init(_ node: LayerFile, flags: UInt32, deniesExecution: Bool = true) {
        self.node = node
        isWriter = deniesExecution && flags & OpenFlags.accessMode != 0
        super.init(flags: flags)
        if isWriter { node.writingBegan() }
    }

    deinit { if isWriter { node.writingEnded() } }

    override var inode: Inode? { node }
    override var asRegular: RegularFile? { self }
    override var isSeekable: Bool { true }

    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        let count = try node.read(&buffer, at: offset ?? position)
        if offset == nil { position += UInt64(count) }
        if count > 0 { node.happened(.access) }
        return count
    }

    override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        if buffer.remaining == 0 { return 0 }
        try node.writeLock.acquire()
        defer { node.writeLock.release() }
        let start = isAppending ? node.size : offset ?? position
        if let seals = node.seals, seals & (8 | 16) != 0 || seals & 4 != 0 && start >= node.size {
            throw .notPermitted
        }
        try limitFileSize(&buffer, at: start)
        let count = try node.write(&buffer, at: start)
        if offset == nil { position = start + UInt64(count) }
        if count > 0 {
            dropSetID()
            node.happened(.modify)
        }
        return count
    }

    /// What somebody else has written does not run as the file's owner or group.
    private func dropSetID() {
        let permissions = node.owner.permissions
        if permissions & 0o6000 == 0 || Scheduler.current.process.credentials.has(.keepSetID) { return }
        node.owner.permissions = permissions & ~(permissions & 0o010 != 0 ? 0o6000 : 0o4000)
    }

    /// RLIMIT_FSIZE.
    /// - Throws: `.fileTooLarge`, with SIGXFSZ, if there is no room below the limit.
    private func limitFileSize(_ buffer: inout IOBuffer, at start: UInt64) throws(Errno) {
        let thread: Thread = Scheduler.current
        let limit = thread.process.limits.soft[1]
        if limit == ResourceLimits.infinity { return }
        guard start < limit else {
            sendSignal(25, to: thread)
            throw .fileTooLarge
        }
        buffer.limit(to: Int(min(limit - start, UInt64(Int.max))))
    }

    override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> UInt64 {
        switch whence {
        case 3, 4:  // SEEK_DATA, SEEK_HOLE
            guard offset >= 0, let found = node.seek(from: UInt64(offset), data: whence == 3) else {
                throw .noSuchDeviceOrAddress
            }
            position = found
            return found
        default: return try moved(offset, whence: whence, end: node.size)
        }
    }
}

extension File {
    var isAppending: Bool { flags & OpenFlags.append != 0 }

    /// lseek(2) for what has positions: SEEK_SET, SEEK_CUR, SEEK_END.
    func moved(_ offset: Int64, whence: Int32, end: UInt64) throws(Errno) -> UInt64 {
        let base: UInt64
        switch whence {
        case 0: base = 0
        case 1: base = position
        case 2: base = end
        default: throw .invalidArgument
        }
        let (sum, isTooLarge) = Int64(truncatingIfNeeded: base).addingReportingOverflow(offset)
        guard !isTooLarge else { throw .overflow }
        guard sum >= 0 else { throw .invalidArgument }
        position = UInt64(sum)
        return position
    }
}

/// An open directory.
final class DirectoryFile: File {
    let directory: Inode

    init(_ directory: Inode, flags: UInt32) {
        self.directory = directory
        super.init(flags: flags)
    }

    override var inode: Inode? { directory }
    override var givesToSplice: Bool { false }
    override var asDirectory: DirectoryFile? { self }
    override var isSeekable: Bool { true }

    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        throw .isDirectory
    }
    override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        throw .badDescriptor
    }

    override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> UInt64 {
        guard whence == 0 || whence == 1 else { throw .invalidArgument }
        return try moved(offset, whence: whence, end: 0)
    }

    /// The entries from the position on, `.` and `..` first. Positions: 0 `.`, 1 `..`, then 2 + those of the
    /// inode.
    func readEntries(_ body: (DirectoryEntry) -> Bool) throws(Errno) {
        if directory.isUnlinked { throw .noSuchFile }
        directory.happened(.access)
        var isFull = false
        // Where this call is. Reading may wait, and somebody else seek meanwhile.
        var at = position
        func show(_ entry: DirectoryEntry) -> Bool {
            isFull = !body(entry)
            if !isFull {
                at = entry.next
                position = at
            }
            return !isFull
        }
        if at == 0 {
            let number = try directory.status().inode
            _ = show(DirectoryEntry(name: [UInt8(ascii: ".")], inode: number, type: .directory, next: 1))
        }
        if at == 1, !isFull {
            let dot = UInt8(ascii: ".")
            let number = try (directory.parent ?? directory).status().inode
            _ = show(DirectoryEntry(name: [dot, dot], inode: number, type: .directory, next: 2))
        }
        if isFull { return }
        // 2 and more: both entries above have been shown.
        try directory.forEachEntry(from: at - 2) { entry in
            var entry = entry
            entry.next = entry.next.addingClamped(2)
            return show(entry)
        }
    }
}

/// A descriptor opened with O_PATH: a place in the tree and nothing else.
final class PathFile: File {
    private let place: Inode

    init(_ place: Inode, flags: UInt32) {
        self.place = place
        super.init(flags: flags)
    }

    override var inode: Inode? { place }
    override var isReadable: Bool { false }
    override var isWritable: Bool { false }
    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        throw .badDescriptor
    }
    override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        throw .badDescriptor
    }
    override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> UInt64 { throw .badDescriptor }
    override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int { throw .badDescriptor }
}
