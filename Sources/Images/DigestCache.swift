import Glibc
import LinuxSystem
import SystemPackage

/// Digests of files that were hashed before. A job's result names its kernel by digest, and hashing 1.2 MB takes longer
/// (7 ms) than the job.
///
///     HOME/digests/DEVICE-INODE    "SIZE CHANGED SHA256"
///
/// A file is the same as long as its size and its change time are, which no program can set back. One that changed within the
/// last two seconds could change again within the same tick of the file system's clock: its digest is not kept.
struct DigestCache {
    /// `HOME/digests`.
    let directory: String

    private static let maximumRecord = 256
    private static let settlingNanoseconds: Int64 = 2_000_000_000

    /// The digest that was kept for a file of this status.
    func digest(for status: FileStatus) -> String? {
        guard
            let file = try? OwnedDescriptor.open(path: path(of: status).bytes, flags: O_RDONLY | O_NOFOLLOW),
            let bytes = try? file.borrowed.readAll(atMost: Self.maximumRecord)
        else { return nil }
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        guard fields.count == 3, UInt64(fields[0]) == status.size, Int64(fields[1]) == status.changed,
            fields[2].utf8.count == 64, fields[2].allSatisfy(\.isHexDigit)
        else { return nil }
        return String(fields[2])
    }

    /// Keeps `digest` for the next time. A cache that cannot be written costs time and nothing else.
    func keep(_ digest: String, for status: FileStatus, now: Int64 = Int64(realtimeNanoseconds())) {
        guard now - status.changed > Self.settlingNanoseconds else { return }
        let path = path(of: status)
        do throws(Errno) {
            try makeDirectoryAndParents(directory.bytes)
            var record = try PendingFile(
                path: path.bytes, temporaryPath: "\(path).\(getpid())".bytes, mode: 0o644)
            try record.write("\(status.size) \(status.changed) \(digest)".bytes)
            try record.publish()
        } catch {}
    }

    private func path(of status: FileStatus) -> String { "\(directory)/\(status.device)-\(status.inode)" }
}

extension ImageStore {
    /// SHA-256 of a whole file in lower-case hexadecimal, from the cache if the file is as it was. `path` is for messages.
    public func digest(of file: FileDescriptor, path: String) throws(ImageError) -> String {
        let cache = DigestCache(directory: root + "/digests")
        let status = try attempting("looking at", path) { () throws(Errno) in try file.status() }
        if let known = cache.digest(for: status) { return known }
        let digest = try Images.digest(of: file, path: path)
        cache.keep(digest, for: status)
        return digest
    }
}
