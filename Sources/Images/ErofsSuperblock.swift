import LinuxSystem
import SystemPackage

/// The few fields of an EROFS superblock that tell whether a file is an image our guests can mount.
/// Source: Linux fs/erofs/erofs_fs.h, struct erofs_super_block, little-endian, at byte 1024.
public struct ErofsSuperblock: Equatable, Sendable {
    /// log2 of the block size; ours is always 12.
    public let blockSizeBits: UInt8
    public let blocks: UInt32
    /// Features a reader must know. Non-zero means compression, chunks or devices, which our images do not use.
    public let incompatibleFeatures: UInt32

    static let offset: UInt64 = 1024
    static let size = 128
    private static let magic: UInt32 = 0xe0f5_e1e2

    /// Bytes the file must have.
    public var imageBytes: UInt64 { UInt64(blocks) << 12 }

    /// Reads and checks the superblock of an open file.
    ///
    /// - Parameters:
    ///   - path: For messages.
    ///   - fileBytes: The file's size.
    public init(of file: FileDescriptor, path: String, fileBytes: UInt64) throws(ImageError) {
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try file.read(at: Self.offset, upTo: Self.size)
        } catch {
            throw .system(doing: "reading", path: path, errno: error)
        }
        guard bytes.count == Self.size else {
            throw .foreign(path: path, why: "\(fileBytes) bytes are too few for a superblock")
        }
        func word(_ at: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << (8 * UInt32($1)) }
        }
        guard word(0) == Self.magic else { throw .foreign(path: path, why: "no EROFS magic number") }
        blockSizeBits = bytes[12]
        blocks = word(36)
        incompatibleFeatures = word(80)
        guard blockSizeBits == 12 else { throw .foreign(path: path, why: "block size 2^\(blockSizeBits)") }
        guard incompatibleFeatures == 0 else {
            throw .foreign(path: path, why: "features \(incompatibleFeatures) such as compression")
        }
        guard blocks > 0 else { throw .foreign(path: path, why: "no blocks") }
        guard fileBytes >= imageBytes else {
            throw .truncated(path: path, bytes: fileBytes, expected: imageBytes)
        }
    }
}
