/// One system call on files: its arguments and whose it is. The calls themselves are in extensions, by
/// subject.
struct FileCall {
    let arguments: SystemCallArguments
    let thread: Thread

    var process: Process { thread.process }
    var space: AddressSpace { thread.process.space }
    var files: FileTable { thread.process.files }
    var context: FileSystemContext { thread.process.directories }
    var credentials: Credentials { thread.process.credentials }
    var descriptorLimit: Int { Int(min(thread.process.limits.soft[7], 1 << 20)) }

    /// AT_FDCWD: relative to the working directory.
    static let workingDirectory: Int32 = -100
    /// AT_ flags.
    static let noFollow: UInt64 = 0x100
    static let removeDirectory: UInt64 = 0x200
    static let follow: UInt64 = 0x400
    static let emptyPath: UInt64 = 0x1000

    /// An open file. A descriptor of O_PATH is a place in the tree, not an open file, for all but a few calls.
    /// - Throws: `.badDescriptor`.
    func file(_ descriptor: UInt64) throws(Errno) -> File {
        let file = try anyFile(descriptor)
        guard file.flags & OpenFlags.path == 0 else { throw .badDescriptor }
        return file
    }

    /// An open file, or what O_PATH has opened.
    func anyFile(_ descriptor: UInt64) throws(Errno) -> File {
        try files.file(Int32(truncatingIfNeeded: descriptor))
    }

    func path(at address: UInt64) throws(Errno) -> [UInt8] {
        try space.string(at: address, limit: PathWalk.pathMaximum)
    }

    /// Where a path that came with a directory's descriptor begins.
    /// - Parameter isInRoot: it counts for an absolute path too (RESOLVE_IN_ROOT).
    /// - Throws: `.badDescriptor`, `.notDirectory`; not if the path is absolute.
    func start(_ descriptor: UInt64, for path: [UInt8], isInRoot: Bool = false) throws(Errno) -> Inode {
        let descriptor = Int32(truncatingIfNeeded: descriptor)
        if descriptor == Self.workingDirectory || path.first == UInt8(ascii: "/") && !isInRoot {
            return context.workingDirectory
        }
        guard let inode = try files.file(descriptor).inode, inode.isDirectory else { throw .notDirectory }
        return inode
    }

    func walk(_ directory: UInt64, _ pathAddress: UInt64, followLast: Bool) throws(Errno) -> Place {
        let path = try path(at: pathAddress)
        var walk = PathWalk(context, credentials)
        return try walk.walk(path, from: try start(directory, for: path), followLast: followLast)
    }

    /// What a path leads to: an inode, or an open file that has none.
    enum Target {
        case inode(Inode)
        case file(File)

        func status() throws(Errno) -> FileStatus {
            switch self {
            case .inode(let inode): try inode.status()
            case .file(let file): try file.status()
            }
        }
    }

    /// The target of a directory descriptor, a path and AT_ flags; with AT_EMPTY_PATH and no path, the
    /// descriptor's own.
    func target(_ directory: UInt64, _ pathAddress: UInt64, flags: UInt64) throws(Errno) -> Target {
        let path = try path(at: pathAddress)
        if path.isEmpty && flags & Self.emptyPath != 0 {
            if Int32(truncatingIfNeeded: directory) == Self.workingDirectory {
                return .inode(context.workingDirectory)
            }
            return .file(try anyFile(directory))
        }
        var walk = PathWalk(context, credentials)
        let place = try walk.walk(
            path, from: try start(directory, for: path), followLast: flags & Self.noFollow == 0)
        if let file = place.file { return .file(file) }
        guard let inode = place.inode else { throw .noSuchFile }
        return .inode(inode)
    }

    func inode(_ directory: UInt64, _ pathAddress: UInt64, flags: UInt64) throws(Errno) -> Inode {
        switch try target(directory, pathAddress, flags: flags) {
        case .inode(let inode): return inode
        case .file(let file):
            guard let inode = file.inode else { throw .badDescriptor }
            return inode
        }
    }

    func inode(of descriptor: UInt64) throws(Errno) -> Inode {
        guard let inode = try file(descriptor).inode else { throw .badDescriptor }
        return inode
    }

    // MARK: Time

    /// A `struct timespec` in nanoseconds.
    /// - Throws: `.badAddress`, `.invalidArgument` for negative seconds or nanoseconds out of range.
    func duration(at address: UInt64) throws(Errno) -> UInt64 {
        let seconds = try space.load(Int64.self, at: address)
        let nanoseconds = try space.load(Int64.self, at: address &+ 8)
        guard seconds >= 0, (0..<1_000_000_000).contains(nanoseconds) else { throw .invalidArgument }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product &+ UInt64(nanoseconds)
    }

    /// `Clock.monotonic` after a duration; .max for what never comes.
    func deadline(after duration: UInt64) -> UInt64 {
        let (sum, overflow) = Clock.monotonic.addingReportingOverflow(duration)
        return overflow ? .max : sum
    }
}
