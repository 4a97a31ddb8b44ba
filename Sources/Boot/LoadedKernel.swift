import CSwiftletABI
public import GuestMemory
import LinuxSystem
public import SystemPackage

/// A kernel in guest memory, with its page tables: ready but for the boot page.
public struct LoadedKernel: Sendable {
    public let cpu: InitialCPUState
    /// Where the reserved pages are: fresh, page-aligned, below `freeStart`.
    public let reserved: UInt64
    /// First byte of RAM that holds nothing yet; page-aligned.
    public let freeStart: UInt64
    let map: PhysicalMap
    /// What every address space holds in slot 511, and where the nucleus's frame page and IDT page are.
    let nucleusPML4Entry, nucleusFrame, nucleusIDT: UInt64

    /// Brings the kernel from `file` into `memory`, which must be fresh (all zero), and builds its page tables.
    ///
    /// - Parameter reservedPages: Pages to keep free behind the tables, for queues handed over initialised.
    /// - Throws: `KernelImageError`: the file is not a kernel of ours, is damaged, or does not fit.
    public init(
        loading file: FileDescriptor, into memory: GuestMemory, map: PhysicalMap, reservedPages: Int
    ) throws(KernelImageError) {
        let image = try Self.parse(file)
        let tables = KernelPageTables(for: image, map: map, base: image.physicalEnd)
        try self.init(image, tables, map: map, reservedPages: reservedPages)
        for segment in image.segments where segment.fileBytes > 0 {
            try Self.load(segment, from: file, into: memory)
        }
        do throws(GuestMemoryError) {
            try memory.store(words: tables.root, at: GuestAddress(UInt64(SWIFTLET_KERNEL_PML4)))
            try memory.store(words: tables.lower, at: GuestAddress(image.physicalEnd))
        } catch {
            throw .doesNotFit(needs: freeStart, memory: map.ram[0].bytes)
        }
    }

    /// The kernel that was loaded from `file` into a machine of the same kind, whose memory was saved and is `memory` now. It
    /// is all there, tables too: only where is found out, and the reserved pages are made fresh.
    public init(
        restoredFrom file: FileDescriptor, in memory: GuestMemory, map: PhysicalMap, reservedPages: Int
    ) throws(KernelImageError) {
        let image = try Self.parse(file)
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
        cpu = InitialCPUState(entry: image.entry)
        reserved = tables.end
        freeStart = end
        self.map = map
        nucleusPML4Entry = tables.nucleusEntry
        nucleusFrame = try Self.nucleusPage(UInt64(SWIFTLET_NUCLEUS_FRAME), of: image)
        nucleusIDT = try Self.nucleusPage(UInt64(SWIFTLET_NUCLEUS_IDT), of: image)
        for page in [UInt64(SWIFTLET_NUCLEUS), UInt64(SWIFTLET_NUCLEUS_GDT)] {
            _ = try Self.nucleusPage(page, of: image)
        }
    }

    private static func parse(_ file: FileDescriptor) throws(KernelImageError) -> KernelImage {
        let header: [UInt8]
        let status: FileStatus
        do throws(Errno) {
            status = try file.status()
            header = try file.read(upTo: KernelImage.headerBytes, at: 0)
        } catch {
            throw .unreadable(error)
        }
        guard status.kind == .regular else { throw .unreadable(.invalidArgument) }
        if let linux = try? LinuxSetupHeader(parsing: header, fileBytes: status.size) {
            throw .linux(protocolVersion: linux.protocolVersion)
        }
        return try KernelImage(parsing: header, fileBytes: status.size)
    }

    /// How many bytes of `segment` come into `memory` as the file's own pages. Copying the kernel's code takes 0.6 ms, most
    /// of it for pages that no job touches. What is written to at once anyway is copied, and so is what cannot be mapped.
    private static func mapPages(
        of segment: KernelImage.Segment, from file: FileDescriptor, into memory: GuestMemory
    ) -> UInt64 {
        let bytes = segment.fileBytes / pageBytes * pageBytes
        guard bytes > 0, !segment.isWritable, segment.fileOffset % pageBytes == 0 else { return 0 }
        do throws(Errno) {
            try memory.map(
                file, from: segment.fileOffset, at: GuestAddress(segment.physical), count: bytes)
        } catch {
            return 0
        }
        return bytes
    }

    private static func load(
        _ segment: KernelImage.Segment, from file: FileDescriptor, into memory: GuestMemory
    ) throws(KernelImageError) {
        let mapped = mapPages(of: segment, from: file, into: memory)
        guard mapped < segment.fileBytes else { return }
        var rest = GuestBuffers(in: memory)
        do throws(GuestMemoryError) {
            // A segment is at most 3 GiB: `KernelImage` has checked that it ends below the hole.
            try rest.append(
                GuestAddress(segment.physical + mapped), count: UInt32(segment.fileBytes - mapped))
        } catch {
            throw .doesNotFit(needs: segment.physicalEnd, memory: memory.size)
        }
        var offset = Int64(segment.fileOffset + mapped)
        while !rest.isEmpty {
            let count: Int
            do throws(Errno) {
                count = try rest.read(from: file, at: offset)
            } catch {
                throw .unreadable(error)
            }
            guard count > 0 else {
                // Somebody has made the file shorter since its size was read.
                throw .truncated(needs: segment.fileOffset + segment.fileBytes, bytes: UInt64(offset))
            }
            rest.removePrefix(count)
            offset += Int64(count)
        }
    }

    private static func nucleusPage(
        _ page: UInt64, of image: KernelImage
    ) throws(KernelImageError) -> UInt64 {
        guard let physical = image.physicalPage(of: page) else { throw .noNucleus(page: page) }
        return physical
    }
}

extension GuestMemory {
    /// Little-endian, as every host of ours is.
    fileprivate func store(words: ArraySlice<UInt64>, at address: GuestAddress) throws(GuestMemoryError) {
        var failure: GuestMemoryError?
        words.withUnsafeBytes { bytes in
            do throws(GuestMemoryError) { try copy(bytes, to: address) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
