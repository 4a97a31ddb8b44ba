import Glibc
import LinuxSystem
import SystemPackage

/// The file of `--meta`: opened before the job, so that a mistake costs no run, and visible under its name only when it is
/// whole. No fsync: a result is no more durable than the job's other output.
enum MetaFile: ~Copyable {
    /// The path names a device or pipe: written in place.
    case inPlace(OwnedDescriptor)
    case pending(PendingFile)

    init(path text: String) throws(Errno) {
        let path = Array(text.utf8)
        let existing = try? PathStatus(of: path, followingLinks: true)
        if let existing, existing.kind != .regular {
            if existing.kind == .directory { throw .isDirectory }
            self = .inPlace(try OwnedDescriptor.open(path: path, flags: O_WRONLY))
        } else {
            let temporary = path + Array(".swiftlet-\(getpid())".utf8)
            self = .pending(try PendingFile(path: path, temporaryPath: temporary, mode: 0o644))
        }
    }

    consuming func write(_ text: String) throws(Errno) {
        switch consume self {
        case .inPlace(let file): try file.borrowed.write(all: Array(text.utf8))
        case .pending(var file):
            try file.write(Array(text.utf8))
            try file.publish()
        }
    }
}
