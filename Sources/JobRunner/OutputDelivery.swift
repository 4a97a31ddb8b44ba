import CLinux
import Glibc
import LinuxSystem
import SystemPackage

/// One output file on its way to its place, where nothing of it is seen before the verdict: what is replaced is written
/// beside it, and what is written to (a device, a FIFO) gets it from a file without a name.
///
/// A class, because an array cannot hold what is not copyable.
final class OutputDelivery {
    /// One of the two; nil when it is published.
    private var pending: PendingFile?
    private var spool: OwnedDescriptor?
    /// Where the spool's content goes.
    private let stream: WrittenPlace.OpenStream?

    /// Bytes at a time from the spool to its stream.
    private static let pieceBytes = 64 << 10

    /// - Parameter mode: Of the guest's file. Set-user-ID and the like are not for an untrusted job to hand out, nor is what
    ///   the caller's umask keeps back.
    init(_ place: WrittenPlace, index: Int, mode: UInt32) throws(Errno) {
        switch place {
        case .file(let path):
            stream = nil
            let (directory, name) = WrittenPlace.split(path)
            let temporary =
                directory + Array("/.".utf8) + name.prefix(200) + Array(".swiftlet-\(getpid())-\(index)".utf8)
            pending = try PendingFile(path: path, temporaryPath: temporary, mode: mode & 0o777)
        case .stream(let stream):
            self.stream = stream
            spool = try Self.makeSpool()
        }
    }

    /// On a disk if there is one: it may be as large as the guest.
    private static func makeSpool() throws(Errno) -> OwnedDescriptor {
        let onDisk = linux_open_scratch("/var/tmp")
        if onDisk >= 0 { return try OwnedDescriptor(checking: onDisk) }
        return try OwnedDescriptor.memoryFile(name: "swiftlet-output")
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
        if spool != nil { try spool?.borrowed.write(all: bytes) } else { try pending?.write(bytes) }
    }

    /// It is whole. - Parameter settingAside: Whether its descriptor is to be given back.
    func end(settingAside: Bool) throws(Errno) {
        if settingAside { try pending?.setAside() }
    }

    func publish() throws(Errno) {
        if let file = pending.take() { return try file.publish() }
        guard let file = spool.take(), let stream else { return }
        var offset: UInt64 = 0
        while true {
            let piece = try file.borrowed.read(at: offset, upTo: Self.pieceBytes)
            if piece.isEmpty { return }
            try stream.descriptor.write(all: piece)
            offset += UInt64(piece.count)
        }
    }
}
