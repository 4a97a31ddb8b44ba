/// stat(2) and its family, statx(2), statfs(2), access(2), readlink(2), getdents64(2).
extension FileCall {
    private func store(_ status: FileStatus, at address: UInt64) throws(Errno) -> Int {
        var record = UserRecord(bytes: 144)  // struct stat
        record.set(0, status.device)
        record.set(8, status.inode)
        record.set(16, status.links)
        record.set(24, status.type.rawValue | status.permissions)
        record.set(28, status.user)
        record.set(32, status.group)
        record.set(40, status.specialDevice)
        record.set(48, status.size)
        record.set(56, pageSize)
        record.set(64, status.blocks)
        record.set(time: status.accessTime, at: 72)
        record.set(time: status.modificationTime, at: 88)
        record.set(time: status.changeTime, at: 104)
        try record.store(at: address, in: space)
        return 0
    }

    private static var here: UInt64 { UInt64(bitPattern: Int64(workingDirectory)) }

    func status(followLast: Bool) throws(Errno) -> Int {
        let target = try target(Self.here, arguments.a, flags: followLast ? 0 : Self.noFollow)
        return try store(try target.status(), at: arguments.b)
    }

    func statusOfDescriptor() throws(Errno) -> Int {
        try store(try anyFile(arguments.a).status(), at: arguments.b)
    }

    /// newfstatat(2): directory, path, buffer, flags.
    func statusAt() throws(Errno) -> Int {
        guard arguments.d & ~(Self.noFollow | Self.emptyPath | 0x800) == 0 else { throw .invalidArgument }
        return try store(try target(arguments.a, arguments.b, flags: arguments.d).status(), at: arguments.c)
    }

    /// statx(2): directory, path, flags, mask, buffer.
    func extendedStatus() throws(Errno) -> Int {
        guard arguments.c & ~(Self.noFollow | Self.emptyPath | 0x6800) == 0, arguments.d & 0x8000_0000 == 0
        else {
            throw .invalidArgument
        }
        let status = try target(arguments.a, arguments.b, flags: arguments.c).status()
        var record = UserRecord(bytes: 256)  // struct statx
        // STATX_BASIC_STATS, and STATX_BTIME where it is known.
        record.set(0, UInt32(status.birthTime == nil ? 0x7FF : 0xFFF))
        record.set(4, UInt32(pageSize))
        record.set(16, UInt32(truncatingIfNeeded: status.links))
        record.set(20, status.user)
        record.set(24, status.group)
        record.set(28, UInt16(status.type.rawValue | status.permissions))
        record.set(32, status.inode)
        record.set(40, status.size)
        record.set(48, status.blocks)
        for (offset, time) in [
            (64, status.accessTime), (80, status.birthTime ?? 0), (96, status.changeTime),
            (112, status.modificationTime),
        ] {
            record.set(offset, time / 1_000_000_000)
            record.set(offset + 8, UInt32(time % 1_000_000_000))
        }
        record.set(128, UInt32(truncatingIfNeeded: status.specialDevice >> 8 & 0xFFF))
        record.set(
            132,
            UInt32(truncatingIfNeeded: status.specialDevice & 0xFF | status.specialDevice >> 12 & 0xF_FF00))
        record.set(136, UInt32(truncatingIfNeeded: status.device >> 8 & 0xFFF))
        record.set(140, UInt32(truncatingIfNeeded: status.device & 0xFF))
        try record.store(at: arguments.e, in: space)
        return 0
    }

    // MARK: File systems

    func fileSystemStatus() throws(Errno) -> Int {
        try store(fileSystemOf: try inode(Self.here, arguments.a, flags: 0), at: arguments.b)
    }

    func fileSystemStatusOfDescriptor() throws(Errno) -> Int {
        try store(fileSystemOf: try anyFile(arguments.a).inode, at: arguments.b)
    }

    private func store(fileSystemOf inode: Inode?, at address: UInt64) throws(Errno) -> Int {
        var record = UserRecord(bytes: 120)  // struct statfs
        let superblock = inode?.superblock
        record.set(0, superblock?.magic ?? 0x5049_5045)  // pipefs and its like
        record.set(8, pageSize)
        if let space = superblock?.space() {
            record.set(16, space.blocks)
            record.set(24, space.free)
            record.set(32, space.free)
            record.set(40, space.inodes &+ space.free)
            record.set(48, space.free)
        }
        record.set(56, superblock?.device ?? AnonymousInode.device)
        record.set(64, UInt64(PathWalk.nameMaximum))
        record.set(72, pageSize)
        record.set(80, UInt64(0x420))  // ST_VALID, ST_NOATIME
        try record.store(at: address, in: space)
        return 0
    }

    // MARK: Access and links

    /// faccessat(2), faccessat2(2): directory, path, mode, flags. Without AT_EACCESS it is the real identity
    /// that counts.
    func access(_ directory: UInt64, _ path: UInt64, mode: UInt64, flags: UInt64) throws(Errno) -> Int {
        guard mode & ~7 == 0, flags & ~(Self.noFollow | Self.emptyPath | 0x200) == 0 else {
            throw .invalidArgument
        }
        let target = try target(directory, path, flags: flags)
        guard case .inode(let inode) = target else { return 0 }
        let credentials = flags & 0x200 != 0 ? credentials : credentials.real
        guard credentials.may(Credentials.Wish(rawValue: UInt32(mode)), inode) else { throw .accessDenied }
        return 0
    }

    func readLink(_ directory: UInt64, _ path: UInt64, _ buffer: UInt64, _ size: UInt64) throws(Errno) -> Int
    {
        guard Int32(truncatingIfNeeded: size) > 0 else { throw .invalidArgument }
        let inode = try inode(directory, path, flags: Self.noFollow | Self.emptyPath)
        guard inode.type == .symbolicLink else { throw .invalidArgument }
        let text = try inode.linkText(for: context)
        let count = min(text.count, Int(Int32(truncatingIfNeeded: size)))
        try space.write(Array(text[0..<count]), to: buffer)
        return count
    }

    // MARK: Directories

    /// getdents(2), getdents64(2): descriptor, buffer, its size.
    func directoryEntries(isOld: Bool) throws(Errno) -> Int {
        guard let file = try file(arguments.a).asDirectory else { throw .notDirectory }
        let size = Int(min(arguments.c, 1 << 20))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(size, 32768))
        let before = file.position
        var isTooSmall = false
        try file.readEntries { entry in
            // struct linux_dirent64: ino u64, off i64, reclen u16, type u8, name, NUL, up to a multiple of 8.
            // struct linux_dirent: the same without type, which is its last byte.
            let length = (18 + entry.name.count + 2 + 7) & ~7
            guard bytes.count + length <= size else {
                isTooSmall = bytes.isEmpty
                return false
            }
            let end = bytes.count + length
            withUnsafeBytes(of: entry.inode) { bytes.append(contentsOf: $0) }
            withUnsafeBytes(of: entry.next) { bytes.append(contentsOf: $0) }
            bytes.append(UInt8(length & 0xFF))
            bytes.append(UInt8(length >> 8))
            if !isOld { bytes.append(entry.type.directoryType) }
            bytes.append(contentsOf: entry.name)
            bytes.append(contentsOf: repeatElement(0, count: end - bytes.count))
            if isOld { bytes[end - 1] = entry.type.directoryType }
            return true
        }
        if isTooSmall { throw .invalidArgument }
        do throws(Errno) {
            try space.write(bytes, to: arguments.b)
        } catch {
            file.position = before
            throw error
        }
        return bytes.count
    }
}
