import Glibc
import LinuxSystem
import SystemPackage

/// The file of `--meta`: opened before the job, so that a mistake costs no run, and visible under its name only when it is
/// whole. No fsync: a result is no more durable than the job's other output.
struct MetaFile: ~Copyable {
    private let path: [UInt8]
    private let file: OwnedDescriptor
    /// Nil: written in place, because the path names a device or pipe.
    private var temporaryPath: [UInt8]?

    init(path text: String) throws(Errno) {
        path = Array(text.utf8)
        let existing = try? PathStatus(of: path, followingLinks: true)
        if let existing, existing.kind != .regular {
            if existing.kind == .directory { throw .isDirectory }
            file = try OwnedDescriptor.open(path: path, flags: O_WRONLY)
            temporaryPath = nil
        } else {
            let temporary = path + Array(".swiftlet-\(getpid())".utf8)
            file = try OwnedDescriptor.open(path: temporary, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
            temporaryPath = temporary
        }
    }

    consuming func write(_ text: String) throws(Errno) {
        try file.borrowed.write(all: Array(text.utf8))
        if let temporary = temporaryPath {
            try rename(temporary, to: path)
            temporaryPath = nil
        }
    }

    deinit {
        if let temporaryPath { try? unlinkFile(temporaryPath) }
    }
}
