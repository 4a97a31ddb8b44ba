import GuestNucleus

/// The vDSO (vdso(7)): two pages that every program has, code and what it computes the clocks from. Both are shared by all
/// programs and written by the kernel alone.
enum VDSO {
    private final class Pages: Inode {
        let code: PhysicalAddress
        let data: PhysicalAddress

        override var canMap: Bool { true }

        override init() {
            // SAFETY of the panic: at boot, before any program.
            guard let code = try? Frames.allocate(forKernel: true),
                let data = try? Frames.allocate(forKernel: true)
            else { panic("no memory for the vDSO") }
            self.code = code
            self.data = data
            super.init()
        }

        override func page(at index: UInt64, forWriting: Bool) throws(Errno) -> PhysicalAddress {
            guard !forWriting, index < 2 else { throw .noSuchDeviceOrAddress }
            let frame = index == 0 ? code : data
            Frames.retain(frame)
            return frame
        }

        override func cachedPage(at index: UInt64) -> PhysicalAddress? {
            try? page(at: index, forWriting: false)
        }
    }

    // SAFETY: the kernel is single-threaded (see Frames).
    nonisolated(unsafe) private static var pages: Pages?

    private static func prepare() -> Pages {
        if let pages { return pages }
        let new = Pages()
        wide_copy(PhysicalMemory.pointer(new.code), vdso_start(), vdso_bytes())
        pages = new
        clockChanged()
        return new
    }

    /// Writes the clock's parameters where programs read them; after the wall clock was set.
    static func clockChanged() {
        guard let pages else { return }
        let words = PhysicalMemory.words(pages.data)
        words[0] = Clock.bootTSC
        words[1] = Clock.multiplier
        words[2] = Clock.wallClockBase
    }

    /// Maps it into a new program.
    /// - Returns: its address, for AT_SYSINFO_EHDR.
    /// - Throws: `.noMemory`.
    static func map(into space: AddressSpace) throws(Errno) -> UInt64 {
        let pages = prepare()
        guard let start = space.findGap(2 * pageSize) else { throw .noMemory }
        let code = MemoryArea(
            start: start, end: start + pageSize, access: [.read, .execute], isShared: false, growsDown: false,
            backing: .file(pages, offset: 0))
        let data = MemoryArea(
            start: start + pageSize, end: start + 2 * pageSize, access: [.read], isShared: false,
            growsDown: false,
            backing: .file(pages, offset: pageSize))
        space.insert(code)
        space.insert(data)
        space.mapCached(from: code.start, to: code.end, in: code)
        space.mapCached(from: data.start, to: data.end, in: data)
        return start
    }
}
