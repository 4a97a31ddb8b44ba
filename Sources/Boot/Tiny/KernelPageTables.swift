import CSwiftletABI

/// The kernel's address space (docs/machine.md): its segments in 4 KiB pages with their own permissions, and all RAM, the
/// hole and the root image at PHYSMAP in 2 MiB pages. Intel SDM vol. 3A §4.5.
///
/// Accessed and dirty bits are set from the start: a KVM without nested paging would otherwise set them one fault at a time.
struct KernelPageTables {
    /// Bits of an entry, at every level.
    private enum Entry {
        static let present: UInt64 = 1 << 0
        static let writable: UInt64 = 1 << 1
        static let user: UInt64 = 1 << 2
        static let accessed: UInt64 = 1 << 5
        static let dirty: UInt64 = 1 << 6
        static let large: UInt64 = 1 << 7
        static let noExecute: UInt64 = 1 << 63
        static let address: UInt64 = 0x000F_FFFF_FFFF_F000
    }
    private static let entriesPerTable = 512

    /// Table 0 is the root, at SWIFTLET_KERNEL_PML4; table i > 0 is at `base + (i - 1)` pages.
    private var tables = [UInt64](repeating: 0, count: entriesPerTable)
    private let base: UInt64

    /// - Parameter base: Where the tables below the root will be; page-aligned, behind the kernel's image.
    init(for image: KernelImage, map: PhysicalMap, base: UInt64) {
        self.base = base
        for segment in image.segments { mapSegment(segment) }
        for range in map.ram { mapLarge(range) }
        mapLarge(PhysicalMap.Range(start: holeStart, bytes: holeEnd - holeStart))
        if let image = map.rootImage { mapLarge(image) }
    }

    /// The root's 512 entries, for SWIFTLET_KERNEL_PML4.
    var root: ArraySlice<UInt64> { tables[..<Self.entriesPerTable] }
    /// All tables below the root, for `base`.
    var lower: ArraySlice<UInt64> { tables[Self.entriesPerTable...] }
    /// The first page behind the tables.
    var end: UInt64 { base + UInt64(lower.count * 8) }

    private mutating func mapSegment(_ segment: KernelImage.Segment) {
        var flags = Entry.present | Entry.accessed
        if segment.isWritable { flags |= Entry.writable | Entry.dirty }
        if !segment.isSupervisor { flags |= Entry.user }
        if !segment.isExecutable { flags |= Entry.noExecute }
        for page in 0..<segment.pages {
            let virtual = segment.virtual + page * pageBytes
            let table = table(for: virtual, level: 1, user: !segment.isSupervisor)
            tables[table + Self.slot(virtual, level: 1)] = (segment.physical + page * pageBytes) | flags
        }
    }

    private mutating func mapLarge(_ range: PhysicalMap.Range) {
        let flags =
            Entry.present | Entry.writable | Entry.user | Entry.accessed | Entry.dirty | Entry.large
            | Entry.noExecute
        var physical = range.start
        while physical < range.end {
            let virtual = UInt64(SWIFTLET_PHYSMAP) + physical
            let table = table(for: virtual, level: 2, user: true)
            var slot = Self.slot(virtual, level: 2)
            while slot < Self.entriesPerTable && physical < range.end {
                tables[table + slot] = physical | flags
                slot += 1
                physical += largePageBytes
            }
        }
    }

    /// Index into `tables` of the table of `level` (1: entries are 4 KiB pages) that maps `virtual`, made if missing.
    private mutating func table(for virtual: UInt64, level: Int, user: Bool) -> Int {
        var table = 0
        for parent in stride(from: 4, to: level, by: -1) {
            let index = table + Self.slot(virtual, level: parent)
            if tables[index] == 0 {
                let physical = base + UInt64((tables.count - Self.entriesPerTable) * 8)
                let flags = Entry.present | Entry.writable | Entry.accessed | (user ? Entry.user : 0)
                // A table maps either supervisor pages or user pages, never both: their PML4 slots differ.
                tables[index] = physical | flags
                tables.append(contentsOf: repeatElement(0, count: Self.entriesPerTable))
            }
            table = Self.entriesPerTable + Int((tables[index] & Entry.address) - base) / 8
        }
        return table
    }

    private static func slot(_ virtual: UInt64, level: Int) -> Int {
        Int(virtual >> UInt64(12 + 9 * (level - 1))) & (entriesPerTable - 1)
    }
}
