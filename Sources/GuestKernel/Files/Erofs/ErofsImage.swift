import GuestNucleus

/// A read-only EROFS image as mkfs.erofs makes it without compression, in 4 KiB blocks. On-disk format:
/// Linux's Documentation/filesystems/erofs.rst. The image is not trusted: every number is checked before it
/// is used, and what is wrong with a file becomes an error of the call that touched it (EUCLEAN), never a
/// trap.
final class ErofsImage {
    /// Why an image cannot be a root.
    enum Refusal: Error, Equatable {
        case tooSmall, foreign, blockSize, truncated, checksum, compressed, unsupportedFeatures,
            noRootDirectory
        case device(Errno)

        var message: StaticString {
            switch self {
            case .tooSmall: "the root image is too small to be an EROFS image"
            case .foreign: "the root image is not an EROFS image (no superblock)"
            case .blockSize: "the root image's block size is not 4096 bytes"
            case .truncated: "the root image is truncated: it has fewer blocks than its superblock says"
            case .checksum: "the root image is damaged: its superblock's checksum is wrong"
            case .compressed: "the root image is compressed, which this kernel does not read"
            case .unsupportedFeatures: "the root image uses EROFS features that this kernel does not know"
            case .noRootDirectory: "the root image has no valid root directory"
            case .device: "the root image's device failed"
            }
        }
    }

    private static let superblockOffset = 1024
    private static let superblockBytes = 128
    private static let magic: UInt32 = 0xE0F5_E1E2
    private static let featureChecksum: UInt32 = 0x1  // feature_compat
    /// feature_incompat bits that change nothing in an image without compressed files: 0x1 zero padding of
    /// compressed blocks, 0x40 long prefixes of extended attribute names, which we do not read.
    private static let harmlessIncompatible: UInt32 = 0x41
    /// 0x2 compression configurations, 0x10 tail packing of compressed data, 0x20 fragments.
    private static let compressionFeatures: UInt32 = 0x32

    let backing: ImageBacking
    let rootNID: UInt64
    /// Nanoseconds since 1970; the modification time of every compact inode.
    let buildTime: UInt64
    let blockCount: UInt64
    let inodeCount: UInt64
    private let metadataStart: UInt64  // bytes

    init(_ backing: ImageBacking) throws(Refusal) {
        guard backing.blockCount > 0 else { throw .tooSmall }
        let frame: PhysicalAddress
        do throws(Errno) { frame = try backing.frame(ofBlock: 0) } catch { throw .device(error) }
        defer { Frames.release(frame) }
        let bytes = UnsafeRawBufferPointer(start: PhysicalMemory.pointer(frame), count: Int(pageSize))
        let block = UnsafeRawBufferPointer(rebasing: bytes[Self.superblockOffset...])

        guard block.little(0, UInt32.self) == Self.magic else { throw .foreign }
        guard block[12] == 12 else { throw .blockSize }
        let incompatible = block.little(80, UInt32.self)
        if incompatible & Self.compressionFeatures != 0 { throw .compressed }
        guard incompatible & ~Self.harmlessIncompatible == 0, block[90] == 0 else {
            throw .unsupportedFeatures
        }
        if block.little(8, UInt32.self) & Self.featureChecksum != 0 {
            guard Self.checksum(of: block) == block.little(4, UInt32.self) else { throw .checksum }
        }
        let blocks = UInt64(block.little(36, UInt32.self))
        let metadataBlock = UInt64(block.little(40, UInt32.self))
        guard blocks <= backing.blockCount, metadataBlock < blocks else { throw .truncated }

        self.backing = backing
        blockCount = blocks
        metadataStart = metadataBlock * pageSize
        rootNID = UInt64(block.little(14, UInt16.self))
        inodeCount = block.little(16, UInt64.self)
        let seconds = block.little(24, UInt64.self)
        buildTime = seconds &* 1_000_000_000 &+ UInt64(block.little(32, UInt32.self))

        let root: ErofsInode
        do throws(Errno) { root = try inode(rootNID) } catch { throw .noRootDirectory }
        guard root.type == .directory else { throw .noRootDirectory }
    }

    /// CRC-32C of the superblock's block from the superblock on, its own field taken as 0; not inverted at
    /// the end.
    private static func checksum(of block: UnsafeRawBufferPointer) -> UInt32 {
        var table = InlineArray<16, UInt32>(repeating: 0)
        for i in 0..<16 {
            var value = UInt32(i)
            for _ in 0..<4 { value = value & 1 != 0 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
            table[i] = value
        }
        var crc = UInt32.max
        for (i, byte) in block.enumerated() {
            crc ^= UInt32((4..<8).contains(i) ? 0 : byte)
            crc = crc >> 4 ^ table[Int(crc & 15)]
            crc = crc >> 4 ^ table[Int(crc & 15)]
        }
        return crc
    }

    /// Where the inode with number `nid` begins, in bytes, or nil if it cannot be in the image.
    func inodeOffset(_ nid: UInt64) -> UInt64? {
        guard nid < blockCount * (pageSize / 32) else { return nil }
        let offset = metadataStart + nid * 32
        return offset <= blockCount * pageSize - 32 ? offset : nil
    }

    /// Copies bytes of the image out, whatever blocks they lie in.
    /// - Throws: `.corrupted` past the end; what the backing throws.
    func copy(from offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
        let end = blockCount * pageSize
        guard offset <= end, UInt64(buffer.count) <= end - offset else { throw .corrupted }
        var done = 0
        while done < buffer.count {
            let at = offset + UInt64(done)
            let inBlock = Int(at % pageSize)
            let count = min(buffer.count - done, Int(pageSize) - inBlock)
            let frame = try frame(ofBlock: at / pageSize)
            if let base = buffer.baseAddress {
                wide_copy(base + done, PhysicalMemory.pointer(frame) + inBlock, UInt64(count))
            }
            Frames.release(frame)
            done += count
        }
    }

    /// - Throws: `.corrupted` for a block that is not in the image; what the backing throws.
    func frame(ofBlock block: UInt64) throws(Errno) -> PhysicalAddress {
        guard block < blockCount else { throw .corrupted }
        return try backing.frame(ofBlock: block)
    }
}

extension UnsafeRawBufferPointer {
    /// A little-endian integer. The caller has checked that it lies inside.
    @inline(__always)
    func little<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: Value.Type) -> Value {
        Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}
