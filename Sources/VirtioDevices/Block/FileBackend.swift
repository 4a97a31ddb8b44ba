import CLinux
import GuestMemory
import LinuxSystem
import SystemPackage

/// Why a disk cannot be opened. The host's or the user's mistake, found before the guest runs.
public enum FileBackendError: Error, Equatable, CustomStringConvertible {
    case notAFile(FileKind)
    case sizeNotSectorMultiple(bytes: UInt64)
    case empty
    /// A read-only disk needs an O_RDONLY descriptor: the kernel then enforces it, whatever happens to us.
    case readOnlyDiskIsWritable
    case writableDiskIsReadOnly
    case system(Errno)

    public var description: String {
        switch self {
        case .notAFile(let kind): "a disk must be a regular file or a block device, not a \(kind)"
        case .sizeNotSectorMultiple(let bytes): "a disk of \(bytes) bytes is not a multiple of 512"
        case .empty: "a disk of 0 bytes"
        case .readOnlyDiskIsWritable: "the descriptor of a read-only disk must be open for reading only"
        case .writableDiskIsReadOnly: "the descriptor of a writable disk must be open for reading and writing"
        case .system(let errno): "\(errno)"
        }
    }
}

/// A raw disk image: byte n of the file is byte n of the disk. The contents are never looked at, so there is
/// no format to detect and no backing file for the guest to name.
public struct FileBackend: ~Copyable {
    private let file: OwnedDescriptor
    public let isReadOnly: Bool
    public let capacitySectors: UInt64

    public static let sectorSize: UInt64 = 512

    public init(owning file: consuming OwnedDescriptor, readOnly: Bool) throws(FileBackendError) {
        let bytes = try FileBackend.size(of: file.borrowed)
        let isWritable = try FileBackend.orSystemError { () throws(Errno) in try file.borrowed.isWritable }
        if readOnly && isWritable { throw .readOnlyDiskIsWritable }
        if !readOnly && !isWritable { throw .writableDiskIsReadOnly }
        guard bytes > 0 else { throw .empty }
        guard bytes % FileBackend.sectorSize == 0 else { throw .sizeNotSectorMultiple(bytes: bytes) }
        self.file = file
        isReadOnly = readOnly
        capacitySectors = bytes / FileBackend.sectorSize
    }

    private static func size(of file: FileDescriptor) throws(FileBackendError) -> UInt64 {
        let status = try orSystemError { () throws(Errno) in try file.status() }
        switch status.kind {
        case .regular: return status.size
        case .blockDevice:
            return try orSystemError { () throws(Errno) in
                UInt64(try checked(linux_block_device_size(file.rawValue)))
            }
        default: throw .notAFile(status.kind)
        }
    }

    private static func orSystemError<Result>(
        _ body: () throws(Errno) -> Result
    ) throws(FileBackendError) -> Result {
        do throws(Errno) { return try body() } catch { throw .system(error) }
    }

    // MARK: Requests. The caller has checked them against the capacity; offsets fit because files do.

    /// Fills `buffers` from `firstSector` on.
    ///
    /// - Throws: `EIO` also when the file has become shorter than it was.
    func read(_ buffers: GuestBuffers, firstSector: UInt64) throws(Errno) {
        try transfer(buffers, firstSector) { buffers, offset throws(Errno) in
            try buffers.read(from: file.borrowed, at: offset)
        }
    }

    func write(_ buffers: GuestBuffers, firstSector: UInt64) throws(Errno) {
        try transfer(buffers, firstSector) { buffers, offset throws(Errno) in
            try buffers.write(to: file.borrowed, at: offset)
        }
    }

    /// What was written survives a crash of the host when this returns.
    func flush() throws(Errno) {
        _ = try retryingOnInterrupt { linux_fdatasync(file.borrowed.rawValue) }
    }

    private func transfer(
        _ buffers: GuestBuffers, _ firstSector: UInt64,
        _ step: (GuestBuffers, Int64) throws(Errno) -> Int
    ) throws(Errno) {
        var rest = buffers
        var offset = Int64(firstSector * FileBackend.sectorSize)
        while !rest.isEmpty {
            let moved = try step(rest, offset)
            guard moved > 0 else { throw .ioError }
            offset += Int64(moved)
            if moved == rest.count { return }
            rest.removePrefix(moved)
        }
    }
}
