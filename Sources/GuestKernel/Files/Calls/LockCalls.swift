/// flock(2) and the record locks of fcntl(2).
extension FileCall {
    /// The range of a `struct flock` (type i16, whence i16, start i64, length i64, process i32), as a lock of
    /// this caller.
    private func lockRange(
        _ file: File, isDescription: Bool
    ) throws(Errno) -> (type: Int16, lock: FileLocks.Lock) {
        let type = try space.load(Int16.self, at: arguments.c)
        let whence = try space.load(Int16.self, at: arguments.c &+ 2)
        var start = try space.load(Int64.self, at: arguments.c &+ 8)
        let length = try space.load(Int64.self, at: arguments.c &+ 16)
        if isDescription, try space.load(Int32.self, at: arguments.c &+ 24) != 0 { throw .invalidArgument }
        guard (0...2).contains(type) else { throw .invalidArgument }
        switch whence {
        case 0: break
        case 1, 2:
            let base = whence == 1 ? file.position : try file.status().size
            let (sum, overflow) = start.addingReportingOverflow(Int64(truncatingIfNeeded: base))
            if overflow { throw .overflow }
            start = sum
        default: throw .invalidArgument
        }
        var end = UInt64.max
        if length != 0 {
            let (sum, overflow) = start.addingReportingOverflow(length)
            if overflow { throw .overflow }
            guard min(start, sum) >= 0 else { throw .invalidArgument }
            end = UInt64(max(start, sum))
            start = min(start, sum)
        }
        guard start >= 0 else { throw .invalidArgument }
        let owner = isDescription ? ObjectIdentifier(file) : ObjectIdentifier(files)
        return (
            type,
            FileLocks.Lock(
                owner: owner, process: isDescription ? -1 : process.id, isExclusive: type == 1,
                isFlock: false,
                start: UInt64(start), end: end)
        )
    }

    private func locks(of file: File) throws(Errno) -> FileLocks {
        guard let inode = file.inode else { throw .badDescriptor }
        if let locks = inode.locks { return locks }
        let locks = FileLocks()
        inode.locks = locks
        return locks
    }

    func getLock(_ file: File, isDescription: Bool) throws(Errno) -> Int {
        let (type, wanted) = try lockRange(file, isDescription: isDescription)
        guard type != 2 else { throw .invalidArgument }
        guard let other = try locks(of: file).conflict(with: wanted) else {
            try space.store(Int16(2), at: arguments.c)  // F_UNLCK: it could be had
            return 0
        }
        try space.store(Int16(other.isExclusive ? 1 : 0), at: arguments.c)
        try space.store(Int16(0), at: arguments.c &+ 2)
        try space.store(other.start, at: arguments.c &+ 8)
        try space.store(other.end == .max ? 0 : other.end - other.start, at: arguments.c &+ 16)
        try space.store(other.process, at: arguments.c &+ 24)
        return 0
    }

    func setLock(_ file: File, waits: Bool, isDescription: Bool) throws(Errno) -> Int {
        let (type, wanted) = try lockRange(file, isDescription: isDescription)
        if type == 0 && !file.isReadable || type == 1 && !file.isWritable { throw .badDescriptor }
        return try apply(wanted, unlocks: type == 2, waits: waits, to: file)
    }

    private func apply(_ wanted: FileLocks.Lock, unlocks: Bool, waits: Bool, to file: File) throws(Errno)
        -> Int
    {
        let locks = try locks(of: file)
        if unlocks {
            locks.unlock(wanted)
            return 0
        }
        // A flock of another kind is given up first (flock(2): "converting a lock is not atomic").
        if wanted.isFlock, locks.holdsOther(than: wanted) { locks.unlock(wanted) }
        while let other = locks.conflict(with: wanted) {
            guard waits else { throw .wouldBlock }
            try locks.wait(for: other, wanting: wanted)
        }
        try locks.set(wanted)
        return 0
    }

    /// flock(2): LOCK_SH 1, LOCK_EX 2, LOCK_NB 4, LOCK_UN 8.
    func lockFile() throws(Errno) -> Int {
        let file = try file(arguments.a)
        let operation = arguments.b & ~4
        guard operation == 1 || operation == 2 || operation == 8 else { throw .invalidArgument }
        let wanted = FileLocks.Lock(
            owner: ObjectIdentifier(file), process: -1, isExclusive: operation == 2, isFlock: true)
        return try apply(wanted, unlocks: operation == 8, waits: arguments.b & 4 == 0, to: file)
    }
}
