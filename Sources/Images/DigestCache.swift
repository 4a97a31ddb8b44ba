import Glibc
import LinuxSystem
import SystemPackage

/// Digests of files that were hashed before. A job's result names its kernel by digest, and hashing 1.2 MB takes longer
/// (7 ms) than the job.
///
///     HOME/digests/DEVICE-INODE    "SIZE CHANGED SHA256 PATH"
///
/// A file is the same as long as its size and its change time are, which no program can set back. One that changed within the
/// last two seconds could change again within the same tick of the file system's clock: its digest is not kept.
/// PATH is where the file was when it was hashed: whether it is there still tells `removeStale`; nothing else looks at it.
struct DigestCache {
    /// `HOME/digests`.
    let directory: String

    /// A path has at most 4096 bytes.
    private static let maximumRecord = 4096 + 256
    private static let settlingNanoseconds: Int64 = 2_000_000_000
    /// Most digests kept: a kernel that is built anew for each job leaves one each time.
    static let maximumRecords = 512

    /// The digest that was kept for a file of this status.
    func digest(for status: FileStatus) -> String? {
        guard let record = record(at: path(of: status)), record.size == status.size,
            record.changed == status.changed
        else { return nil }
        return record.digest
    }

    /// Removes what no digest will be looked up by again: of files that are gone, that are not what they were, or that
    /// nobody knows the place of. To be called where an image or a kernel comes or goes, never on a job's way.
    func removeStale() {
        for name in (try? listNames(directory)) ?? [] {
            let path = "\(directory)/\(name)"
            if let record = record(at: path), let status = Self.status(ofFileAt: record.path),
                self.path(of: status) == path, record.size == status.size, record.changed == status.changed
            {
                continue
            }
            // One that somebody has just replaced is hashed again, that is all.
            try? unlinkFile(path.bytes)
        }
    }

    private static func status(ofFileAt path: [UInt8]) -> FileStatus? {
        // Without waiting for the writer of a pipe that has taken the file's place.
        do throws(Errno) {
            let file = try OwnedDescriptor.open(path: path, flags: O_RDONLY | O_NONBLOCK)
            return try file.borrowed.status()
        } catch {
            return nil
        }
    }

    private struct Record {
        let size: UInt64
        let changed: Int64
        let digest: String
        let path: [UInt8]
    }

    private func record(at path: String) -> Record? {
        guard let file = try? OwnedDescriptor.open(path: path.bytes, flags: O_RDONLY | O_NOFOLLOW),
            let bytes = try? file.borrowed.readAll(atMost: Self.maximumRecord)
        else { return nil }
        let fields = bytes.split(separator: UInt8(ascii: " "), maxSplits: 3)
        guard fields.count == 4, let size = UInt64(text(fields[0])), let changed = Int64(text(fields[1])),
            fields[2].count == 64, text(fields[2]).allSatisfy(\.isHexDigit)
        else { return nil }
        return Record(size: size, changed: changed, digest: text(fields[2]), path: Array(fields[3]))
    }

    private func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    /// Keeps `digest` for the next time. A cache that cannot be written costs time and nothing else.
    /// - Parameter place: An absolute path of the file.
    func keep(
        _ digest: String, for status: FileStatus, at place: [UInt8], now: Int64 = Int64(realtimeNanoseconds())
    ) {
        guard now - status.changed > Self.settlingNanoseconds else { return }
        let path = path(of: status)
        do throws(Errno) {
            try makeDirectoryAndParents(directory.bytes)
            var record = try PendingFile(
                path: path.bytes, temporaryPath: "\(path).\(getpid())".bytes, mode: 0o644)
            try record.write("\(status.size) \(status.changed) \(digest) ".bytes + place)
            try record.publish()
            try makeRoom()
        } catch {}
    }

    /// What a file was hashed for takes longer than this.
    private func makeRoom() throws(Errno) {
        guard try listNames(directory).count > Self.maximumRecords else { return }
        removeStale()
        // Which of those that are left is forgotten costs its next user one hashing.
        for name in try listNames(directory).dropLast(Self.maximumRecords) {
            try? unlinkFile("\(directory)/\(name)".bytes)
        }
    }

    private func path(of status: FileStatus) -> String { "\(directory)/\(status.device)-\(status.inode)" }
}

extension ImageStore {
    var digestCache: DigestCache { DigestCache(directory: root + "/digests") }

    /// SHA-256 of a whole file in lower-case hexadecimal, from the cache if the file is as it was. `path` is for messages.
    public func digest(of file: FileDescriptor, path: String) throws(ImageError) -> String {
        let cache = digestCache
        let status = try attempting("looking at", path) { () throws(Errno) in try file.status() }
        if let known = cache.digest(for: status) { return known }
        let digest = try Images.digest(of: file, path: path)
        // What the caller calls it may be relative.
        if let place = try? readLink("/proc/self/fd/\(file.rawValue)".bytes) {
            cache.keep(digest, for: status, at: place)
        }
        return digest
    }
}
