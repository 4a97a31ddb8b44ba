import Glibc
import LinuxSystem
import SystemPackage

/// Receives the job's output files into temporary files beside their targets; they get their names only when the job's
/// verdict stands. Whatever is not published is removed.
struct OutputCollector: ~Copyable {
    private struct Item {
        var temporaryPath: [UInt8]?
        var mode: UInt32 = 0
        var size: UInt64 = 0
        var isPublished = false
        var problem: String?
    }

    private let files: [JobRequest.OutputFile]
    private var items: [Item]
    private var current: OwnedDescriptor?
    private var currentIndex = 0

    init(_ files: [JobRequest.OutputFile]) {
        self.files = files
        items = files.map { _ in Item() }
    }

    /// Finds out before the job runs what would make a file's delivery fail after it.
    ///
    /// - Throws: a sentence in `LaunchError.output`.
    static func check(_ file: JobRequest.OutputFile) throws(LaunchError) {
        let path = file.hostPath
        do throws(Errno) {
            let status = try PathStatus(of: path, followingLinks: false)
            // A link is replaced by the file, never written through; a device or directory is not ours to replace.
            if status.kind != .regular, !status.isSymbolicLink {
                throw status.kind == .directory ? .isDirectory : .invalidArgument
            }
        } catch {
            if error != .noSuchFileOrDirectory { throw .output(path: path, errno: error) }
        }
        let (directory, _) = split(path)
        do throws(Errno) {
            let status = try PathStatus(of: directory, followingLinks: true)
            if status.kind != .directory { throw .notDirectory }
        } catch {
            throw .output(path: path, errno: error)
        }
    }

    mutating func begin(index: Int, mode: UInt32, size: UInt64) {
        items[index].mode = mode & 0o777  // set-user-ID and the like are not for an untrusted job to hand out
        items[index].size = size
        currentIndex = index
        let (directory, name) = Self.split(files[index].hostPath)
        let temporary =
            directory + Array("/.".utf8) + name.prefix(200) + Array(".swiftlet-\(getpid())-\(index)".utf8)
        do throws(Errno) {
            current = try OwnedDescriptor.open(
                path: temporary, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            items[index].temporaryPath = temporary
        } catch {
            fail(index, "creating it: \(error)")
        }
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        var failure: Errno?
        do throws(Errno) {
            try current?.borrowed.write(all: bytes)  // after a failure the rest of the file is dropped
        } catch {
            failure = error
        }
        if let failure { fail(currentIndex, "writing it: \(failure)") }
    }

    mutating func end(index: Int) {
        var failure: Errno?
        do throws(Errno) {
            try current?.borrowed.setMode(items[index].mode)
        } catch {
            failure = error
        }
        if let failure { fail(index, "setting its mode: \(failure)") }
        current = nil
    }

    mutating func missing(index: Int, errno: Int32) {
        items[index].problem = "\(Errno(rawValue: errno)) in the guest"
    }

    private mutating func fail(_ index: Int, _ problem: String) {
        items[index].problem = problem
        current = nil
        if let path = items[index].temporaryPath { try? unlinkFile(path) }
        items[index].temporaryPath = nil
    }

    /// Gives every complete file its name, and says what became of each.
    mutating func publish() -> [OutputFileResult] {
        for index in files.indices {
            guard let temporary = items[index].temporaryPath else { continue }
            do throws(Errno) {
                try rename(temporary, to: files[index].hostPath)
                items[index].temporaryPath = nil
                items[index].isPublished = true
            } catch {
                fail(index, "renaming it: \(error)")
            }
        }
        return results()
    }

    /// What became of each file if nothing is published.
    func results() -> [OutputFileResult] {
        zip(files, items).map { file, item in
            OutputFileResult(
                guestPath: file.guestPath, hostPath: file.hostPath, size: item.isPublished ? item.size : nil,
                problem: item.problem)
        }
    }

    deinit {
        for item in items {
            if let path = item.temporaryPath { try? unlinkFile(path) }
        }
    }

    /// The directory part ("." if there is none) and the last component.
    private static func split(_ path: [UInt8]) -> (directory: [UInt8], name: [UInt8]) {
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return (Array(".".utf8), path) }
        return (slash == 0 ? [UInt8(ascii: "/")] : Array(path[..<slash]), Array(path[(slash + 1)...]))
    }
}
