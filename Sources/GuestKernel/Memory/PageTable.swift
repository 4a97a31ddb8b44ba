import GuestNucleus

/// One entry of a page table. Bits: AMD64 Architecture Programmer's Manual vol. 2 §5.4.
struct PageTableEntry: Equatable {
    var bits: UInt64

    static let present: UInt64 = 1 << 0
    static let writable: UInt64 = 1 << 1
    static let user: UInt64 = 1 << 2
    static let accessed: UInt64 = 1 << 5
    static let dirty: UInt64 = 1 << 6
    static let large: UInt64 = 1 << 7
    static let noExecute: UInt64 = 1 << 63
    private static let addressMask: UInt64 = 0x000F_FFFF_FFFF_F000

    static let empty = PageTableEntry(bits: 0)

    var isPresent: Bool { bits & Self.present != 0 }
    var isWritable: Bool { bits & Self.writable != 0 }
    /// Of the second level: maps 2 MiB.
    var isLarge: Bool { bits & Self.large != 0 }
    var frame: PhysicalAddress { bits & Self.addressMask }

    init(bits: UInt64) { self.bits = bits }

    /// Leads to a table of the next level; what it maps says what is allowed.
    init(table: PhysicalAddress) {
        bits = table | Self.present | Self.writable | Self.user | Self.accessed
    }

    /// Accessed and, where writable, dirty from the start: nobody here looks at them, and a KVM that shadows page tables
    /// would otherwise write them itself, map a clean page read-only first (a second fault at its first write), and not map
    /// the neighbours of a faulting page along with it.
    init(frame: PhysicalAddress, writable: Bool, executable: Bool) {
        bits =
            frame | Self.present | Self.user | Self.accessed
            | (writable ? Self.writable | Self.dirty : 0) | (executable ? 0 : Self.noExecute)
    }
}

/// A four-level page table, walked and written in software through the physical window. The lower half but its last
/// 512 GiB is the program's; the kernel's region and the nucleus's tables are entries of the root that all tables have.
struct PageTable {
    let root: PhysicalAddress

    // SAFETY: the kernel is single-threaded (see Frames).
    /// Free page-table frames, zero, and roots that map what all of them do and nothing else. Kept apart: a
    /// ring-deprivileged KVM shadows a frame that was a page table and traps writes to it, so it had better stay one, and
    /// only what is not zero in it is cleared (clearing all of each table cost 1 ms a process).
    nonisolated(unsafe) private static var spares: [PhysicalAddress] = []
    nonisolated(unsafe) private static var spareRoots: [PhysicalAddress] = []
    private static let maximumSpares = 1024
    private static let maximumSpareRoots = 64
    /// While a table is made that cannot be done without.
    nonisolated(unsafe) static var mayUseReserve = false

    static func allocateTable() throws(Errno) -> PhysicalAddress {
        if let spare = spares.popLast() { return spare }
        guard Frames.hasRoomForTables || mayUseReserve else { throw .noMemory }
        return try Frames.allocate(forKernel: true)
    }

    /// `table` is zero.
    static func releaseTable(_ table: PhysicalAddress) {
        if spares.count < maximumSpares { spares.append(table) } else { Frames.release(table) }
    }

    init() throws(Errno) {
        if let spare = Self.spareRoots.popLast() {
            root = spare
            return
        }
        root = try Self.allocateTable()
        let kernel = PhysicalMemory.words(UInt64(SWIFTLET_KERNEL_PML4))
        let words = PhysicalMemory.words(root)
        words[KernelRegion.rootSlot] = kernel[KernelRegion.rootSlot]
        words[KernelRegion.nucleusSlot] = kernel[KernelRegion.nucleusSlot]
    }

    /// Where the entry for `address` in a table of the second level is, or nil where no table reaches it yet.
    func existingDirectorySlot(for address: UInt64) -> UnsafeMutablePointer<UInt64>? {
        var table = PhysicalMemory.words(root)
        var shift: UInt64 = 39
        while shift > 21 {
            let entry = PageTableEntry(bits: table[Int(address >> shift & 511)])
            guard entry.isPresent else { return nil }
            table = PhysicalMemory.words(entry.frame)
            shift -= 9
        }
        return table + Int(address >> 21 & 511)
    }

    /// Where the entry for `address` is, or nil where no table reaches it yet. A large page is split.
    func existingSlot(for address: UInt64) -> UnsafeMutablePointer<UInt64>? {
        guard let place = existingDirectorySlot(for: address) else { return nil }
        let entry = PageTableEntry(bits: place.pointee)
        guard entry.isPresent else { return nil }
        if entry.isLarge { split(place) }
        return PhysicalMemory.words(PageTableEntry(bits: place.pointee).frame) + Int(address >> 12 & 511)
    }

    /// Where the entry for `address` is; makes the tables on the way, and splits a large page. Valid for the rest of its
    /// 2 MiB too.
    /// - Throws: `.noMemory`.
    func slot(for address: UInt64) throws(Errno) -> UnsafeMutablePointer<UInt64> {
        let place = try directorySlot(for: address)
        let entry = PageTableEntry(bits: place.pointee)
        if !entry.isPresent {
            place.entry = PageTableEntry(table: try Self.allocateTable()).bits
        } else if entry.isLarge {
            split(place)
        }
        return PhysicalMemory.words(PageTableEntry(bits: place.pointee).frame) + Int(address >> 12 & 511)
    }

    /// As `slot`, of the second level.
    func directorySlot(for address: UInt64) throws(Errno) -> UnsafeMutablePointer<UInt64> {
        var table = PhysicalMemory.words(root)
        var shift: UInt64 = 39
        while shift > 21 {
            let place = table + Int(address >> shift & 511)
            if !PageTableEntry(bits: place.pointee).isPresent {
                place.entry = PageTableEntry(table: try Self.allocateTable()).bits
            }
            table = PhysicalMemory.words(PageTableEntry(bits: place.pointee).frame)
            shift -= 9
        }
        return table + Int(address >> 21 & 511)
    }

    /// What maps `address`, as an entry for its 4 KiB alone.
    func entry(for address: UInt64) -> PageTableEntry {
        guard let place = existingDirectorySlot(for: address) else { return .empty }
        let entry = PageTableEntry(bits: place.pointee)
        guard entry.isPresent else { return .empty }
        let index = address >> 12 & 511
        if entry.isLarge {
            return PageTableEntry(bits: (entry.bits & ~PageTableEntry.large) + index * pageSize)
        }
        return PageTableEntry(bits: PhysicalMemory.words(entry.frame)[Int(index)])
    }

    /// Calls `body` with each piece of the range that a table of the lowest level reaches: its address, where the first
    /// entry is, and how many. Large pages are split. What no table reaches costs nothing, however large.
    func forEachTable(
        from start: UInt64, to end: UInt64, _ body: (UInt64, UnsafeMutablePointer<UInt64>, Int) -> Void
    ) {
        var address = start
        while address < end {
            var table = PhysicalMemory.words(root)
            var shift: UInt64 = 39
            while shift > 12 {
                let place = table + Int(address >> shift & 511)
                let entry = PageTableEntry(bits: place.pointee)
                if !entry.isPresent { break }
                if entry.isLarge { split(place) }
                table = PhysicalMemory.words(PageTableEntry(bits: place.pointee).frame)
                shift -= 9
            }
            let reach: UInt64 = shift == 12 ? 21 : shift  // bits of address that the missing or the lowest table covers
            let next = ((address >> reach) + 1) << reach
            if shift == 12 {
                body(address, table + Int(address >> 12 & 511), Int((min(end, next) - address) / pageSize))
            }
            address = next
        }
    }

    /// Calls `body` for every present entry in the range, with its address.
    func forEachPresent(
        from start: UInt64, to end: UInt64, _ body: (UInt64, UnsafeMutablePointer<UInt64>) -> Void
    ) {
        forEachTable(from: start, to: end) { address, first, count in
            for i in 0..<count where first[i] & PageTableEntry.present != 0 {
                body(address + UInt64(i) * pageSize, first + i)
            }
        }
    }

    /// Frees the tables (not what they map). The table is unusable afterwards.
    func destroy() {
        if LoadedSpace.keepUntilReplaced(self) { return }
        clear(root, shift: 39, slots: KernelRegion.rootSlot)
        if Self.spareRoots.count < Self.maximumSpareRoots { return Self.spareRoots.append(root) }
        let words = PhysicalMemory.words(root)
        words[KernelRegion.rootSlot] = 0
        words[KernelRegion.nucleusSlot] = 0
        Self.releaseTable(root)
    }

    /// Makes entries 0..<`slots` zero and frees the tables below them.
    private func clear(_ table: PhysicalAddress, shift: UInt64, slots: Int) {
        let words = PhysicalMemory.words(table)
        for i in 0..<slots where words[i] != 0 {
            if shift > 12 {
                let child = PageTableEntry(bits: words[i]).frame
                clear(child, shift: shift - 9, slots: 512)
                Self.releaseTable(child)
            }
            (words + i).entry = 0
        }
    }
}

extension UnsafeMutablePointer<UInt64> {
    /// An entry of a program's page table. Every write to one goes through here and is counted: on a KVM that shadows page
    /// tables that is what costs.
    var entry: UInt64 {
        get { pointee }
        nonmutating set {
            Counters.pageTableWrites &+= 1
            pointee = newValue
        }
    }
}

extension FixedWidthInteger {
    var asInt: Int { Int(self) }
}
