import Glibc
import LinuxSystem
import SystemPackage

/// The file of `--meta`: opened before the job, so that a mistake costs no run, and visible under its name only when it is
/// whole. No fsync: a result is no more durable than the job's other output.
enum MetaFile: ~Copyable {
    case stream(WrittenPlace.OpenStream)
    case pending(PendingFile)

    init(path text: String) throws(WrittenPlace.Refusal) {
        switch try WrittenPlace(Array(text.utf8)) {
        case .stream(let stream): self = .stream(stream)
        case .file(let path):
            let temporary = path + Array(".swiftlet-\(getpid())".utf8)
            do throws(Errno) {
                self = .pending(try PendingFile(path: path, temporaryPath: temporary, mode: 0o644))
            } catch {
                throw .errno(error)
            }
        }
    }

    mutating func write(_ bytes: [UInt8]) throws(Errno) {
        switch consume self {
        case .stream(let stream):
            self = .stream(stream)
            try stream.descriptor.write(all: bytes)
        case .pending(var file):
            var failure: Errno?
            do throws(Errno) { try file.write(bytes) } catch { failure = error }
            self = .pending(file)
            if let failure { throw failure }
        }
    }

    /// It is whole.
    consuming func publish() throws(Errno) {
        switch consume self {
        case .stream: break
        case .pending(let file): try file.publish()
        }
    }
}
