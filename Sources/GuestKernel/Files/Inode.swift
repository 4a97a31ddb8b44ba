/// What an inode is; the S_IFMT bits of `st_mode`.
enum FileType: UInt32 {
    case fifo = 0o010000
    case character = 0o020000
    case directory = 0o040000
    case block = 0o060000
    case regular = 0o100000
    case symbolicLink = 0o120000
    case socket = 0o140000
}

/// What stat(2) tells. Times in nanoseconds since 1970.
struct FileStatus {
    var device: UInt64 = 0
    var inode: UInt64 = 0
    var type = FileType.regular
    var permissions: UInt32 = 0        // the low 12 bits of st_mode
    var links: UInt64 = 1
    var user: UInt32 = 0
    var group: UInt32 = 0
    var specialDevice: UInt64 = 0      // st_rdev
    var size: UInt64 = 0               // bytes
    var blocks: UInt64 = 0             // 512-byte units
    var accessTime: UInt64 = 0
    var modificationTime: UInt64 = 0
    var changeTime: UInt64 = 0
}

/// A file, directory, device or whatever a name can lead to. Subclasses: EROFS, the writable layer, devices, /proc.
/// What a kind of inode cannot do, it refuses here with the errno Linux gives.
class Inode {
    func status() throws(Errno) -> FileStatus { throw .noSystemCall }

    /// An open file description on this inode. `flags`: O_ bits of open(2).
    func open(flags: UInt32) throws(Errno) -> File { throw .noSuchDeviceOrAddress }

    /// Whether mmap(2) can map it: regular files and shared memory.
    var canMap: Bool { false }

    /// /dev/zero: mapping it gives fresh zero pages.
    var mapsAsAnonymous: Bool { false }

    /// The page of contents with number `index`, with a reference for the caller (Frames.retain). Frames of the mapped root
    /// image are not counted. May wait for a device.
    /// - Throws: `.noSuchDeviceOrAddress` beyond the end, `.noMemory`, `.ioError`.
    func page(at index: UInt64, forWriting: Bool) throws(Errno) -> UInt64 { throw .noSuchDevice }

    /// The same if it is in memory already; never waits.
    func cachedPage(at index: UInt64) -> UInt64? { nil }
}
