import Glibc
import LinuxSystem
import SystemPackage

/// Guest kernels by name, beside the images.
///
///     HOME/kernels/NAME              the record: digests, sizes, origin
///     HOME/kernel-files/sha256-HEX   kernels and what they unpack first, never changed after they got this name
///
/// A name appears, or moves to another kernel, by one rename, as with images.
public struct KernelStore: Sendable {
    let images: ImageStore

    public init(_ images: ImageStore) {
        self.images = images
    }

    public var recordDirectory: String { images.root + "/kernels" }
    private var fileDirectory: String { images.root + "/kernel-files" }

    private func recordPath(_ name: String) -> String { recordDirectory + "/" + name }
    private func path(_ file: KernelRecord.File) -> String { fileDirectory + "/sha256-" + file.digest }

    /// The record of `name`.
    public func record(named name: String) throws(ImageError) -> KernelRecord {
        guard ImageStore.isValid(name: name) else { throw .badName(name) }
        let path = recordPath(name)
        guard let text = try recordText(at: path) else {
            throw .kernelNotFound(name: name, store: recordDirectory)
        }
        guard let record = KernelRecord(text: text) else {
            throw .badRecord(path: path)
        }
        return record
    }

    /// All names, sorted.
    public func names() throws(ImageError) -> [String] { try recordNames(in: recordDirectory) }

    /// Opens a kernel for a job: each file read-only, and checked to have the size that is recorded.
    public func open(_ name: String) throws(ImageError) -> OpenKernel {
        let record = try record(named: name)
        let initramfs = try record.initramfs.map { file throws(ImageError) in try open(file) }
        return OpenKernel(kernel: try open(record.kernel), initramfs: initramfs)
    }

    private func open(_ recorded: KernelRecord.File) throws(ImageError) -> KernelFile {
        let path = path(recorded)
        let file = try attempting("opening kernel", path) { () throws(Errno) in try KernelFile(opening: path) }
        let status = try attempting("opening kernel", path) { () throws(Errno) in try file.borrowed.status() }
        guard status.size == recorded.bytes else {
            throw .truncated(path: path, bytes: status.size, expected: recorded.bytes)
        }
        return file
    }

    /// Moves the finished files of `directory` (inside the work directory) into the store under `name`.
    func add(
        filesOf directory: String, name: String, source: String, recipe: String
    ) throws(ImageError) -> KernelRecord {
        let kernel = try describe(directory + "/kernel", mustBeKernel: true)
        let hasInitramfs = access(directory + "/initramfs", F_OK) == 0
        let initramfs = hasInitramfs ? try describe(directory + "/initramfs", mustBeKernel: false) : nil
        let record = KernelRecord(
            kernel: kernel, initramfs: initramfs, source: source, recipe: recipe, created: Int64(time(nil)))
        do throws(Errno) {
            try images.withLock { () throws(Errno) in
                try rename("\(directory)/kernel".bytes, to: path(kernel).bytes)
                if let initramfs { try rename("\(directory)/initramfs".bytes, to: path(initramfs).bytes) }
                try synchronizeDirectory(fileDirectory.bytes)
                try replaceFile(recordPath(name).bytes, with: Array(record.text.utf8))
                try removeUnreferencedFiles()
            }
        } catch {
            throw .system(doing: "storing kernel \(name) in", path: images.root, errno: error)
        }
        return record
    }

    /// Makes it durable and unwritable on the way.
    private func describe(_ path: String, mustBeKernel: Bool) throws(ImageError) -> KernelRecord.File {
        let file = try attempting("opening", path) { () throws(Errno) in
            try OwnedDescriptor.open(path: path.bytes, flags: O_RDONLY)
        }
        if mustBeKernel, try LinuxKernelFile(file.borrowed, path: path) == nil {
            throw .foreignKernel(path: path)
        }
        let size = try attempting("looking at", path) { () throws(Errno) in
            try file.borrowed.synchronize()
            try setMode(path.bytes, 0o444)
            return try file.borrowed.status().size
        }
        return KernelRecord.File(digest: try digest(of: file.borrowed, path: path), bytes: size)
    }

    /// Forgets `name`, and its files unless another name has the same. Running jobs keep theirs.
    public func remove(_ name: String) throws(ImageError) {
        guard ImageStore.isValid(name: name) else { throw .badName(name) }
        do throws(Errno) {
            try images.withLock { () throws(Errno) in
                try unlinkFile(recordPath(name).bytes)
                try removeUnreferencedFiles()
            }
        } catch {
            if error == .noSuchFileOrDirectory {
                throw .kernelNotFound(name: name, store: recordDirectory)
            }
            throw .system(doing: "removing kernel", path: recordPath(name), errno: error)
        }
    }

    /// Under the lock only. A record that cannot be read stops it: a file is dropped only when surely nobody's.
    private func removeUnreferencedFiles() throws(Errno) {
        images.digestCache.removeStale()
        var kept: Set<String> = []
        for name in try listNames(recordDirectory) where ImageStore.isValid(name: name) {
            guard let record = try? record(named: name) else { return }
            kept.insert("sha256-\(record.kernel.digest)")
            if let initramfs = record.initramfs { kept.insert("sha256-\(initramfs.digest)") }
        }
        for file in try listNames(fileDirectory) where file.hasPrefix("sha256-") && !kept.contains(file) {
            try unlinkFile("\(fileDirectory)/\(file)".bytes)
        }
    }

    func makeDirectories() throws(ImageError) {
        try images.makeDirectories()
        for directory in [recordDirectory, fileDirectory] {
            try attempting("creating", directory) { () throws(Errno) in
                try makeDirectoryAndParents(directory.bytes)
            }
        }
    }
}

/// A kernel of the store, open for one or many jobs.
public struct OpenKernel: Sendable {
    public let kernel: KernelFile
    /// What it unpacks after our init: its modules.
    public let initramfs: KernelFile?
}

/// A file of a guest kernel. A class, because many jobs share its descriptor.
public final class KernelFile: Sendable {
    public let path: String
    private let descriptor: OwnedDescriptor
    /// Valid as long as this object is there.
    public var borrowed: FileDescriptor { descriptor.borrowed }

    /// Opens it for reading. What is no regular file is refused: a pipe would make the job wait for its writer.
    public init(opening path: String) throws(Errno) {
        self.path = path
        descriptor = try OwnedDescriptor.open(path: path.bytes, flags: O_RDONLY | O_NONBLOCK)
        guard try descriptor.borrowed.status().kind == .regular else { throw .invalidArgument }
    }
}
