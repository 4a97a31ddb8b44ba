import GuestNucleus

/// A program's memory: its areas, sorted by address, and the page table that the processor sees of them. Pages come
/// lazily (PageFault.swift); a fork shares them copy-on-write. Freed with its last reference.
final class AddressSpace {
    static let lowest = KernelRegion.lowestOfPrograms
    static let top = KernelRegion.topOfPrograms

    let table: PageTable
    var areas: [MemoryArea] = []
    /// Where mmap looks for free space, downwards.
    var mapTop = AddressSpace.top
    var heapStart: UInt64 = 0
    var heapEnd: UInt64 = 0
    /// Pages mapped now and at most.
    var residentPages: UInt64 = 0
    var maxResidentPages: UInt64 = 0
    /// Where the program's arguments, environment and auxiliary vector lie, for /proc/PID/cmdline, environ, auxv.
    var argumentRange: Range<UInt64> = 0..<0
    var environmentRange: Range<UInt64> = 0..<0
    var auxiliaryRange: Range<UInt64> = 0..<0
    /// Of the program's file, what is its data; RLIMIT_DATA counts it with the heap.
    var programDataBytes: UInt64 = 0
    /// mlockall(2) with MCL_FUTURE: what is mapped from now on is locked.
    var locksFuture = false
    /// Of io_setup(2). A fork's child has none.
    var asynchronousContexts: [AsynchronousContext] = []

    init() throws(Errno) {
        table = try PageTable()
    }

    // SAFETY: the kernel is single-threaded (see Frames).
    /// Nothing at all: what an ended process has.
    nonisolated(unsafe) static let none: AddressSpace = {
        // First wanted when a process ends, perhaps for want of memory.
        PageTable.mayUseReserve = true
        defer { PageTable.mayUseReserve = false }
        guard let space = try? AddressSpace() else { panic("out of kernel memory") }
        return space
    }()

    deinit {
        for area in areas { dropPages(from: area.start, to: area.end) }
        table.destroy()
    }

    // MARK: Finding

    /// Index of the first area that ends above `address`.
    func firstIndex(endingAbove address: UInt64) -> Int {
        var low = 0
        var high = areas.count
        while low < high {
            let middle = (low + high) / 2
            if areas[middle].end > address { high = middle } else { low = middle + 1 }
        }
        return low
    }

    func area(at address: UInt64) -> MemoryArea? {
        let i = firstIndex(endingAbove: address)
        return i < areas.count && areas[i].start <= address ? areas[i] : nil
    }

    func isFree(_ start: UInt64, _ end: UInt64) -> Bool {
        let i = firstIndex(endingAbove: start)
        return i == areas.count || areas[i].start >= end
    }

    /// The highest free gap of `size` bytes below `mapTop`, or nil.
    func findGap(_ size: UInt64) -> UInt64? {
        var ceiling = mapTop
        var i = firstIndex(endingAbove: mapTop &- 1)
        while true {
            if i < areas.count && areas[i].start < ceiling && areas[i].end >= ceiling {
                ceiling = areas[i].start
            }
            let floor = i > 0 ? areas[i - 1].end : Self.lowest
            if ceiling >= floor && ceiling - floor >= size { return ceiling - size }
            if i == 0 { return nil }
            i -= 1
            ceiling = min(ceiling, areas[i].start)
        }
    }

    /// The lowest free gap of `size` bytes in the range, or nil.
    func findLowestGap(_ size: UInt64, in range: Range<UInt64>) -> UInt64? {
        var floor = range.lowerBound
        var i = firstIndex(endingAbove: floor)
        while floor <= range.upperBound, size <= range.upperBound - floor {
            if i == areas.count || areas[i].start >= floor + size { return floor }
            floor = areas[i].end
            i += 1
        }
        return nil
    }

    // MARK: Changing

    /// Linux's default vm.max_map_count.
    static let maximumAreas = 65_530

    /// Before areas are cut at `start` and `end` and `more` added.
    /// - Throws: `.noMemory` when the program has as many areas as it may have.
    func requireRoomForAreas(cutAt start: UInt64, _ end: UInt64, more: Int = 0) throws(Errno) {
        if areas.count + more + 2 <= Self.maximumAreas { return }
        var count = areas.count + more
        for address in [start, end] {
            if let cut = area(at: address), cut.start < address { count += 1 }
        }
        if count > Self.maximumAreas { throw .noMemory }
    }

    /// Adds an area where nothing is mapped, joined with its neighbours where they are alike.
    func insert(_ area: MemoryArea) {
        if case .file(let inode, _) = area.backing { inode.isMapped = true }
        var i = firstIndex(endingAbove: area.start)
        if i > 0, Self.joins(areas[i - 1], area) {
            i -= 1
            areas[i].end = area.end
        } else {
            areas.insert(area, at: i)
        }
        if i + 1 < areas.count, Self.joins(areas[i], areas[i + 1]) {
            areas[i].end = areas[i + 1].end
            areas.remove(at: i + 1)
        }
    }

    private static func joins(_ a: MemoryArea, _ b: MemoryArea) -> Bool {
        guard a.end == b.start, a.access == b.access, a.isShared == b.isShared,
            a.growsDown == b.growsDown, a.forkRule == b.forkRule, a.mayWrite == b.mayWrite,
            a.isLocked == b.isLocked
        else { return false }
        switch (a.backing, b.backing) {
        case (.anonymous, .anonymous): return true
        case (.file(let x, let i), .file(let y, let j)): return x === y && i + a.size == j
        default: return false
        }
    }

    /// Cuts areas at `start` and `end` so that both are borders; returns the indices of the areas between.
    func split(_ start: UInt64, _ end: UInt64) -> Range<Int> {
        splitOnce(at: start)
        splitOnce(at: end)
        return firstIndex(endingAbove: start)..<firstIndexStarting(atOrAbove: end)
    }

    private func firstIndexStarting(atOrAbove address: UInt64) -> Int {
        let i = firstIndex(endingAbove: address)
        return i < areas.count && areas[i].start < address ? i + 1 : i
    }

    private func splitOnce(at address: UInt64) {
        let i = firstIndex(endingAbove: address)
        guard i < areas.count, areas[i].start < address else { return }
        let whole = areas[i]
        areas[i] = whole.cut(from: whole.start, to: address)
        areas.insert(whole.cut(from: address, to: whole.end), at: i + 1)
    }

    /// Takes away whatever is mapped in the range.
    func unmap(from start: UInt64, to end: UInt64) {
        let range = split(start, end)
        if range.isEmpty { return }
        for i in range { dropPages(from: areas[i].start, to: areas[i].end) }
        areas.removeSubrange(range)
    }

    /// Forgets the pages of the range; the areas stay, and what is touched again comes anew.
    func dropPages(from start: UInt64, to end: UInt64) {
        table.dropLarge(from: start, to: end) { first in
            Frames.release(first, count: PageTable.pagesInLarge)
            residentPages -= UInt64(PageTable.pagesInLarge)
            LoadedSpace.forget(table)
        }
        table.forEachPresent(from: start, to: end) { _, slot in
            Frames.release(PageTableEntry(bits: slot.pointee).frame)
            slot.entry = 0
            residentPages -= 1
            LoadedSpace.forget(table)
        }
    }

    /// mprotect(2). What lies before a hole, or before an area that refuses, is changed all the same.
    /// - Throws: `.noMemory` for a hole, or more data than `limits` allow; `.accessDenied` where nobody may write.
    func protect(
        from start: UInt64, to end: UInt64, access: Access, within limits: MemoryLimits = .none
    ) throws(Errno) {
        var covered = start
        var refusal = Errno.noMemory
        var newData: UInt64 = 0
        var i = firstIndex(endingAbove: start)
        while covered < end, i < areas.count, areas[i].start <= covered {
            if access.contains(.write) && !areas[i].mayWrite {
                refusal = .accessDenied
                break
            }
            var after = areas[i].cut(from: covered, to: min(end, areas[i].end))
            let wasData = after.isData
            after.access = access
            if after.isData && !wasData {
                newData += after.size
                if !mayGrow(by: newData, isData: true, mapped: 0, limits) { break }
            }
            covered = areas[i].end
            i += 1
        }
        let changed = split(start, min(covered, end))
        for i in changed where areas[i].access != access {
            areas[i].access = access
            refreshEntries(of: areas[i])
        }
        join(changed)
        if covered < end { throw refusal }
    }

    /// Gives present pages the permissions of their area. A private page becomes writable at once if it is the program's
    /// alone, otherwise at its first write.
    private func refreshEntries(of area: MemoryArea) {
        let access = area.access
        table.forEachPresent(from: area.start, to: area.end) { _, slot in
            let entry = PageTableEntry(bits: slot.pointee)
            var writable = false
            if access.contains(.write) {
                writable = area.isShared ? entry.isWritable : Frames.isExclusive(entry.frame)
            }
            let bits =
                access.isEmpty
                ? entry.bits & ~PageTableEntry.user & ~PageTableEntry.writable
                : PageTableEntry(
                    frame: entry.frame, writable: writable, executable: access.contains(.execute)
                ).bits
            if bits != entry.bits {
                slot.entry = bits
                LoadedSpace.forget(table)
            }
        }
    }

    /// Joins the areas with these indices, and their neighbours, where they are alike.
    func join(_ range: Range<Int>) {
        let first = max(0, range.lowerBound - 1)
        let last = min(areas.count, range.upperBound + 1)
        if last - first < 2 { return }
        var kept = first
        for i in first + 1..<last {
            if Self.joins(areas[kept], areas[i]) {
                areas[kept].end = areas[i].end
            } else {
                kept += 1
                if kept != i { areas[kept] = areas[i] }
            }
        }
        areas.removeSubrange(kept + 1..<last)
    }

    func countResident(_ pages: UInt64 = 1) {
        residentPages += pages
        if residentPages > maxResidentPages { maxResidentPages = residentPages }
    }
}
