/// dup(2), fcntl(2), ioctl(2), close_range(2), pipe(2), memfd_create(2).
extension FileCall {
    func close() throws(Errno) -> Int {
        try files.close(Int32(truncatingIfNeeded: arguments.a))
        return 0
    }

    func duplicate() throws(Errno) -> Int { try add(try anyFile(arguments.a), closeOnExec: false) }

    /// dup2(2) and dup3(2), which differ where both numbers are the same.
    func duplicate(to target: UInt64, flags: UInt64, isDup3: Bool) throws(Errno) -> Int {
        let file = try anyFile(arguments.a)
        let number = Int32(truncatingIfNeeded: target)
        guard flags & ~UInt64(OpenFlags.closeOnExec) == 0 else { throw .invalidArgument }
        if number == Int32(truncatingIfNeeded: arguments.a) {
            if isDup3 { throw .invalidArgument }
            return Int(number)
        }
        guard number >= 0, Int(number) < descriptorLimit else { throw .badDescriptor }
        try files.set(
            Int(number), FileTable.Entry(file: file, closeOnExec: flags & UInt64(OpenFlags.closeOnExec) != 0))
        return Int(number)
    }

    /// close_range(2): first, last, flags (CLOSE_RANGE_UNSHARE 2, CLOSE_RANGE_CLOEXEC 4).
    func closeRange() throws(Errno) -> Int {
        let first = UInt32(truncatingIfNeeded: arguments.a)
        let last = UInt32(truncatingIfNeeded: arguments.b)
        guard first <= last, arguments.c & ~6 == 0 else { throw .invalidArgument }
        if arguments.c & 2 != 0 { process.files = files.copy() }
        let table = files
        let end = min(Int(last), table.entries.count - 1)
        if Int(first) > end { return 0 }
        for i in Int(first)...end where table.entries[i] != nil {
            if arguments.c & 4 != 0 {
                try table.setCloseOnExec(Int32(i), true)
            } else {
                try table.set(i, nil)
            }
        }
        return 0
    }

    // MARK: fcntl

    /// Flags that F_SETFL changes: O_APPEND, O_NONBLOCK, O_ASYNC, O_DIRECT, O_NOATIME.
    private static let settableFlags: UInt32 =
        OpenFlags.append | OpenFlags.nonblocking | 0o20000
        | OpenFlags.direct | 0o1000000

    func control() throws(Errno) -> Int {
        let descriptor = Int32(truncatingIfNeeded: arguments.a)
        let file = try files.file(descriptor)
        // F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC are all that O_PATH leaves.
        guard file.flags & OpenFlags.path == 0 || arguments.b <= 3 || arguments.b == 1030 else {
            throw .badDescriptor
        }
        switch arguments.b {
        case 0, 1030:  // F_DUPFD, F_DUPFD_CLOEXEC
            // BOUNDED: by descriptorLimit, which is at most 2^20.
            guard arguments.c < UInt64(descriptorLimit) else { throw .invalidArgument }
            return Int(
                try files.add(
                    file, closeOnExec: arguments.b == 1030, from: Int(arguments.c), limit: descriptorLimit))
        case 1: return try files.entry(descriptor).closeOnExec ? 1 : 0
        case 2:
            try files.setCloseOnExec(descriptor, arguments.c & 1 != 0)
            return 0
        case 3: return Int(file.flags)
        case 4:
            let new = UInt32(truncatingIfNeeded: arguments.c) & Self.settableFlags
            file.flags = file.flags & ~Self.settableFlags | new
            return 0
        case 5, 36: return try getLock(file, isDescription: arguments.b == 36)
        case 6, 7: return try setLock(file, waits: arguments.b == 7, isDescription: false)
        case 37, 38: return try setLock(file, waits: arguments.b == 38, isDescription: true)
        case 8, 10: return 0  // F_SETOWN, F_SETSIG: there is no SIGIO to send
        case 9, 11: return 0
        case 1026:  // F_NOTIFY: who asks for nothing gets it
            guard file.inode?.isDirectory == true else { throw .notDirectory }
            guard arguments.c & 0x7FFF_FFFF == 0 else { throw .invalidArgument }
            return 0
        case 1031, 1032: return try pipeSize(file)
        case 1033, 1034: return try seals(file)
        default: throw .invalidArgument
        }
    }

    /// F_SETPIPE_SZ, F_GETPIPE_SZ.
    private func pipeSize(_ file: File) throws(Errno) -> Int {
        guard let pipe = file.asPipe?.pipe else { throw .badDescriptor }
        if arguments.b == 1032 { return Int(pipe.capacity) }
        guard arguments.c <= 1 << 31 else { throw .invalidArgument }
        return Int(try pipe.resize(to: arguments.c))
    }

    /// F_ADD_SEALS, F_GET_SEALS.
    private func seals(_ file: File) throws(Errno) -> Int {
        guard let node = file.asRegular?.node, let old = node.seals else { throw .invalidArgument }
        if arguments.b == 1034 { return Int(old) }
        guard file.isWritable, old & 1 == 0 else { throw .notPermitted }
        guard arguments.c & ~0x1F == 0 else { throw .invalidArgument }
        if arguments.c & 8 != 0, old & 8 == 0, AddressSpace.isSharedForWriting(node) { throw .busy }
        // BOUNDED: by the five bits there are, just before.
        node.seals = old | UInt32(arguments.c)
        return 0
    }

    // MARK: ioctl

    func deviceControl() throws(Errno) -> Int {
        let descriptor = Int32(truncatingIfNeeded: arguments.a)
        let file = try self.file(arguments.a)
        let request = UInt32(truncatingIfNeeded: arguments.b)
        switch request {
        case 0x5450, 0x5451:  // FIONCLEX, FIOCLEX
            try files.setCloseOnExec(descriptor, request == 0x5451)
            return 0
        case 0x5421:  // FIONBIO
            let isOn = try space.load(Int32.self, at: arguments.c) != 0
            file.flags = isOn ? file.flags | OpenFlags.nonblocking : file.flags & ~OpenFlags.nonblocking
            return 0
        case 0x5452: return 0  // FIOASYNC: there is no SIGIO to send
        case 0x541B where file.inode?.type == .regular:  // FIONREAD
            let size = try file.status().size
            let left = size > file.position ? size - file.position : 0
            try space.store(Int32(truncatingIfNeeded: min(left, UInt64(Int32.max))), at: arguments.c)
            return 0
        // FICLONE, FICLONERANGE: what Linux says where files cannot share blocks; cp asks first of all.
        case 0x4004_9409, 0x4020_940D:
            guard file.inode?.type == .regular else { throw .invalidArgument }
            throw .notSupported
        default: return try control(file, request)
        }
    }

    private func control(_ file: File, _ request: UInt32) throws(Errno) -> Int {
        do throws(Errno) {
            return try file.control(request, arguments.c)
        } catch {
            if error == .notTerminal { Missing.count(control: request) }
            throw error
        }
    }

    // MARK: New descriptors

    func makePipe(flags: UInt64) throws(Errno) -> Int {
        let flags = UInt32(truncatingIfNeeded: flags)
        guard flags & ~(OpenFlags.closeOnExec | OpenFlags.nonblocking | OpenFlags.direct) == 0 else {
            throw .invalidArgument
        }
        let closeOnExec = flags & OpenFlags.closeOnExec != 0
        let pipe = Pipe.make(flags: flags & OpenFlags.nonblocking, credentials)
        let reader = try add(pipe.reader, closeOnExec: closeOnExec)
        do throws(Errno) {
            let writer = try add(pipe.writer, closeOnExec: closeOnExec)
            do throws(Errno) {
                try space.store(UInt64(UInt32(reader)) | UInt64(UInt32(writer)) << 32, at: arguments.a)
            } catch {
                try files.set(writer, nil)
                throw error
            }
        } catch {
            try files.set(reader, nil)
            throw error
        }
        return 0
    }

    /// memfd_create(2): name, flags (MFD_CLOEXEC 1, MFD_ALLOW_SEALING 2, MFD_NOEXEC_SEAL 8, MFD_EXEC 16).
    func makeMemoryFile() throws(Errno) -> Int {
        guard arguments.b & ~0x1B == 0 else { throw .invalidArgument }
        let name: [UInt8]
        do throws(Errno) {
            name = try space.string(at: arguments.a, limit: 250)
        } catch {
            throw error == .nameTooLong ? .invalidArgument : error
        }
        let node = try MemoryFiles.make(name, credentials)
        node.seals = arguments.b & 0xA != 0 ? 0 : 1  // F_SEAL_SEAL: no seals can be added
        let file = RegularFile(
            node, flags: OpenFlags.readWrite | OpenFlags.largeFile, deniesExecution: false)
        return try add(file, closeOnExec: arguments.b & 1 != 0)
    }
}

/// Where memfd_create(2)'s files live: a tmpfs nobody can see.
enum MemoryFiles {
    // SAFETY: see Frames.
    nonisolated(unsafe) private static let layer = Layer(
        Superblock(device: 4, magic: 0x0102_1994, typeName: "tmpfs"), image: nil)

    static func make(_ name: [UInt8], _ credentials: Credentials) throws(Errno) -> LayerFile {
        try layer.requireRoomForInode()
        let node = LayerFile(
            layer,
            Ownership(permissions: 0o777, user: credentials.fileUser, group: credentials.fileGroup))
        node.name = Text.bytes("memfd:") + name
        return node
    }
}
