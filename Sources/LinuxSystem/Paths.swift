import CLinux
import Glibc
import SystemPackage

// System calls on paths, for the launcher's side: the VMM opens nothing by name. A path is the bytes Linux takes, so
// that names that are not UTF-8 stay what they are.

extension [UInt8] {
    /// Calls `body` with these bytes as a C string. A path with a NUL in it names nothing: ENOENT, as if missing.
    func withPath(_ body: (UnsafePointer<CChar>) -> CInt) throws(Errno) -> CInt {
        if contains(0) { throw .noSuchFileOrDirectory }
        // SAFETY: CChar and UInt8 have the same layout; the pointer is used within the closure only.
        let result = (self + [0]).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { rebound in
                rebound.baseAddress.map(body) ?? -ENOENT
            }
        }
        return try checked(result)
    }
}

/// What lstat(2) or stat(2) says of a path.
public struct PathStatus: Sendable {
    public let kind: FileKind
    public let isSymbolicLink: Bool
    /// The permission bits of st_mode, 0…0o7777.
    public let mode: UInt32
    /// Bytes.
    public let size: UInt64
    public let identity: FileKey

    /// - Parameter followingLinks: stat(2) if true, else lstat(2).
    public init(of path: [UInt8], followingLinks: Bool) throws(Errno) {
        var raw = linux_path_status()
        _ = try path.withPath { linux_stat_path($0, followingLinks ? 1 : 0, &raw) }
        self.init(raw)
    }

    /// lstat(2) of a name in an open directory.
    public init(of name: [UInt8], in directory: FileDescriptor) throws(Errno) {
        var raw = linux_path_status()
        _ = try name.withPath { linux_stat_at(directory.rawValue, $0, &raw) }
        self.init(raw)
    }

    private init(_ raw: linux_path_status) {
        kind = FileKind(mode: raw.mode)
        isSymbolicLink = raw.mode & S_IFMT == S_IFLNK
        mode = raw.mode & 0o7777
        size = raw.size
        identity = FileKey(device: raw.device, inode: raw.inode)
    }
}

extension OwnedDescriptor {
    /// Opens `path`, close-on-exec. `flags` as open(2).
    public static func open(path: [UInt8], flags: CInt, mode: UInt32 = 0) throws(Errno) -> OwnedDescriptor {
        let result = try path.withPath { linux_open($0, flags | O_CLOEXEC, mode) }
        return OwnedDescriptor(owning: FileDescriptor(rawValue: result))
    }

    /// Opens a path below the open directory `root`, close-on-exec: by no link on its way, and never outside of it.
    public static func open(
        _ path: [UInt8], beneath root: FileDescriptor, flags: CInt
    ) throws(Errno) -> OwnedDescriptor {
        let result = try path.withPath { linux_open_beneath(root.rawValue, $0, flags) }
        return OwnedDescriptor(owning: FileDescriptor(rawValue: result))
    }

    /// A file without a name, open for writing, which `link(_:to:)` may give one later. (O_TMPFILE)
    static func openUnnamed(in directory: [UInt8], mode: UInt32) throws(Errno) -> OwnedDescriptor {
        let result = try directory.withPath { linux_open_unnamed($0, mode) }
        return OwnedDescriptor(owning: FileDescriptor(rawValue: result))
    }
}

/// linkat(2): a name for an open file that has none; EEXIST if there is something of that name.
func link(_ file: FileDescriptor, to path: [UInt8]) throws(Errno) {
    _ = try path.withPath { linux_link_descriptor(file.rawValue, $0) }
}

/// mkdir(2) for `path` and each missing parent, less the umask. What exists is left as it is.
///
/// - Parameter mode: Of `path`, if it is made here; its parents get 0755.
public func makeDirectoryAndParents(_ path: [UInt8], mode: UInt32 = 0o755) throws(Errno) {
    // From the end back to what is there, then forward again: a path has two thousand components if its writer likes.
    var missing: [[UInt8]] = []
    var rest = path
    while true {
        do {
            _ = try rest.withPath { linux_mkdir($0, missing.isEmpty ? mode : 0o755) }
            break
        } catch {
            if error == .fileExists {
                if try PathStatus(of: rest, followingLinks: true).kind != .directory { throw .notDirectory }
                break
            }
            guard error == .noSuchFileOrDirectory, let slash = rest.lastIndex(of: UInt8(ascii: "/")), slash > 0
            else { throw error }
            missing.append(rest)
            rest = Array(rest[..<slash])
        }
    }
    for (index, path) in missing.enumerated().reversed() {
        do {
            _ = try path.withPath { linux_mkdir($0, index == 0 ? mode : 0o755) }
        } catch {
            if error != .fileExists { throw error }  // someone else made it meanwhile
        }
    }
}

/// mkdir(2): one directory, which must be new.
public func makeDirectory(_ path: [UInt8], mode: UInt32) throws(Errno) {
    _ = try path.withPath { linux_mkdir($0, mode) }
}

public func rename(_ from: [UInt8], to: [UInt8]) throws(Errno) {
    if to.contains(0) { throw .noSuchFileOrDirectory }
    var failure: Errno?
    _ = try from.withPath { source in
        do throws(Errno) {
            return try to.withPath { linux_rename(source, $0) }
        } catch {
            failure = error
            return 0
        }
    }
    if let failure { throw failure }
}

public func unlinkFile(_ path: [UInt8]) throws(Errno) {
    _ = try path.withPath { linux_unlink($0) }
}

public func removeEmptyDirectory(_ path: [UInt8]) throws(Errno) {
    _ = try path.withPath { linux_rmdir($0) }
}

/// chmod(2), following links.
public func setMode(_ path: [UInt8], _ mode: UInt32) throws(Errno) {
    _ = try path.withPath { linux_chmod($0, mode) }
}

/// The target of a symbolic link.
public func readLink(_ path: [UInt8]) throws(Errno) -> [UInt8] {
    try linkTarget(path) { linux_readlink($0, $1, $2) }
}

/// The same for a name in an open directory.
public func readLink(_ name: [UInt8], in directory: FileDescriptor) throws(Errno) -> [UInt8] {
    try linkTarget(name) { linux_readlink_at(directory.rawValue, $0, $1, $2) }
}

private func linkTarget(
    _ path: [UInt8], _ read: (UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int) -> Int
) throws(Errno) -> [UInt8] {
    var target: [UInt8] = []
    _ = try path.withPath { source in
        var result: CInt = 0
        target = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, initialized in
            result = CInt(read(source, buffer.baseAddress, buffer.count))
            initialized = max(0, Int(result))
        }
        return result
    }
    return target
}

/// The names in a directory without "." and "..", sorted by their bytes.
public func listDirectory(_ path: [UInt8]) throws(Errno) -> [[UInt8]] {
    var stream: UnsafeMutableRawPointer?
    _ = try path.withPath {
        var error: CInt = 0
        stream = linux_directory_open($0, &error)
        return error
    }
    defer { linux_directory_close(stream) }
    return try names(in: stream)
}

/// The same for an open directory.
public func listDirectory(_ directory: FileDescriptor) throws(Errno) -> [[UInt8]] {
    var error: CInt = 0
    let stream = linux_directory_of(directory.rawValue, &error)
    try checked(error)
    defer { linux_directory_close(stream) }
    return try names(in: stream)
}

private func names(in stream: UnsafeMutableRawPointer?) throws(Errno) -> [[UInt8]] {
    var names: [[UInt8]] = []
    while true {
        var name: UnsafePointer<CChar>?
        if try checked(linux_directory_next(stream, &name)) == 0 { break }
        guard let name else { break }
        let bytes = UnsafeBufferPointer(start: name, count: strlen(name)).map { UInt8(bitPattern: $0) }
        if bytes != [UInt8(ascii: ".")], bytes != [UInt8(ascii: "."), UInt8(ascii: ".")] {
            names.append(bytes)
        }
    }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
}

extension FileDescriptor {
    /// fsync(2).
    public func synchronize() throws(Errno) {
        try checked(linux_fsync(rawValue))
    }

    /// fchmod(2).
    public func setMode(_ mode: UInt32) throws(Errno) {
        try checked(linux_fchmod(rawValue, mode))
    }

    /// Takes an exclusive flock(2); false if another open file holds it and `waiting` is false.
    public func lock(waiting: Bool) throws(Errno) -> Bool {
        let result = linux_flock(rawValue, LOCK_EX | (waiting ? 0 : LOCK_NB))
        if result == -EWOULDBLOCK { return false }
        try checked(result)
        return true
    }

    /// Reads up to `count` bytes at `offset`, fewer only at the end of the file.
    public func read(at offset: UInt64, upTo count: Int) throws(Errno) -> [UInt8] {
        var failure: Errno?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(Errno) {
                while initialized < count, let base = buffer.baseAddress {
                    let done = initialized
                    let got = try retryingOnInterrupt {
                        linux_pread(rawValue, base + done, count - done, Int64(offset) + Int64(done))
                    }
                    if got == 0 { break }
                    initialized += got
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads to the end of the file. - Throws: `EFBIG` if there are more than `limit` bytes.
    public func readAll(atMost limit: Int) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let piece = try read(upTo: min(64 * 1024, limit + 1))
            if piece.isEmpty { return bytes }
            bytes += piece
            if bytes.count > limit { throw .fileTooLarge }
        }
    }
}

/// Makes a rename or a new name in `directory` durable.
public func synchronizeDirectory(_ directory: [UInt8]) throws(Errno) {
    let descriptor = try OwnedDescriptor.open(path: directory, flags: O_RDONLY | O_DIRECTORY)
    try descriptor.borrowed.synchronize()
}

/// Writes `bytes` to a new file beside `path` and renames it over `path`: readers see the old file or the new one.
public func replaceFile(_ path: [UInt8], with bytes: [UInt8], mode: UInt32 = 0o644) throws(Errno) {
    let temporary = path + Array(".new-\(getpid())".utf8)
    do {
        let file = try OwnedDescriptor.open(path: temporary, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        try file.borrowed.write(all: bytes)
        try file.borrowed.synchronize()
        try rename(temporary, to: path)
    } catch {
        try? unlinkFile(temporary)
        throw error
    }
    let directory =
        path.lastIndex(of: UInt8(ascii: "/")).map { Array(path[..<max($0, 1)]) } ?? Array(".".utf8)
    try synchronizeDirectory(directory)
}
