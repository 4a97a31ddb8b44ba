/// The headers of an ELF executable, checked (ELF-64 Object File Format; elf(5)). Every number in it is hostile.
struct ExecutableFile {
    struct Segment {
        /// Page-aligned start and end of what the segment occupies, relative to the load bias.
        let start: UInt64
        let end: UInt64
        /// Exact end of what comes from the file, and of all of it; in between are zeroes.
        let fileEnd: UInt64
        let memoryEnd: UInt64
        /// Where in the file byte `start` is.
        let fileOffset: UInt64
        let access: Access
    }

    private static let pageMask = pageSize - 1
    private static let maximumHeaders = 64

    private(set) var segments: [Segment] = []
    let entry: UInt64
    let isRelocatable: Bool
    /// Path of the dynamic linker, from PT_INTERP.
    private(set) var interpreter: [UInt8]?
    private(set) var isStackExecutable = false
    /// Where the program headers are in memory, relative to the load bias; AT_PHDR.
    private(set) var headersAddress: UInt64 = 0
    let headerCount: UInt64
    /// Heap and other programs' mappings go above this; relative to the load bias.
    var end: UInt64 { segments.last?.end ?? 0 }
    var start: UInt64 { segments.first?.start ?? 0 }

    /// - Throws: `.notExecutable` for whatever is not a 64-bit x86-64 executable, or is broken; `.ioError`.
    init(reading inode: Inode) throws(Errno) {
        let header = try ByteReader(inode, at: 0, count: 64)
        guard header.count == 64, header.u32(0) == 0x464C_457F, header.u8(4) == 2, header.u8(5) == 1,
            header.u16(18) == 62, header.u16(16) == 2 || header.u16(16) == 3, header.u16(54) == 56
        else { throw .notExecutable }
        isRelocatable = header.u16(16) == 3
        entry = header.u64(24)
        headerCount = UInt64(header.u16(56))
        guard headerCount > 0, headerCount <= UInt64(Self.maximumHeaders) else { throw .notExecutable }
        let tableOffset = header.u64(32)
        let tableBytes = Int(headerCount) * 56
        let size = try inode.status().size
        guard tableOffset <= size, UInt64(tableBytes) <= size - tableOffset else { throw .notExecutable }
        let table = try ByteReader(inode, at: tableOffset, count: tableBytes)
        guard table.count == tableBytes else { throw .notExecutable }
        for i in 0..<Int(headerCount) { try addHeader(table, i * 56, inode, size) }
        guard !segments.isEmpty, entry < AddressSpace.top else { throw .notExecutable }
        if headersAddress == 0 { findHeaders(tableOffset) }
    }

    private mutating func addHeader(
        _ table: ByteReader, _ at: Int, _ inode: Inode, _ fileSize: UInt64
    ) throws(Errno) {
        switch table.u32(at) {
        case 1: try addSegment(table, at, fileSize)
        case 3:  // PT_INTERP
            let offset = table.u64(at + 8)
            let size = table.u64(at + 32)
            guard size > 1, size <= 4096, offset <= fileSize, size <= fileSize - offset else {
                throw .notExecutable
            }
            let path = try ByteReader(inode, at: offset, count: Int(size)).bytes
            guard path.count == Int(size), path.last == 0 else { throw .notExecutable }
            interpreter = Array(path.prefix { $0 != 0 })
        case 6: headersAddress = table.u64(at + 16)  // PT_PHDR
        case 0x6474_E551: isStackExecutable = table.u32(at + 4) & 1 != 0
        default: break
        }
    }

    private mutating func addSegment(_ table: ByteReader, _ at: Int, _ totalSize: UInt64) throws(Errno) {
        let flags = table.u32(at + 4)
        let offset = table.u64(at + 8)
        let address = table.u64(at + 16)
        let fileSize = table.u64(at + 32)
        let memorySize = table.u64(at + 40)
        if memorySize == 0 { return }
        guard fileSize <= memorySize, address < AddressSpace.top, memorySize < AddressSpace.top - address,
            offset & Self.pageMask == address & Self.pageMask,
            offset <= totalSize, fileSize <= totalSize - offset  // a truncated file is refused, not run into SIGBUS
        else { throw .notExecutable }
        let start = address & ~Self.pageMask
        guard start >= (segments.last?.end ?? 0) else { throw .notExecutable }
        var access: Access = []
        if flags & 4 != 0 { access.insert(.read) }
        if flags & 2 != 0 { access.insert(.write) }
        if flags & 1 != 0 { access.insert(.execute) }
        segments.append(
            Segment(
                start: start, end: (address + memorySize + Self.pageMask) & ~Self.pageMask,
                fileEnd: address + fileSize, memoryEnd: address + memorySize,
                fileOffset: offset - (address - start), access: access))
    }

    /// Without PT_PHDR: the headers are where the segment that holds them in the file puts them.
    private mutating func findHeaders(_ offset: UInt64) {
        for segment in segments where offset >= segment.fileOffset {
            let address = segment.start + (offset - segment.fileOffset)
            if address < segment.fileEnd {
                headersAddress = address
                return
            }
        }
    }
}

/// Some bytes of a file, for headers. Reading past what was read is a bug and traps.
struct ByteReader {
    private(set) var bytes: [UInt8]
    var count: Int { bytes.count }

    /// Reads up to `count` bytes; fewer at the end of the file.
    init(_ inode: Inode, at offset: UInt64, count: Int) throws(Errno) {
        var buffer = [UInt8](repeating: 0, count: count)
        var done = 0
        var failure: Errno?
        buffer.withUnsafeMutableBytes { raw in
            do throws(Errno) { done = try FileSystem.read(inode, at: offset, into: raw) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        buffer.removeLast(count - done)
        bytes = buffer
    }

    func u8(_ at: Int) -> UInt8 { bytes[at] }
    func u16(_ at: Int) -> UInt16 { UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8 }
    func u32(_ at: Int) -> UInt32 { UInt32(u16(at)) | UInt32(u16(at + 2)) << 16 }
    func u64(_ at: Int) -> UInt64 { UInt64(u32(at)) | UInt64(u32(at + 4)) << 32 }
}
