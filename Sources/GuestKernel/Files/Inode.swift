/// A mounted file system, as stat(2), statfs(2) and /proc/mounts tell of it.
final class Superblock {
    /// st_dev; major 0, as Linux gives to what has no device.
    let device: UInt64
    /// f_type of statfs(2).
    let magic: UInt64
    let typeName: StaticString
    /// The root of this file system.
    var root: Inode?
    /// Where its files live, if that is RAM; for statfs(2).
    var layer: Layer?

    init(device: UInt64, magic: UInt64, typeName: StaticString) {
        self.device = device
        self.magic = magic
        self.typeName = typeName
    }

    /// Pages in all, pages free, inodes; nil for what takes no space.
    func space() -> (blocks: UInt64, free: UInt64, inodes: UInt64)? {
        guard let layer else { return nil }
        let image = layer.image?.blockCount ?? 0
        let left = layer.framesMaximum - min(layer.framesUsed, layer.framesMaximum)
        // Without a disk, programs' memory takes space away: the size shrinks, what files use stays what it is.
        let free = layer.disk == nil ? min(left, Frames.available) : left
        return (image + layer.framesUsed + free, free, layer.inodeCount)
    }
}

/// Who may do what with an inode: the low 12 bits of st_mode, owner and group.
struct Ownership {
    var permissions: UInt32
    var user: UInt32
    var group: UInt32
}

/// What chmod, chown, utimensat and their like change; nil stays as it is. Times in nanoseconds since 1970.
struct AttributeChange {
    var permissions: UInt32?
    var user: UInt32?
    var group: UInt32?
    var accessTime: UInt64?
    var modificationTime: UInt64?
}

/// Where a symbolic link leads. Those of /proc lead to an object, whatever its path says now.
enum LinkTarget {
    case path([UInt8])
    case inode(Inode)
    case file(File)
}

/// One name of a directory, as getdents64(2) shows it.
struct DirectoryEntry {
    var name: [UInt8]
    var inode: UInt64
    var type: FileType
    /// Where reading goes on behind this entry.
    var next: UInt64
}

/// What is to be made under a new name.
enum NewInode {
    case regular
    case directory
    case symbolicLink(target: [UInt8])
    /// FIFO, socket, character or block device.
    case special(FileType, device: UInt64)
}

/// A file, directory, device or whatever a name can lead to. Subclasses: the writable layer, devices, /proc,
/// pipes. What a kind of inode cannot do, it refuses here with the errno Linux gives.
class Inode {
    final let type: FileType
    /// The directory the inode was last found or put in, and its name there: for `..`, getcwd and /proc. A
    /// file with several names has one of them here. nil for a root and for what has no name.
    final var parent: Inode?
    final var name: [UInt8] = []
    /// The root of the file system mounted on this directory.
    final var mounted: Inode?
    /// Record locks and flock(2); nil while there are none.
    final var locks: FileLocks?
    /// Some program has, or had, it mapped: its pages may be in page tables.
    final var isMapped = false
    /// Descriptions that are open for writing, and programs that run it: never both (ETXTBSY).
    final private(set) var openWriters = 0
    final private(set) var executions = 0
    /// Who wants to know what happens to it (inotify).
    final var watches: [Inotify.Watch] = []

    init() { type = .regular }
    init(type: FileType) { self.type = type }

    final var isDirectory: Bool { type == .directory }

    // Each beginning has its end, in the deinit of what began it.
    final func writingBegan() { openWriters += 1 }
    final func writingEnded() { openWriters -= 1 }
    final func executionBegan() { executions += 1 }
    final func executionEnded() { executions -= 1 }

    var superblock: Superblock? { nil }

    /// Of /proc/PID: its process, which a descriptor of the directory stands for in pidfd_send_signal(2).
    var processOfDirectory: Process? { nil }

    /// Its last name is gone; what is open still works.
    var isUnlinked: Bool { false }

    /// For the permission checks, and cheaper than `status`.
    var ownership: Ownership { Ownership(permissions: 0o600, user: 0, group: 0) }

    func status() throws(Errno) -> FileStatus { throw .noSystemCall }

    func change(_ attributes: AttributeChange) throws(Errno) { throw .notPermitted }

    /// An open file description on this inode. `flags`: O_ bits of open(2). Permissions were checked.
    func open(flags: UInt32) throws(Errno) -> File { throw .noSuchDeviceOrAddress }

    /// The AF_UNIX socket that is bound to this name of the type `socket`; nil once that is closed.
    var socketBinding: UnixBinding? {
        get { nil }
        set {}
    }

    /// truncate(2).
    func truncate(to size: UInt64) throws(Errno) { throw .invalidArgument }

    /// readlink(2) and following.
    func linkTarget() throws(Errno) -> LinkTarget { throw .invalidArgument }

    /// What readlink(2) says. Links of /proc override it: the path of what they lead to.
    func linkText(for context: FileSystemContext) throws(Errno) -> [UInt8] {
        guard case .path(let target) = try linkTarget() else { throw .invalidArgument }
        return target
    }

    /// What setxattr(2) has put on it; nil while there is nothing, unless asked to `create` the place for it.
    func extendedAttributes(create: Bool) throws(Errno) -> ExtendedAttributes? { throw .notSupported }

    // MARK: Pages

    /// Whether mmap(2) works on it.
    var canMap: Bool { false }

    /// /dev/zero: a mapping of it is anonymous memory.
    var mapsAsAnonymous: Bool { false }

    /// A file of the root image, hardly ever changed while a program has it mapped: a private mapping takes its copies
    /// before the program writes. What a program made itself must show later writes until then.
    var comesFromImage: Bool { false }
    /// Pages of a System V shared memory segment, which shmdt(2) may unmap.
    var isSegment: Bool { false }

    /// The page of contents with number `index`, with a reference for the caller (Frames.retain). Frames of
    /// the mapped root image are not counted. May wait for a device.
    /// - Throws: `.noSuchDeviceOrAddress` beyond the end, `.noMemory`, `.ioError`.
    func page(at index: UInt64, forWriting: Bool) throws(Errno) -> UInt64 { throw .noSuchDevice }

    /// The same, for reading, if it is in memory already; also with a reference for the caller; never waits.
    func cachedPage(at index: UInt64) -> UInt64? { nil }

    // MARK: Directories

    /// The inode with a name in this directory, without regard to mounts; nil if there is none. Never `.` or
    /// `..`.
    func find(_ name: ArraySlice<UInt8>) throws(Errno) -> Inode? { throw .notDirectory }

    /// Calls `body` with the entries behind `position` until it returns false. 0 is the beginning; `.` and
    /// `..` are not here.
    func forEachEntry(from position: UInt64, _ body: (DirectoryEntry) -> Bool) throws(Errno) {
        throw .notDirectory
    }

    /// Makes an inode under a name that was not found.
    /// - Throws: `.exists` if it is there by now; `.noSpace`.
    func create(_ name: [UInt8], _ new: NewInode, _ ownership: Ownership) throws(Errno) -> Inode {
        throw isDirectory ? .noSuchFile : .notDirectory
    }

    /// Gives `inode` another name.
    func link(_ inode: Inode, as name: [UInt8]) throws(Errno) { throw .notPermitted }

    /// Takes a name away; `inode` is what was found under it.
    /// - Throws: `.noSuchFile` if it is another's by now; `.directoryNotEmpty`.
    func remove(_ name: [UInt8], _ inode: Inode) throws(Errno) { throw .notPermitted }

    /// rename(2): `inode`, found under `name`, becomes `newName` in `newParent`, in the place of `replaced`
    /// if there is one. With `exchange`, `replaced` takes the old name (RENAME_EXCHANGE).
    func move(
        _ name: [UInt8], _ inode: Inode, to newParent: Inode, as newName: [UInt8], replacing replaced: Inode?,
        exchange: Bool
    ) throws(Errno) { throw .notPermitted }

    /// An inode without a name, for O_TMPFILE.
    func createUnnamed(_ ownership: Ownership) throws(Errno) -> Inode { throw .notSupported }
}
