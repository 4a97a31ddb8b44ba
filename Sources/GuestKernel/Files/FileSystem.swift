import GuestNucleus

/// The tree of files: what boot, exec and the job ask of it, and what the system calls are made of.
enum FileSystem {
    // SAFETY: see Frames. Set by `start`, before any program runs.
    nonisolated(unsafe) private static var rootInode: Inode?
    /// Everything that is mounted, in order; for /proc/mounts.
    nonisolated(unsafe) private(set) static var mounts: [Superblock] = []

    static var root: Inode {
        guard let rootInode else { panic("a path before the root was mounted") }
        return rootInode
    }

    /// Mounts everything: the image under a writable layer as the root, /dev, /proc. May wait for the image's
    /// device.
    /// - Throws: why the image cannot be the root.
    /// - Parameter disk: where the writable layer's pages may go.
    static func start(root backing: ImageBacking, disk: BlockDevice? = nil) throws(ErofsImage.Refusal) {
        let image = try ErofsImage(backing)
        do throws(Errno) {
            try start(image: image, disk)
        } catch {
            throw error == .corrupted ? .noRootDirectory : .device(error)
        }
    }

    /// A root without an image: an empty tree in memory. For the unit tests.
    static func startEmpty(disk: BlockDevice? = nil) throws(Errno) { try start(image: nil, disk) }

    private static func start(image: ErofsImage?, _ disk: BlockDevice?) throws(Errno) {
        mounts = []
        let superblock = Superblock(device: 1, magic: 0x794C_7630, typeName: "overlay")
        let layer = Layer(superblock, image: image, disk: disk.map { ScratchDisk($0) })
        let root: Inode
        if let image {
            root = try layer.inode(image.rootNID)
        } else {
            root = LayerDirectory(layer, Ownership(permissions: 0o755, user: 0, group: 0))
        }
        superblock.root = root
        mounts.append(superblock)
        rootInode = root
        try mount(try DeviceFileSystem.make(), at: "dev")
        if let pts = try mounts.last?.root?.find(Text.bytes("pts")[...]) {
            mount(TerminalFileSystem.superblock, on: pts)
        }
        try mount(ProcFileSystem.make(), at: "proc")
        let (system, groupPlace) = SysFileSystem.make()
        try mount(system, at: "sys")
        mount(ControlGroup.make(), on: groupPlace)
        for name: StaticString in ["tmp", "run"] { _ = try directory(name) }
    }

    /// A directory of the root; made if the image has none. World-writable if it is /tmp.
    private static func directory(_ name: StaticString) throws(Errno) -> Inode {
        let bytes = Text.bytes(name)
        if let found = try root.find(bytes[...]), found.isDirectory { return found }
        let permissions: UInt32 = bytes[...].equals("tmp") ? 0o1777 : 0o755
        return try root.create(bytes, .directory, Ownership(permissions: permissions, user: 0, group: 0))
    }

    private static func mount(_ superblock: Superblock, at name: StaticString) throws(Errno) {
        mount(superblock, on: try directory(name))
    }

    private static func mount(_ superblock: Superblock, on place: Inode) {
        guard let top = superblock.root else { return }
        top.parent = place.parent
        top.name = place.name
        place.mounted = top
        mounts.append(superblock)
    }

    /// Memory is wanted for a program: gives frames of file pages back, if they have somewhere to go. May wait.
    /// - Returns: whether that helped.
    static func reclaim() -> Bool { ((try? mounts.first?.layer?.evict()) ?? 0) > 0 }

    // MARK: Paths

    /// - Returns: what `path` leads to.
    /// - Throws: `.noSuchFile` and the errors of `PathWalk`.
    static func lookup(
        _ path: [UInt8], in context: FileSystemContext, as credentials: Credentials, followLast: Bool = true
    ) throws(Errno) -> Inode {
        var walk = PathWalk(context, credentials)
        let place = try walk.walk(path, from: context.workingDirectory, followLast: followLast)
        guard let inode = place.inode else { throw .noSuchFile }
        return inode
    }

    /// The file for exec(2).
    /// - Parameter start: where a relative path begins; nil: the working directory.
    /// - Throws: as `requireExecutable` and `lookup`; `.tooManySymbolicLinks` for a link that is not to be followed.
    static func executable(
        _ path: [UInt8], in context: FileSystemContext, as credentials: Credentials, from start: Inode? = nil,
        followLast: Bool = true
    ) throws(Errno) -> Inode {
        var walk = PathWalk(context, credentials)
        let place = try walk.walk(path, from: start ?? context.workingDirectory, followLast: followLast)
        if place.file != nil { throw .accessDenied }
        guard let inode = place.inode else { throw .noSuchFile }
        if inode.type == .symbolicLink { throw .tooManySymbolicLinks }
        try requireExecutable(inode, as: credentials)
        return inode
    }

    /// - Throws: `.accessDenied` if it is not a regular file or may not be executed, `.textBusy` while it is open for
    ///   writing.
    static func requireExecutable(_ inode: Inode, as credentials: Credentials) throws(Errno) {
        guard inode.type == .regular, credentials.may(.execute, inode) else { throw .accessDenied }
        if inode.openWriters > 0 { throw .textBusy }
    }

    /// Copies bytes of a regular file out, for what the kernel itself reads of it (ELF headers, `#!`).
    /// - Returns: bytes read; fewer than asked at the end of the file.
    static func read(_ inode: Inode, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
        throws(Errno) -> Int
    {
        let file = try inode.open(flags: 0)
        var target = IOBuffer(kernel: UnsafeRawBufferPointer(buffer))
        return try file.read(&target, at: offset)
    }

    // MARK: For the job, as the superuser

    /// Makes a file, or empties it if it is there, and opens it for writing. Its directory exists.
    /// - Parameter start: where a relative path begins; nil: the root.
    static func createFile(
        _ path: [UInt8], from start: Inode? = nil, mode: UInt32, owner: UInt32, group: UInt32
    ) throws(Errno) -> File {
        let place = try jobPlace(path, from: start)
        if let inode = place.inode {
            guard inode.type == .regular else { throw inode.isDirectory ? .isDirectory : .exists }
            try inode.truncate(to: 0)
            try inode.change(AttributeChange(permissions: mode & 0o7777, user: owner, group: group))
            return try inode.open(flags: OpenFlags.writeOnly)
        }
        let ownership = Ownership(permissions: mode & 0o7777, user: owner, group: group)
        return try place.directory.create(place.name, .regular, ownership).open(flags: OpenFlags.writeOnly)
    }

    static func makeSymbolicLink(
        _ path: [UInt8], from start: Inode, to target: [UInt8], owner: UInt32, group: UInt32
    ) throws(Errno) {
        let place = try jobPlace(path, from: start, followLast: false)
        if place.inode != nil { throw .exists }
        let ownership = Ownership(permissions: 0o777, user: owner, group: group)
        _ = try place.directory.create(place.name, .symbolicLink(target: target), ownership)
    }

    /// Opens a regular file for reading, for a job's output. Links are followed: they lead nowhere but into
    /// this guest.
    static func openForReading(_ path: [UInt8]) throws(Errno) -> File {
        guard let inode = try jobPlace(path).inode else { throw .noSuchFile }
        if inode.isDirectory { throw .isDirectory }
        guard inode.type == .regular else { throw .invalidArgument }
        return try inode.open(flags: 0)
    }

    private static func jobPlace(
        _ path: [UInt8], from start: Inode? = nil, followLast: Bool = true
    ) throws(Errno) -> Place {
        let context = FileSystemContext()
        var walk = PathWalk(context, Credentials())
        return try walk.walk(path, from: start ?? context.root, followLast: followLast)
    }
}
