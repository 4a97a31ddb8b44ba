import CSwiftletABI
public import GuestMemory

/// The tiny kernel in guest memory, with its page tables: ready but for the boot page.
public struct LoadedTinyKernel: Sendable {
    public let cpu: InitialCPUState
    /// Where the reserved pages are: fresh, page-aligned, below `freeStart`.
    public let reserved: UInt64
    /// First byte of RAM that holds nothing yet; page-aligned.
    public let freeStart: UInt64
    let map: PhysicalMap
    /// Where the nucleus's pages are: GDT and TSS, IDT.
    let nucleusTables, nucleusIDT: UInt64

    /// Brings `kernel` into `memory`, which must be fresh (all zero), and builds its page tables.
    ///
    /// - Parameter reservedPages: Pages to keep free behind the tables, for queues handed over initialised.
    /// - Throws: `KernelImageError`: the file is not a kernel of ours, is damaged, or does not fit.
    public init(
        loading kernel: GuestKernelFile, into memory: GuestMemory, map: PhysicalMap, reservedPages: Int
    ) throws(KernelImageError) {
        let image = try Self.image(kernel)
        let tables = KernelPageTables(for: image, map: map, base: image.physicalEnd)
        try self.init(image, tables, map: map, reservedPages: reservedPages)
        for segment in image.segments where segment.fileBytes > 0 {
            // Copying the kernel's code takes 0.6 ms, most of it for pages that no job touches.
            try memory.load(
                kernel.file, from: segment.fileOffset, count: segment.fileBytes, at: segment.physical,
                mapping: !segment.isWritable)
        }
        do throws(GuestMemoryError) {
            try memory.store(words: tables.root, at: GuestAddress(UInt64(SWIFTLET_KERNEL_PML4)))
            try memory.store(words: tables.lower, at: GuestAddress(image.physicalEnd))
        } catch {
            throw .doesNotFit(needs: freeStart, memory: map.ram[0].bytes)
        }
    }

    /// The kernel that was loaded from `kernel` into a machine of the same kind, whose memory was saved and is `memory`
    /// now. It is all there, tables too: only where is found out, and the reserved pages are made fresh.
    public init(
        restoredFrom kernel: GuestKernelFile, in memory: GuestMemory, map: PhysicalMap, reservedPages: Int
    ) throws(KernelImageError) {
        let image = try Self.image(kernel)
        let tables = KernelPageTables(for: image, map: map, base: image.physicalEnd)
        try self.init(image, tables, map: map, reservedPages: reservedPages)
        do throws(GuestMemoryError) {
            let zeros = [UInt8](repeating: 0, count: reservedPages * Int(pageBytes))
            try memory.store(bytes: zeros, at: GuestAddress(reserved))
        } catch {
            throw .doesNotFit(needs: freeStart, memory: map.ram[0].bytes)
        }
    }

    private init(
        _ image: KernelImage, _ tables: KernelPageTables, map: PhysicalMap, reservedPages: Int
    ) throws(KernelImageError) {
        let end = tables.end + UInt64(reservedPages) * pageBytes
        guard end <= map.ram[0].bytes else { throw .doesNotFit(needs: end, memory: map.ram[0].bytes) }
        cpu = .tiny(entry: image.entry)
        reserved = tables.end
        freeStart = end
        self.map = map
        nucleusTables = try Self.nucleusPage(UInt64(SWIFTLET_NUCLEUS_GDT), of: image)
        nucleusIDT = try Self.nucleusPage(UInt64(SWIFTLET_NUCLEUS_IDT), of: image)
        _ = try Self.nucleusPage(UInt64(SWIFTLET_NUCLEUS), of: image)
    }

    private static func image(_ kernel: GuestKernelFile) throws(KernelImageError) -> KernelImage {
        guard case .tiny(let image) = kernel.image else { throw .notTiny }
        return image
    }

    private static func nucleusPage(
        _ page: UInt64, of image: KernelImage
    ) throws(KernelImageError) -> UInt64 {
        guard let physical = image.physicalPage(of: page) else { throw .noNucleus(page: page) }
        return physical
    }
}
