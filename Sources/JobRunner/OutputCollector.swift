import Glibc
import LinuxSystem
import SystemPackage

/// Receives the job's output files into pending files beside their targets; they get their names only when the job's verdict
/// stands. Whatever is not published is gone.
struct OutputCollector: ~Copyable {
    /// A class, because an array cannot hold what is not copyable.
    private final class Delivery {
        private var file: PendingFile?

        init(_ file: consuming PendingFile) { self.file = consume file }

        func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) { try file?.write(bytes) }

        func end(mode: UInt32, settingAside: Bool) throws(Errno) {
            try file?.setMode(mode)
            if settingAside { try file?.setAside() }
        }

        func publish() throws(Errno) { try file.take()?.publish() }
    }

    private struct Item {
        /// Nil: not begun, failed or published.
        var delivery: Delivery?
        var mode: UInt32 = 0
        var size: UInt64 = 0
        var isPublished = false
        var problem: String?
    }

    /// A job may have thousands of files, and jobs run side by side: so many of each keep their descriptor, and no name,
    /// until the verdict.
    private static let maximumOpenFiles = 16

    private let files: [JobRequest.OutputFile]
    private var items: [Item]
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
            items[index].delivery = Delivery(
                try PendingFile(path: files[index].hostPath, temporaryPath: temporary, mode: 0o600))
        } catch {
            fail(index, "creating it: \(error)")
        }
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        var failure: Errno?
        do throws(Errno) {
            try items[currentIndex].delivery?.write(bytes)  // after a failure the rest of the file is dropped
        } catch {
            failure = error
        }
        if let failure { fail(currentIndex, "writing it: \(failure)") }
    }

    mutating func end(index: Int) {
        var failure: Errno?
        do throws(Errno) {
            try items[index].delivery?.end(
                mode: items[index].mode, settingAside: index >= Self.maximumOpenFiles)
        } catch {
            failure = error
        }
        if let failure { fail(index, "ending it: \(failure)") }
    }

    mutating func missing(index: Int, errno: Int32) {
        items[index].problem = "\(Errno(rawValue: errno)) in the guest"
    }

    private mutating func fail(_ index: Int, _ problem: String) {
        items[index].problem = problem
        items[index].delivery = nil
    }

    /// Gives every complete file its name, and says what became of each.
    mutating func publish() -> [OutputFileResult] {
        for index in files.indices {
            guard let delivery = items[index].delivery else { continue }
            do throws(Errno) {
                try delivery.publish()
                items[index].delivery = nil
                items[index].isPublished = true
            } catch {
                fail(index, "naming it: \(error)")
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

    /// The directory part ("." if there is none) and the last component.
    private static func split(_ path: [UInt8]) -> (directory: [UInt8], name: [UInt8]) {
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return (Array(".".utf8), path) }
        return (slash == 0 ? [UInt8(ascii: "/")] : Array(path[..<slash]), Array(path[(slash + 1)...]))
    }
}
