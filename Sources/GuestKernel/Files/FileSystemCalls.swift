/// System calls on files and descriptors: numbers of asm/unistd_64.h.
/// - Returns: nil for a number that is not one of these.
func fileSystemCall(_ number: UInt64, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno)
    -> Int?
{
    let call = FileCall(arguments: arguments, thread: thread)
    if number <= 20 { return try call.serveCommon(number) }
    if let result = try call.servePath(number) { return result }
    if let result = try call.serveDescriptor(number) { return result }
    return try call.serveEvents(number)
}

extension FileCall {
    private static var here: UInt64 { UInt64(bitPattern: Int64(workingDirectory)) }

    fileprivate func serveCommon(_ number: UInt64) throws(Errno) -> Int? {
        switch number {
        case 0: try read()
        case 1: try write()
        case 2: try open(Self.here, arguments.a, flags: arguments.b, mode: arguments.c)
        case 3: try close()
        case 4: try status(followLast: true)
        case 5: try statusOfDescriptor()
        case 6: try status(followLast: false)
        case 7: try poll()
        case 8: try seek()
        case 16: try deviceControl()
        case 17: try positionedRead()
        case 18: try positionedWrite()
        case 19: try vectoredRead()
        case 20: try vectoredWrite()
        default: nil
        }
    }

    /// Calls that take a path.
    fileprivate func servePath(_ number: UInt64) throws(Errno) -> Int? {
        let (a, b, c, d, e) = (arguments.a, arguments.b, arguments.c, arguments.d, arguments.e)
        switch number {
        case 21: return try access(Self.here, a, mode: b, flags: 0)
        case 76: return try truncatePath()
        case 79: return try workingDirectoryPath()
        case 80: return try changeDirectory()
        case 82: return try rename(Self.here, a, Self.here, b, flags: 0)
        case 83: return try makeDirectory(Self.here, a, mode: b)
        case 84: return try remove(Self.here, a, isDirectory: true)
        case 85:
            let flags = OpenFlags.create | OpenFlags.writeOnly | OpenFlags.truncate
            return try open(Self.here, a, flags: UInt64(flags), mode: b)
        case 86: return try link(Self.here, a, Self.here, b, flags: 0)
        case 87: return try remove(Self.here, a, isDirectory: false)
        case 88: return try makeSymbolicLink(a, Self.here, b)
        case 89: return try readLink(Self.here, a, b, c)
        case 90: return try changeMode(try inode(Self.here, a, flags: 0), b)
        case 92: return try changeOwner(try inode(Self.here, a, flags: 0), b, c)
        case 94: return try changeOwner(try inode(Self.here, a, flags: Self.noFollow), b, c)
        case 132: return try changeTimesInSeconds(Self.here, a, b)
        case 133: return try makeNode(Self.here, a, mode: b, device: c)
        case 137: return try fileSystemStatus()
        case 161: return try changeRoot()
        case 188...199: return try extendedAttribute(number)
        case 235: return try changeTimesInMicroseconds(Self.here, a, b)
        case 257: return try open(a, b, flags: c, mode: d)
        case 258: return try makeDirectory(a, b, mode: c)
        case 259: return try makeNode(a, b, mode: c, device: d)
        case 260: return try changeOwnerAt()
        case 261: return try changeTimesInMicroseconds(a, b, c)
        case 262: return try statusAt()
        case 263: return try remove(a, b, flags: c)
        case 264: return try rename(a, b, c, d, flags: 0)
        case 265: return try link(a, b, c, d, flags: e)
        case 266: return try makeSymbolicLink(a, b, c)
        case 267: return try readLink(a, b, c, d)
        case 268: return try changeMode(try inode(a, b, flags: 0), c)
        case 269: return try access(a, b, mode: c, flags: 0)
        case 280: return try changeTimes()
        case 316: return try rename(a, b, c, d, flags: e)
        case 332: return try extendedStatus()
        case 439: return try access(a, b, mode: c, flags: d)
        case 452:
            guard d & ~(Self.noFollow | Self.emptyPath) == 0 else { throw .invalidArgument }
            return try changeMode(try inode(a, b, flags: d), c)
        default: return nil
        }
    }

    /// Calls that take descriptors.
    fileprivate func serveDescriptor(_ number: UInt64) throws(Errno) -> Int? {
        switch number {
        case 22: return try makePipe(flags: 0)
        case 32: return try duplicate()
        case 33: return try duplicate(to: arguments.b, flags: 0, isDup3: false)
        case 40: return try sendFile()
        case 72: return try control()
        case 73: return try lockFile()
        case 74, 75, 187, 221, 277, 306:  // fsync, fdatasync, readahead, fadvise64, sync_file_range, syncfs
            _ = try file(arguments.a)
            return 0
        case 77: return try truncateDescriptor()
        case 81: return try changeDirectoryToDescriptor()
        case 91: return try changeMode(try inode(of: arguments.a), arguments.b)
        case 93: return try changeOwner(try inode(of: arguments.a), arguments.b, arguments.c)
        case 95:
            let old = context.umask
            context.umask = UInt32(truncatingIfNeeded: arguments.a) & 0o777
            return Int(old)
        case 138: return try fileSystemStatusOfDescriptor()
        case 162: return 0  // sync
        case 165, 166: throw credentials.isPrivileged ? .noSystemCall : .notPermitted  // mount, umount2
        case 217: return try directoryEntries()
        case 275: return try splice()
        case 285: return try allocateSpace()
        case 292: return try duplicate(to: arguments.b, flags: arguments.c, isDup3: true)
        case 293: return try makePipe(flags: arguments.b)
        case 295: return try positionedVectoredRead(hasFlags: false)
        case 296: return try positionedVectoredWrite(hasFlags: false)
        case 319: return try makeMemoryFile()
        case 326: return try copyRange()
        case 327: return try positionedVectoredRead(hasFlags: true)
        case 328: return try positionedVectoredWrite(hasFlags: true)
        case 436: return try closeRange()
        default: return nil
        }
    }

    /// Waiting for events.
    fileprivate func serveEvents(_ number: UInt64) throws(Errno) -> Int? {
        switch number {
        case 23: try select()
        case 213: try makeEpoll(flags: 0)
        case 232: try epollWait()
        case 233: try epollControl()
        case 270: try selectWithMask()
        case 271: try pollWithMask()
        case 281: try epollWaitWithMask(hasTimespec: false)
        case 284: try makeEventCounter(flags: 0)
        case 290: try makeEventCounter(flags: arguments.b)
        case 291: try makeEpoll(flags: arguments.a)
        case 441: try epollWaitWithMask(hasTimespec: true)
        default: nil
        }
    }
}
