import Glibc
import LinuxSystem
import SystemPackage

/// Root images by name and by content.
///
///     HOME/images/NAME             the record: digest, size, origin
///     HOME/blobs/sha256-HEX.erofs  the image files, never changed after they got this name
///     HOME/digests/                of files outside the store (`DigestCache`)
///     HOME/tmp/                    work in progress, one locked directory per build
///
/// A name appears, or moves to another image, by one rename; nothing half-written is ever visible.
public struct ImageStore: Sendable {
    /// `HOME` above.
    public let root: String

    public init(root: String) {
        self.root = root
    }

    /// `$SWIFTLET_HOME`, else `$XDG_DATA_HOME/swiftlet`, else `~/.local/share/swiftlet`. Where HOME is not set, ~ is what
    /// /etc/passwd says: another user's store is nobody's but theirs.
    public static func standard(environment: (String) -> String?) -> ImageStore {
        if let home = environment("SWIFTLET_HOME"), !home.isEmpty { return ImageStore(root: home) }
        if let data = environment("XDG_DATA_HOME"), data.hasPrefix("/") {
            return ImageStore(root: data + "/swiftlet")
        }
        let set = environment("HOME").flatMap { $0.isEmpty ? nil : $0 }
        let home = set ?? home(ofUser: geteuid())
        return ImageStore(root: (home ?? "/nonexistent") + "/.local/share/swiftlet")
    }

    /// Read here and not by getpwuid(3), which loads libraries that a static program does not have.
    static func home(ofUser id: UInt32, in passwd: String = "/etc/passwd") -> String? {
        guard let file = try? OwnedDescriptor.open(passwd, flags: O_RDONLY),
            let bytes = try? file.borrowed.readAll(atMost: 4 << 20)
        else { return nil }
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard fields.count >= 6, UInt32(String(decoding: fields[2], as: UTF8.self)) == id
            else { continue }
            let home = String(decoding: fields[5], as: UTF8.self)
            return home.hasPrefix("/") ? home : nil
        }
        return nil
    }

    var recordDirectory: String { root + "/images" }
    var blobDirectory: String { root + "/blobs" }
    var workDirectory: String { root + "/tmp" }

    /// Letters, digits, '.', '_', '-', at most 64, beginning with a letter or digit: always one path component.
    public static func isValid(name: String) -> Bool {
        let allowed = name.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
            default: false
            }
        }
        return allowed && (1...64).contains(name.utf8.count) && !".-_".contains(name.first ?? ".")
    }

    func recordPath(_ name: String) -> String { recordDirectory + "/" + name }
    func blobPath(digest: String) -> String { blobDirectory + "/sha256-\(digest).erofs" }

    /// The record of `name`.
    public func record(named name: String) throws(ImageError) -> ImageRecord {
        guard Self.isValid(name: name) else { throw .badName(name) }
        let path = recordPath(name)
        guard let text = try recordText(at: path) else {
            throw .notFound(name: name, store: recordDirectory)
        }
        guard let record = ImageRecord(text: text) else {
            throw .badRecord(path: path)
        }
        return record
    }

    /// All names, sorted.
    public func names() throws(ImageError) -> [String] { try recordNames(in: recordDirectory) }

    /// Opens an image for a job: read-only, and checked to be a whole EROFS image of the recorded size.
    ///
    /// - Parameter reference: A name; or, if it contains a slash, the path of an image file outside the store.
    public func open(_ reference: String) throws(ImageError) -> OpenImage {
        if reference.contains("/") {
            return try .opening(reference, path: reference, digest: nil, expectedBytes: nil)
        }
        let record = try record(named: reference)
        return try .opening(
            reference, path: blobPath(digest: record.digest), digest: record.digest,
            expectedBytes: record.bytes)
    }

    /// Reads the whole image and compares its digest with the recorded one.
    public func verify(_ name: String) throws(ImageError) {
        let record = try record(named: name)
        let image = try open(name)
        let found = try digest(of: image.descriptor.borrowed, path: image.path)
        guard found == record.digest else {
            throw .digestMismatch(path: image.path, found: found, expected: record.digest)
        }
    }

    /// Moves the finished image file `path` (inside `workDirectory`) into the store under `name`.
    func add(file path: String, name: String, source: String, recipe: String) throws(ImageError)
        -> ImageRecord
    {
        guard Self.isValid(name: name) else { throw .badName(name) }
        let image = try OpenImage.opening(name, path: path, digest: nil, expectedBytes: nil)
        let record = ImageRecord(
            digest: try digest(of: image.descriptor.borrowed, path: path), bytes: image.bytes, source: source,
            recipe: recipe, created: Int64(time(nil)))
        do throws(Errno) {
            try image.descriptor.borrowed.synchronize()
            try withLock { () throws(Errno) in
                try setMode(path.bytes, 0o444)
                try rename(path.bytes, to: blobPath(digest: record.digest).bytes)
                try synchronizeDirectory(blobDirectory.bytes)
                try replaceFile(recordPath(name).bytes, with: Array(record.text.utf8))
                try removeUnreferencedBlobs()
            }
        } catch {
            throw .system(doing: "storing image \(name) in", path: root, errno: error)
        }
        return record
    }

    /// Forgets `name`, and its file unless another name has the same content. Running jobs keep theirs.
    public func remove(_ name: String) throws(ImageError) {
        guard Self.isValid(name: name) else { throw .badName(name) }
        do throws(Errno) {
            try withLock { () throws(Errno) in
                try unlinkFile(recordPath(name).bytes)
                try removeUnreferencedBlobs()
            }
        } catch {
            if error == .noSuchFileOrDirectory { throw .notFound(name: name, store: recordDirectory) }
            throw .system(doing: "removing image", path: recordPath(name), errno: error)
        }
    }

    /// Under the lock only. A record that cannot be read stops it: a blob is dropped only when surely nobody's.
    private func removeUnreferencedBlobs() throws(Errno) {
        digestCache.removeStale()
        var kept: Set<String> = []
        for name in try listNames(recordDirectory) where Self.isValid(name: name) {
            guard let record = try? record(named: name) else { return }
            kept.insert("sha256-\(record.digest).erofs")
        }
        for blob in try listNames(blobDirectory) where blob.hasPrefix("sha256-") && !kept.contains(blob) {
            try unlinkFile((blobDirectory + "/" + blob).bytes)
        }
    }

    func makeDirectories() throws(ImageError) {
        for directory in [recordDirectory, blobDirectory, workDirectory] {
            try attempting("creating", directory) { () throws(Errno) in
                try makeDirectoryAndParents(directory.bytes)
            }
        }
    }

    func withLock(_ body: () throws(Errno) -> Void) throws(Errno) {
        let lock = try OwnedDescriptor.open(
            path: (root + "/lock").bytes, flags: O_RDWR | O_CREAT, mode: 0o644)
        _ = try lock.borrowed.lock(waiting: true)
        try body()
    }
}

/// An image that passed its checks, open for one or many jobs.
public struct OpenImage: ~Copyable, Sendable {
    public let name: String
    public let path: String
    /// Nil for a file outside the store.
    public let digest: String?
    public let bytes: UInt64
    public let descriptor: OwnedDescriptor

    static func opening(
        _ name: String, path: String, digest: String?, expectedBytes: UInt64?
    ) throws(ImageError) -> OpenImage {
        let file = try attempting("opening image", path) { () throws(Errno) in
            try OwnedDescriptor.open(path: path.bytes, flags: O_RDONLY | O_NONBLOCK)
        }
        let status = try attempting("opening image", path) { () throws(Errno) in try file.borrowed.status() }
        guard status.kind == .regular else { throw .foreign(path: path, why: "not a regular file") }
        if let expectedBytes, status.size != expectedBytes {
            throw .truncated(path: path, bytes: status.size, expected: expectedBytes)
        }
        _ = try ErofsSuperblock(of: file.borrowed, path: path, fileBytes: status.size)
        return OpenImage(name: name, path: path, digest: digest, bytes: status.size, descriptor: file)
    }
}

/// SHA-256 of a whole file, from its start, in lower-case hexadecimal. `path` is for messages.
public func digest(of file: FileDescriptor, path: String) throws(ImageError) -> String {
    var hash = SHA256()
    var offset = 0
    do {
        while true {
            let piece = try file.read(at: UInt64(offset), upTo: 1 << 20)
            if piece.isEmpty { return hash.hexadecimalDigest() }
            hash.update(piece)
            offset += piece.count
        }
    } catch {
        throw .system(doing: "reading", path: path, errno: error)
    }
}

extension String {
    /// As the path Linux takes.
    var bytes: [UInt8] { Array(utf8) }
}

/// The names in a directory that are text; our own always are.
func listNames(_ directory: String) throws(Errno) -> [String] {
    try listDirectory(directory.bytes).compactMap { String(validating: $0, as: UTF8.self) }
}
