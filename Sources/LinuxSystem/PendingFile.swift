import CLinux
import Glibc
import SystemPackage

/// A file that is written beside its place and gets its name when it is whole.
///
/// Until then it has none (O_TMPFILE), so that a process killed in the middle leaves nothing. Where the file system or a
/// missing /proc does not allow that, it has a temporary one, which is removed if the file is not published.
public struct PendingFile: ~Copyable {
    /// Nil: set aside.
    private var file: OwnedDescriptor?
    private let path: [UInt8]
    private let temporaryPath: [UInt8]
    private var hasTemporaryName: Bool

    /// - Parameters:
    ///   - path: The file's place; what lies there is replaced when the file is published.
    ///   - temporaryPath: Of the same folder, and nobody else's.
    ///   - mode: As for open(2), less the umask.
    public init(path: [UInt8], temporaryPath: [UInt8], mode: UInt32) throws(Errno) {
        self.path = path
        self.temporaryPath = temporaryPath
        do throws(Errno) {
            file = try OwnedDescriptor.openUnnamed(in: Self.directory(of: path), mode: mode)
            hasTemporaryName = false
        } catch {
            file = try OwnedDescriptor.open(
                path: temporaryPath, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
            hasTemporaryName = true
        }
    }

    public mutating func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
        try file?.borrowed.write(all: bytes)
    }

    public mutating func write(_ bytes: [UInt8]) throws(Errno) { try file?.borrowed.write(all: bytes) }

    public mutating func setMode(_ mode: UInt32) throws(Errno) { try file?.borrowed.setMode(mode) }

    /// For a file among many, when it is whole: gives its descriptor back. It has its temporary name from here on.
    public mutating func setAside() throws(Errno) {
        try nameTemporarily()
        file = nil
    }

    /// Gives the file its name. It takes the place of what has it.
    public consuming func publish() throws(Errno) {
        if let descriptor = file?.borrowed, !hasTemporaryName {
            do throws(Errno) {
                return try link(descriptor, to: path)
            } catch {
                guard error == .fileExists else { throw error }
            }
        }
        // Only rename(2) replaces, and it wants a name: this file has one for as long as it takes.
        try nameTemporarily()
        try rename(temporaryPath, to: path)
        hasTemporaryName = false
    }

    private mutating func nameTemporarily() throws(Errno) {
        guard let descriptor = file?.borrowed, !hasTemporaryName else { return }
        try link(descriptor, to: temporaryPath)
        hasTemporaryName = true
    }

    deinit {
        if hasTemporaryName { try? unlinkFile(temporaryPath) }
    }

    private static func directory(of path: [UInt8]) -> [UInt8] {
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return Array(".".utf8) }
        return slash == 0 ? [UInt8(ascii: "/")] : Array(path[..<slash])
    }
}
