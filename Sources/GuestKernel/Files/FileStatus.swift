/// What an inode is; the S_IFMT bits of `st_mode`.
enum FileType: UInt32 {
    case fifo = 0o010000
    case character = 0o020000
    case directory = 0o040000
    case block = 0o060000
    case regular = 0o100000
    case symbolicLink = 0o120000
    case socket = 0o140000

    /// DT_ of getdents64(2).
    var directoryType: UInt8 { UInt8(rawValue >> 12) }
}

/// What stat(2) tells. Times in nanoseconds since 1970.
struct FileStatus {
    var device: UInt64 = 0
    var inode: UInt64 = 0
    var type = FileType.regular
    var permissions: UInt32 = 0  // the low 12 bits of st_mode
    var links: UInt64 = 1
    var user: UInt32 = 0
    var group: UInt32 = 0
    var specialDevice: UInt64 = 0  // st_rdev
    var size: UInt64 = 0  // bytes
    var blocks: UInt64 = 0  // 512-byte units
    var accessTime: UInt64 = 0
    var modificationTime: UInt64 = 0
    var changeTime: UInt64 = 0
    /// nil: nobody knows, as of what came with the image.
    var birthTime: UInt64?
}

/// dev_t as Linux's `makedev` composes it, for numbers below 4096 and 2^20.
func deviceNumber(_ major: UInt64, _ minor: UInt64) -> UInt64 {
    major << 8 | minor & 0xFF | (minor & ~0xFF) << 12
}
