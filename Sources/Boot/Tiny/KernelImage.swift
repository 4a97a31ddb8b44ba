import CSwiftletABI

/// The tiny kernel's ELF file, parsed and checked, not yet loaded.
public struct KernelImage: Sendable {
    /// How much of the file `init` wants to see: one page.
    public static let headerBytes = ELFFile.headerBytes

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
        try self.init(ELFFile(parsing: header, fileBytes: fileBytes))
    }

    init(_ file: ELFFile) throws(KernelImageError) {
        var segments: [Segment] = []
        for (index, header) in file.headers.enumerated() where header.isLoaded {
            segments.append(try Self.segment(header, index: index))
        }
        guard !segments.isEmpty else { throw .noSegments }
        try Self.refuseOverlap(segments)
        self.segments = segments
        entry = file.entry
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

    private static func segment(
        _ header: ELFFile.ProgramHeader, index: Int
    ) throws(KernelImageError) -> Segment {
        let (virtual, physical, inMemory) = (header.virtual, header.physical, header.memoryBytes)
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
        guard !(header.isWritable && header.isExecutable) else {
            throw .badSegment(index, .writableAndExecutable)
        }
        return Segment(
            fileOffset: header.fileOffset, fileBytes: header.fileBytes, memoryBytes: inMemory,
            physical: physical, virtual: virtual, isWritable: header.isWritable,
            isExecutable: header.isExecutable)
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
