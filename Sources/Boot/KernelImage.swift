import CSwiftletABI

/// The tiny kernel's ELF file, parsed and checked, not yet loaded. Source: System V ABI, chapters 4 and 5.
///
///     | ELF header 64 B | program headers n × 56 B | … segments, each at its p_offset |
///
/// The headers must lie in the first `headerBytes` of the file, where every linker puts them.
public struct KernelImage: Sendable {
    /// How much of the file `init` wants to see: one page.
    public static let headerBytes = 4096
    /// Ours has six; a page of headers would hold 71.
    static let maximumSegments = 16

    /// One PT_LOAD segment. Addresses and sizes in bytes; both addresses are page-aligned.
    public struct Segment: Equatable, Sendable {
        public let fileOffset: UInt64
        public let fileBytes: UInt64
        public let memoryBytes: UInt64
        public let physical: UInt64
        public let virtual: UInt64
        public let isWritable: Bool
        public let isExecutable: Bool

        /// The nucleus is linked in the upper half, for ring 0 only.
        var isSupervisor: Bool { virtual >> 63 == 1 }
        var pages: UInt64 { pageCount(memoryBytes) }
        /// `init` has checked that neither end wraps.
        var physicalEnd: UInt64 { physical + pages * pageBytes }
        var virtualLast: UInt64 { virtual + (pages * pageBytes - 1) }
    }

    public let entry: UInt64
    public let segments: [Segment]

    /// First byte behind the highest segment, page-aligned.
    public var physicalEnd: UInt64 { segments.reduce(0) { max($0, $1.physicalEnd) } }

    /// - Parameters:
    ///   - header: The file's first `headerBytes`, or all of a shorter file.
    ///   - fileBytes: The file's size.
    public init(parsing header: [UInt8], fileBytes: UInt64) throws(KernelImageError) {
        let file = LittleEndianBytes(header)
        guard file.u32(0) == 0x464C_457F else { throw .notELF }
        guard header.count >= ELF.headerBytes else {
            throw .truncated(needs: UInt64(ELF.headerBytes), bytes: fileBytes)
        }
        guard header[4] == ELF.class64, header[5] == ELF.littleEndian, file.u16(16) == ELF.executable,
            file.u16(18) == ELF.x86_64, file.u16(54) == UInt16(ELF.programHeaderBytes)
        else { throw .notForThisMachine }

        let count = Int(file.u16(56) ?? 0)
        guard count <= Self.maximumSegments else { throw .tooManySegments(count) }
        let start = file.u64(32) ?? .max
        let bytes = UInt64(count * ELF.programHeaderBytes)
        guard start <= UInt64(Self.headerBytes), start + bytes <= UInt64(header.count) else {
            throw .truncated(needs: start.addingReportingOverflow(bytes).partialValue, bytes: fileBytes)
        }
        var segments: [Segment] = []
        for index in 0..<count {
            let at = Int(start) + index * ELF.programHeaderBytes
            if let segment = try Self.parse(file, at: at, index: index, fileBytes: fileBytes) {
                segments.append(segment)
            }
        }
        guard !segments.isEmpty else { throw .noSegments }
        try Self.refuseOverlap(segments)
        self.segments = segments
        entry = file.u64(24) ?? 0
        let entry = entry
        guard
            segments.contains(where: {
                $0.isExecutable && !$0.isSupervisor && $0.virtual <= entry && entry <= $0.virtualLast
            })
        else { throw .entryNotExecutable(entry) }
    }

    /// The guest-physical page that the page at `virtual` is loaded at.
    func physicalPage(of virtual: UInt64) -> UInt64? {
        for segment in segments where segment.virtual <= virtual && virtual <= segment.virtualLast {
            return segment.physical + (virtual - segment.virtual)
        }
        return nil
    }

    private static func parse(
        _ file: LittleEndianBytes, at: Int, index: Int, fileBytes: UInt64
    ) throws(KernelImageError) -> Segment? {
        guard let type = file.u32(at), let flags = file.u32(at + 4), let offset = file.u64(at + 8),
            let virtual = file.u64(at + 16), let physical = file.u64(at + 24), let inFile = file.u64(at + 32),
            let inMemory = file.u64(at + 40)
        else { throw .truncated(needs: UInt64(at + ELF.programHeaderBytes), bytes: fileBytes) }
        guard type == ELF.load, inMemory > 0 else { return nil }

        let fileEnd = offset.addingReportingOverflow(inFile)
        guard !fileEnd.overflow, fileEnd.partialValue <= fileBytes else {
            throw .truncated(needs: fileEnd.overflow ? .max : fileEnd.partialValue, bytes: fileBytes)
        }
        guard inFile <= inMemory else { throw .badSegment(index, .moreInFileThanInMemory) }
        guard virtual % pageBytes == 0, physical % pageBytes == 0 else {
            throw .badSegment(index, .unaligned)
        }
        guard physical >= UInt64(SWIFTLET_KERNEL_LOAD) else { throw .badSegment(index, .physicalTooLow) }
        // No segment is larger than all memory below the hole, so the page arithmetic further on cannot overflow.
        guard inMemory <= holeStart, physical <= holeStart - inMemory else {
            throw .badSegment(index, .wraps)
        }
        let last = virtual.addingReportingOverflow(pageCount(inMemory) * pageBytes - 1)
        let isLower = virtual >= lowestKernelAddress && last.partialValue < UInt64(SWIFTLET_PHYSMAP)
        let isUpper = virtual >= upperHalf
        guard !last.overflow, isLower || isUpper else { throw .badSegment(index, .virtualElsewhere) }
        let isWritable = flags & ELF.writable != 0
        let isExecutable = flags & ELF.executableSegment != 0
        guard !(isWritable && isExecutable) else { throw .badSegment(index, .writableAndExecutable) }
        return Segment(
            fileOffset: offset, fileBytes: inFile, memoryBytes: inMemory, physical: physical,
            virtual: virtual, isWritable: isWritable, isExecutable: isExecutable)
    }

    private static func refuseOverlap(_ segments: [Segment]) throws(KernelImageError) {
        for (first, a) in segments.enumerated() {
            for (second, b) in segments.enumerated().dropFirst(first + 1) {
                let isPhysical = a.physical < b.physicalEnd && b.physical < a.physicalEnd
                let isVirtual = a.virtual <= b.virtualLast && b.virtual <= a.virtualLast
                if isPhysical || isVirtual { throw .overlap(first, second) }
            }
        }
    }

    /// Page 0 stays unmapped, so that a null pointer of the kernel's faults.
    private static var lowestKernelAddress: UInt64 { pageBytes }
    /// The 512 GiB of the last PML4 slot, where the nucleus is linked.
    private static var upperHalf: UInt64 { 0xFFFF_FF80_0000_0000 }
}

/// Fields and values of the ELF header and the program headers that this loader looks at.
private enum ELF {
    static let headerBytes = 64
    static let programHeaderBytes = 56
    static let class64: UInt8 = 2
    static let littleEndian: UInt8 = 1
    static let executable: UInt16 = 2      // ET_EXEC
    static let x86_64: UInt16 = 62         // EM_X86_64
    static let load: UInt32 = 1            // PT_LOAD
    static let executableSegment: UInt32 = 1  // PF_X
    static let writable: UInt32 = 2        // PF_W
}
