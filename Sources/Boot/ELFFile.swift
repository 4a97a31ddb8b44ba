/// What a loader needs of an ELF executable: its entry and its program headers. Source: System V ABI, chapters 4 and 5.
///
///     | ELF header 64 B | program headers n × 56 B | … segments, each at its p_offset |
///
/// The headers must lie in the first `headerBytes` of the file, where every linker puts them. Nothing in the file is
/// believed: that a segment lies inside the file is checked here, where it goes is checked by who loads it.
struct ELFFile {
    /// How much of the file `init` wants to see: one page.
    static let headerBytes = 4096
    /// Ours has six, a Linux seven; a page of headers would hold 71.
    static let maximumSegments = 16

    struct ProgramHeader {
        let type, flags: UInt32
        /// Bytes; `fileOffset + fileBytes` is inside the file for a segment that is loaded.
        let fileOffset, virtual, physical, fileBytes, memoryBytes: UInt64

        var isLoaded: Bool { type == Format.load && memoryBytes > 0 }
        var isNote: Bool { type == Format.note }
        var isExecutable: Bool { flags & Format.executableSegment != 0 }
        var isWritable: Bool { flags & Format.writableSegment != 0 }
    }

    let entry: UInt64
    let headers: [ProgramHeader]

    /// - Parameters:
    ///   - bytes: The file's first `headerBytes`, or all of a shorter file.
    ///   - fileBytes: The file's size.
    init(parsing bytes: [UInt8], fileBytes: UInt64) throws(KernelImageError) {
        let file = LittleEndianBytes(bytes)
        guard file.u32(0) == 0x464C_457F else { throw .notELF }
        guard bytes.count >= Format.headerBytes else {
            throw .truncated(needs: UInt64(Format.headerBytes), bytes: fileBytes)
        }
        guard bytes[4] == Format.class64, bytes[5] == Format.littleEndian,
            file.u16(16) == Format.executable, file.u16(18) == Format.x86_64,
            file.u16(54) == UInt16(Format.programHeaderBytes)
        else { throw .notForThisMachine }

        let count = Int(file.u16(56) ?? 0)
        guard count <= Self.maximumSegments else { throw .tooManySegments(count) }
        let start = file.u64(32) ?? .max
        let length = UInt64(count * Format.programHeaderBytes)
        guard start <= UInt64(Self.headerBytes), start + length <= UInt64(bytes.count) else {
            throw .truncated(needs: start.addingReportingOverflow(length).partialValue, bytes: fileBytes)
        }
        var headers: [ProgramHeader] = []
        for index in 0..<count {
            let at = Int(start) + index * Format.programHeaderBytes
            headers.append(try Self.header(file, at: at, index: index, fileBytes: fileBytes))
        }
        entry = file.u64(24) ?? 0
        self.headers = headers
    }

    private static func header(
        _ file: LittleEndianBytes, at: Int, index: Int, fileBytes: UInt64
    ) throws(KernelImageError) -> ProgramHeader {
        guard let type = file.u32(at), let flags = file.u32(at + 4), let offset = file.u64(at + 8),
            let virtual = file.u64(at + 16), let physical = file.u64(at + 24), let inFile = file.u64(at + 32),
            let inMemory = file.u64(at + 40)
        else { throw .truncated(needs: UInt64(at + Format.programHeaderBytes), bytes: fileBytes) }
        let header = ProgramHeader(
            type: type, flags: flags, fileOffset: offset, virtual: virtual, physical: physical,
            fileBytes: inFile, memoryBytes: inMemory)
        guard header.isLoaded else { return header }
        let end = offset.addingReportingOverflow(inFile)
        guard !end.overflow, end.partialValue <= fileBytes else {
            throw .truncated(needs: end.overflow ? .max : end.partialValue, bytes: fileBytes)
        }
        guard inFile <= inMemory else { throw .badSegment(index, .moreInFileThanInMemory) }
        return header
    }

    /// Fields and values of the headers that a loader looks at.
    private enum Format {
        static let headerBytes = 64
        static let programHeaderBytes = 56
        static let class64: UInt8 = 2
        static let littleEndian: UInt8 = 1
        static let executable: UInt16 = 2  // ET_EXEC
        static let x86_64: UInt16 = 62  // EM_X86_64
        static let load: UInt32 = 1  // PT_LOAD
        static let note: UInt32 = 4  // PT_NOTE
        static let executableSegment: UInt32 = 1  // PF_X
        static let writableSegment: UInt32 = 2  // PF_W
    }
}
