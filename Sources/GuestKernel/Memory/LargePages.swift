import GuestNucleus

/// 2 MiB of a program's memory behind one entry: a fault for 512 pages, and nothing for a KVM that shadows page tables to
/// shadow one by one. Only private anonymous memory that fills up in order is mapped so; whatever wants a single page of it
/// gets small entries first (`split`), so that nobody else has to know.
extension PageTable {
    static let largeBytes: UInt64 = 2 << 20
    static let pagesInLarge = 512

    // SAFETY: the kernel is single-threaded (see Frames).
    /// A table for each large entry there is, so that it can be split when memory has run out.
    nonisolated(unsafe) private static var deposits: [PhysicalAddress] = []

    /// Maps the 2 MiB at `address`, a multiple of them, where no table reaches yet.
    /// - Returns: false, and nothing is changed, where a table does, or memory is short.
    func mapLarge(at address: UInt64, executable: Bool) -> Bool {
        guard let place = try? directorySlot(for: address), place.pointee == 0,
            let table = try? Self.allocateTable()
        else { return false }
        let count = UInt64(Self.pagesInLarge)
        guard let first = try? Frames.allocateContiguous(count: count, alignment: count) else {
            Self.releaseTable(table)
            return false
        }
        Self.deposits.append(table)
        place.entry =
            PageTableEntry(frame: first, writable: true, executable: executable).bits | PageTableEntry.large
        return true
    }

    /// Puts 512 entries in the place of one that maps the same.
    func split(_ place: UnsafeMutablePointer<UInt64>) {
        guard let table = Self.deposits.popLast() else { panic("a large page without a table of its own") }
        let bits = place.pointee & ~PageTableEntry.large
        let words = PhysicalMemory.words(table)
        for i in 0..<Self.pagesInLarge { words[i] = bits + UInt64(i) * pageSize }
        Counters.pageTableWrites &+= UInt64(Self.pagesInLarge)
        place.entry = PageTableEntry(table: table).bits
    }

    /// The first large page that lies in the range as a whole, and where its entry is. What no table reaches costs nothing.
    func nextLarge(
        from start: UInt64, to end: UInt64
    ) -> (address: UInt64, place: UnsafeMutablePointer<UInt64>)? {
        if Self.deposits.isEmpty { return nil }
        var address = (start + Self.largeBytes - 1) & ~(Self.largeBytes - 1)
        while address + Self.largeBytes <= end {
            var table = PhysicalMemory.words(root)
            var shift: UInt64 = 39
            while shift > 21 {
                let entry = PageTableEntry(bits: table[Int(address >> shift & 511)])
                if !entry.isPresent { break }
                table = PhysicalMemory.words(entry.frame)
                shift -= 9
            }
            if shift == 21 {
                let place = table + Int(address >> 21 & 511)
                let entry = PageTableEntry(bits: place.pointee)
                if entry.isPresent && entry.isLarge { return (address, place) }
            }
            address = ((address >> shift) + 1) << shift
        }
        return nil
    }

    /// Takes away the large pages that lie in the range as a whole.
    /// - Parameter body: is given the first frame of each.
    func dropLarge(from start: UInt64, to end: UInt64, _ body: (PhysicalAddress) -> Void) {
        var start = start
        while let (address, place) = nextLarge(from: start, to: end) {
            let first = PageTableEntry(bits: place.pointee).frame
            place.entry = 0
            if let table = Self.deposits.popLast() { Self.releaseTable(table) }
            body(first)
            start = address + Self.largeBytes
        }
    }

    /// The large page at `address`, whose entry is at `place`, is mapped by `other` too; neither may write it from now on.
    /// - Throws: `.noMemory`.
    func shareLarge(
        _ place: UnsafeMutablePointer<UInt64>, at address: UInt64, with other: PageTable
    ) throws(Errno) {
        let target = try other.directorySlot(for: address)
        Self.deposits.append(try Self.allocateTable())
        let entry = PageTableEntry(bits: place.pointee)
        if entry.isWritable { place.entry = entry.bits & ~PageTableEntry.writable }
        target.entry = place.pointee
        Frames.retain(entry.frame, count: Self.pagesInLarge)
    }

    /// Whether a large page at `address` can be had whole for what a fault wants: to be written again once all who shared it
    /// have gone. While somebody shares it, a single page is to be copied.
    func allowLarge(at address: UInt64, writing: Bool) -> Bool {
        guard let place = existingDirectorySlot(for: address) else { return false }
        let entry = PageTableEntry(bits: place.pointee)
        guard entry.isPresent, entry.isLarge else { return false }
        if !writing || entry.isWritable { return true }
        guard Frames.isExclusive(entry.frame, count: Self.pagesInLarge) else { return false }
        place.entry = entry.bits | PageTableEntry.writable
        return true
    }
}

extension AddressSpace {
    /// A program with less is small, and stays so.
    private static let pagesBeforeLarge: UInt64 = 1024

    /// Where anonymous memory fills up in order, its next 2 MiB at once.
    /// - Returns: whether it was mapped.
    func fillLarge(around page: UInt64, in area: MemoryArea) -> Bool {
        let start = page & ~(PageTable.largeBytes - 1)
        guard residentPages >= Self.pagesBeforeLarge, area.access.contains(.write), !area.growsDown,
            start >= area.start, area.end >= PageTable.largeBytes, start <= area.end - PageTable.largeBytes,
            Frames.available > Frames.total / 4
        else { return false }
        let end = start + PageTable.largeBytes
        let isInOrder =
            area.contains(start &- pageSize) && table.entry(for: start &- pageSize).isPresent
            || area.contains(end) && table.entry(for: end).isPresent
        guard isInOrder, table.mapLarge(at: start, executable: area.access.contains(.execute)) else {
            return false
        }
        countResident(UInt64(PageTable.pagesInLarge))
        return true
    }
}
