import CLinux
import Glibc
import SystemPackage

/// What kind of file a descriptor names (the S_IFMT part of st_mode).
public enum FileKind: Sendable {
    case regular, pipe, socket, characterDevice, blockDevice, directory, other

    /// Of st_mode.
    init(mode: UInt32) {
        self =
            switch mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFIFO: .pipe
            case S_IFSOCK: .socket
            case S_IFCHR: .characterDevice
            case S_IFBLK: .blockDevice
            case S_IFDIR: .directory
            default: .other
            }
    }
}

/// What a file is on this host, whatever its names are.
public struct FileKey: Hashable, Sendable {
    public let device: UInt64
    public let inode: UInt64

    public init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}

/// The facts of fstat(2) that decide how to do input and output.
public struct FileStatus: Sendable {
    public let kind: FileKind
    /// In bytes; meaningful for regular files.
    public let size: UInt64
    public let device: UInt64
    public let inode: UInt64
    /// When content or attributes last changed, nanoseconds since 1970, which no program can set (st_ctime).
    public let changed: Int64
    /// The permission bits of st_mode, 0…0o7777.
    public let mode: UInt32

    public var identity: FileKey { FileKey(device: device, inode: inode) }
}

extension FileDescriptor {
    public func status() throws(Errno) -> FileStatus {
        var raw = linux_file_status()
        try checked(linux_fstat(rawValue, &raw))
        return FileStatus(
            kind: FileKind(mode: raw.mode), size: raw.size, device: raw.device, inode: raw.inode,
            changed: raw.changed, mode: raw.mode & 0o7777)
    }

    /// The O_ flags of the open file description (F_GETFL).
    public func statusFlags() throws(Errno) -> CInt {
        try checked(linux_get_status_flags(rawValue))
    }

    public var isReadable: Bool {
        get throws(Errno) {
            let mode = try statusFlags() & O_ACCMODE
            return mode == O_RDONLY || mode == O_RDWR
        }
    }

    public var isWritable: Bool {
        get throws(Errno) {
            let mode = try statusFlags() & O_ACCMODE
            return mode == O_WRONLY || mode == O_RDWR
        }
    }

    /// Reads at most `buffer.count` bytes; 0 is the end of the file.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        try retryingOnInterrupt { linux_read(rawValue, buffer.baseAddress, buffer.count) }
    }

    /// Writes some of `bytes` and returns how many.
    public func write(some bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        try retryingOnInterrupt { linux_write(rawValue, bytes.baseAddress, bytes.count) }
    }

    /// Writes all of `bytes`, waiting as long as it takes.
    public func write(all bytes: UnsafeRawBufferPointer) throws(Errno) {
        var rest = bytes
        while !rest.isEmpty {
            let written = try write(some: rest)
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
        }
    }

    public func write(all bytes: [UInt8]) throws(Errno) {
        var failure: Errno?
        bytes.withUnsafeBytes { raw in
            do throws(Errno) { try write(all: raw) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Reads up to `count` bytes into a new array; empty at the end of the file.
    public func read(upTo count: Int) throws(Errno) -> [UInt8] {
        var failure: Errno?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(Errno) {
                initialized = try read(into: UnsafeMutableRawBufferPointer(buffer))
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Makes the file this long (ftruncate(2)).
    public func truncate(to bytes: UInt64) throws(Errno) {
        try checked(linux_ftruncate(rawValue, Int64(clamping: bytes)))
    }

    /// The next read begins at the file's start (lseek(2)).
    public func rewind() throws(Errno) {
        // glibc's lseek touches no errno but its own thread's, and fails only for what is no file.
        if Glibc.lseek(rawValue, 0, SEEK_SET) < 0 { throw .illegalSeek }
    }

    public func shutdown(_ how: CInt) throws(Errno) {
        try checked(linux_shutdown(rawValue, how))
    }

    /// Whether the descriptor would not block for `events` (POLLIN, POLLOUT) now. Errors and hang-ups count
    /// as ready.
    public func isReady(for events: CInt) throws(Errno) -> Bool {
        try retryingOnInterrupt { linux_poll(rawValue, events, 0) } != 0
    }
}
