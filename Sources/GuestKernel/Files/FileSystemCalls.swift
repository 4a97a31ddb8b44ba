/// System calls on files and descriptors. Each function answers the calls that SystemCallDispatch.swift gives it.
extension FileCall {
    private static var here: UInt64 { UInt64(bitPattern: Int64(workingDirectory)) }

    /// What nearly every program calls.
    func serveCommon(_ call: SystemCall) throws(Errno) -> Int? {
        switch call {
        case .read: try read()
        case .write: try write()
        case .open: try open(Self.here, arguments.a, flags: arguments.b, mode: arguments.c)
        case .close: try close()
        case .stat: try status(followLast: true)
        case .fstat: try statusOfDescriptor()
        case .lstat: try status(followLast: false)
        case .poll: try poll()
        case .lseek: try seek()
        case .ioctl: try deviceControl()
        case .pread64: try positionedRead()
        case .pwrite64: try positionedWrite()
        case .readv: try vectoredRead()
        case .writev: try vectoredWrite()
        default: nil
        }
    }

    /// Calls that take a path.
    func servePath(_ call: SystemCall) throws(Errno) -> Int? {
        let (a, b, c, d, e) = (arguments.a, arguments.b, arguments.c, arguments.d, arguments.e)
        switch call {
        case .access: return try access(Self.here, a, mode: b, flags: 0)
        case .truncate: return try truncatePath()
        case .getcwd: return try workingDirectoryPath()
        case .chdir: return try changeDirectory()
        case .rename: return try rename(Self.here, a, Self.here, b, flags: 0)
        case .mkdir: return try makeDirectory(Self.here, a, mode: b)
        case .rmdir: return try remove(Self.here, a, isDirectory: true)
        case .creat:
            let flags = OpenFlags.create | OpenFlags.writeOnly | OpenFlags.truncate
            return try open(Self.here, a, flags: UInt64(flags), mode: b)
        case .link: return try link(Self.here, a, Self.here, b, flags: 0)
        case .unlink: return try remove(Self.here, a, isDirectory: false)
        case .symlink: return try makeSymbolicLink(a, Self.here, b)
        case .readlink: return try readLink(Self.here, a, b, c)
        case .chmod: return try changeMode(try inode(Self.here, a, flags: 0), b)
        case .chown: return try changeOwner(try inode(Self.here, a, flags: 0), b, c)
        case .lchown: return try changeOwner(try inode(Self.here, a, flags: Self.noFollow), b, c)
        case .utime: return try changeTimesInSeconds(Self.here, a, b)
        case .mknod: return try makeNode(Self.here, a, mode: b, device: c)
        case .statfs: return try fileSystemStatus()
        case .chroot: return try changeRoot()
        case .setxattr: return try setAttribute(.path)
        case .lsetxattr: return try setAttribute(.link)
        case .fsetxattr: return try setAttribute(.descriptor)
        case .getxattr: return try getAttribute(.path)
        case .lgetxattr: return try getAttribute(.link)
        case .fgetxattr: return try getAttribute(.descriptor)
        case .listxattr: return try listAttributes(.path)
        case .llistxattr: return try listAttributes(.link)
        case .flistxattr: return try listAttributes(.descriptor)
        case .removexattr: return try removeAttribute(.path)
        case .lremovexattr: return try removeAttribute(.link)
        case .fremovexattr: return try removeAttribute(.descriptor)
        case .utimes: return try changeTimesInMicroseconds(Self.here, a, b)
        case .openat: return try open(a, b, flags: c, mode: d)
        case .mkdirat: return try makeDirectory(a, b, mode: c)
        case .mknodat: return try makeNode(a, b, mode: c, device: d)
        case .fchownat: return try changeOwnerAt()
        case .futimesat: return try changeTimesInMicroseconds(a, b, c)
        case .newfstatat: return try statusAt()
        case .unlinkat: return try remove(a, b, flags: c)
        case .renameat: return try rename(a, b, c, d, flags: 0)
        case .linkat: return try link(a, b, c, d, flags: e)
        case .symlinkat: return try makeSymbolicLink(a, b, c)
        case .readlinkat: return try readLink(a, b, c, d)
        case .fchmodat: return try changeMode(try inode(a, b, flags: 0), c)
        case .faccessat: return try access(a, b, mode: c, flags: 0)
        case .utimensat: return try changeTimes()
        case .renameat2: return try rename(a, b, c, d, flags: e)
        case .statx: return try extendedStatus()
        case .openat2: return try openRestricted()
        case .faccessat2: return try access(a, b, mode: c, flags: d)
        case .fchmodat2:
            guard d & ~(Self.noFollow | Self.emptyPath) == 0 else { throw .invalidArgument }
            return try changeMode(try inode(a, b, flags: d), c)
        default: return nil
        }
    }

    /// Calls that take descriptors.
    func serveDescriptor(_ call: SystemCall) throws(Errno) -> Int? {
        switch call {
        case .pipe: return try makePipe(flags: 0)
        case .dup: return try duplicate()
        case .dup2: return try duplicate(to: arguments.b, flags: 0, isDup3: false)
        case .sendfile: return try sendFile()
        case .fcntl: return try control()
        case .flock: return try lockFile()
        case .fsync, .fdatasync, .readahead, .fadvise64, .sync_file_range, .syncfs:
            _ = try file(arguments.a)
            return 0
        case .ftruncate: return try truncateDescriptor()
        case .fchdir: return try changeDirectoryToDescriptor()
        case .fchmod: return try changeMode(try inode(of: arguments.a), arguments.b)
        case .fchown: return try changeOwner(try inode(of: arguments.a), arguments.b, arguments.c)
        case .umask:
            let old = context.umask
            context.umask = UInt32(truncatingIfNeeded: arguments.a) & 0o777
            return Int(old)
        case .fstatfs: return try fileSystemStatusOfDescriptor()
        case .sync: return 0
        case .mount, .umount2:
            SystemCalls.countUnsupported(call)
            throw .notPermitted
        case .name_to_handle_at: throw .notSupported
        case .getdents, .getdents64: return try directoryEntries(isOld: call == .getdents)
        case .splice: return try splice()
        case .tee: return try tee()
        case .vmsplice: return try vmsplice()
        case .fallocate: return try allocateSpace()
        case .dup3: return try duplicate(to: arguments.b, flags: arguments.c, isDup3: true)
        case .pipe2: return try makePipe(flags: arguments.b)
        case .preadv: return try positionedVectoredRead(hasFlags: false)
        case .pwritev: return try positionedVectoredWrite(hasFlags: false)
        case .memfd_create: return try makeMemoryFile()
        case .copy_file_range: return try copyRange()
        case .preadv2: return try positionedVectoredRead(hasFlags: true)
        case .pwritev2: return try positionedVectoredWrite(hasFlags: true)
        case .close_range: return try closeRange()
        default: return nil
        }
    }

    /// Waiting for events.
    func serveEvents(_ call: SystemCall) throws(Errno) -> Int? {
        switch call {
        case .select: try select()
        case .epoll_create: try makeEpoll(flags: 0)
        case .epoll_wait: try epollWait()
        case .epoll_ctl: try epollControl()
        case .inotify_init: try makeInotify(flags: 0)
        case .inotify_init1: try makeInotify(flags: arguments.a)
        case .inotify_add_watch: try addWatch()
        case .inotify_rm_watch: try removeWatch()
        case .pselect6: try selectWithMask()
        case .ppoll: try pollWithMask()
        case .epoll_pwait: try epollWaitWithMask(hasTimespec: false)
        case .eventfd: try makeEventCounter(flags: 0)
        case .eventfd2: try makeEventCounter(flags: arguments.b)
        case .epoll_create1: try makeEpoll(flags: arguments.a)
        case .epoll_pwait2: try epollWaitWithMask(hasTimespec: true)
        default: nil
        }
    }
}
