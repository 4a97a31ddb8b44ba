import GuestNucleus

/// One inode of an EROFS image, read and checked.
///
///     compact (32 B):  format u16 | xattr u16 | mode u16 | links u16 | size u32 | – u32 | address u32 | ino u32 |
///                      uid u16 | gid u16 | – u32
///     extended (64 B): format u16 | xattr u16 | mode u16 | – u16 | size u64 | address u32 | ino u32 | uid u32 | gid u32 |
///                      mtime u64 | nanoseconds u32 | links u32 | – 16 B
///
/// then extended attributes, then, in the inline layout, the last part of the data.
struct ErofsInode {
    let nid: UInt64
    let type: FileType
    let permissions: UInt32
    let links: UInt32
    let user: UInt32
    let group: UInt32
    /// Nanoseconds since 1970.
    let modified: UInt64
    /// For devices; Linux's encoding of st_rdev.
    let specialDevice: UInt64
    let data: ErofsData
}

/// Where the bytes of a file, directory or symbolic link lie. Checked: all of them are inside the image.
struct ErofsData {
    let size: UInt64  // bytes
    let firstBlock: UInt64
    /// Blocks from `firstBlock` on; what is beyond them is the tail.
    let wholeBlocks: UInt64
    /// Where in the image the inline tail begins, in bytes; inside one block. 0: there is no tail.
    let tailOffset: UInt64

    var pageCount: UInt64 { (size + pageSize - 1) / pageSize }
}

extension ErofsImage {
    private enum Layout: UInt16 {
        case plain = 0, inline = 2
    }

    /// - Throws: `.corrupted` for what cannot be an inode, `.notSupported` for a compressed or chunked file.
    func inode(_ nid: UInt64) throws(Errno) -> ErofsInode {
        guard let offset = inodeOffset(nid) else { throw .corrupted }
        var storage = InlineArray<64, UInt8>(repeating: 0)
        var failure: Errno?
        var inode: ErofsInode?
        withUnsafeMutableBytes(of: &storage) { buffer in
            do throws(Errno) {
                try copy(from: offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[0..<32]))
                let isExtended = buffer[0] & 1 != 0
                if isExtended {
                    try copy(
                        from: offset + 32, into: UnsafeMutableRawBufferPointer(rebasing: buffer[32..<64]))
                }
                inode = try parse(UnsafeRawBufferPointer(buffer), nid, at: offset, isExtended: isExtended)
            } catch {
                failure = error
            }
        }
        guard let inode else { throw failure ?? .corrupted }
        return inode
    }

    private func parse(
        _ bytes: UnsafeRawBufferPointer, _ nid: UInt64, at offset: UInt64, isExtended: Bool
    ) throws(Errno) -> ErofsInode {
        let format = bytes.little(0, UInt16.self)
        let mode = UInt32(bytes.little(4, UInt16.self))
        guard format < 16, let type = FileType(rawValue: mode & 0o170000) else { throw .corrupted }
        guard let layout = Layout(rawValue: format >> 1) else { throw .notSupported }
        let attributes = UInt64(bytes.little(2, UInt16.self))
        let end = offset + (isExtended ? 64 : 32) + (attributes == 0 ? 0 : 12 + 4 * (attributes - 1))
        let size = isExtended ? bytes.little(8, UInt64.self) : UInt64(bytes.little(8, UInt32.self))
        let address = bytes.little(16, UInt32.self)
        let holdsData = type == .regular || type == .directory || type == .symbolicLink
        let seconds = bytes.little(32, UInt64.self)
        return ErofsInode(
            nid: nid, type: type, permissions: mode & 0o7777,
            links: isExtended ? bytes.little(44, UInt32.self) : UInt32(bytes.little(6, UInt16.self)),
            user: isExtended ? bytes.little(24, UInt32.self) : UInt32(bytes.little(24, UInt16.self)),
            group: isExtended ? bytes.little(28, UInt32.self) : UInt32(bytes.little(26, UInt16.self)),
            modified: isExtended
                ? seconds &* 1_000_000_000 &+ UInt64(bytes.little(40, UInt32.self)) : buildTime,
            specialDevice: holdsData ? 0 : UInt64(address),
            data: holdsData
                ? try place(size: size, firstBlock: UInt64(address), layout, endOfInode: end)
                : ErofsData(size: 0, firstBlock: 0, wholeBlocks: 0, tailOffset: 0))
    }

    private func place(
        size: UInt64, firstBlock: UInt64, _ layout: Layout, endOfInode: UInt64
    ) throws(Errno) -> ErofsData {
        guard size <= blockCount * pageSize else { throw .corrupted }
        let pages = (size + pageSize - 1) / pageSize
        var wholeBlocks = pages
        var tailOffset: UInt64 = 0
        if layout == .inline && pages > 0 {
            wholeBlocks = pages - 1
            let tail = size - wholeBlocks * pageSize
            guard endOfInode % pageSize + tail <= pageSize, endOfInode + tail <= blockCount * pageSize else {
                throw .corrupted
            }
            tailOffset = endOfInode
        }
        guard wholeBlocks == 0 || firstBlock <= blockCount && wholeBlocks <= blockCount - firstBlock else {
            throw .corrupted
        }
        return ErofsData(size: size, firstBlock: firstBlock, wholeBlocks: wholeBlocks, tailOffset: tailOffset)
    }

    /// Calls `body` with the bytes of page `index` of `data` as they lie in the image: a whole page, or less
    /// at the end.
    /// - Throws: `.corrupted` beyond the end; what the backing throws.
    func withPage(
        _ index: UInt64, of data: ErofsData, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(Errno) {
        guard index < data.pageCount else { throw .corrupted }
        let count = Int(min(pageSize, data.size - index * pageSize))
        let isWhole = index < data.wholeBlocks
        let frame = try frame(ofBlock: isWhole ? data.firstBlock + index : data.tailOffset / pageSize)
        let start = PhysicalMemory.pointer(frame) + (isWhole ? 0 : Int(data.tailOffset % pageSize))
        body(UnsafeRawBufferPointer(start: start, count: count))
        Frames.release(frame)
    }

    /// All of `data`; for what is small, such as the target of a symbolic link.
    /// - Throws: `.corrupted` if it is larger than `limit` bytes.
    func contents(of data: ErofsData, limit: UInt64) throws(Errno) -> [UInt8] {
        guard data.size <= limit else { throw .corrupted }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(data.size))
        for index in 0..<data.pageCount {
            try withPage(index, of: data) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }
}
