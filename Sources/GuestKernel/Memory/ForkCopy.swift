import GuestNucleus

/// What fork(2) makes of a program's memory.
extension AddressSpace {
    /// Pages that a fork copies at once. The first write to a shared page costs each side a trap, as much as the copies of
    /// a hundred pages; so what was written lately, the stack first, is copied while there is memory to spare.
    /// That many only while most memory is free: a thousand idle children are to fit as well.
    private static var eagerForkPages: Int {
        if Frames.available > Frames.total / 4 * 3 { return 512 }
        return Frames.available > Frames.total / 4 ? 64 : 0
    }

    /// A copy for fork(2): the same areas; private pages are shared read-only until one side writes.
    /// - Throws: `.noMemory`.
    func copyOnWriteClone() throws(Errno) -> AddressSpace {
        let clone = try AddressSpace()
        clone.areas = areas
        clone.mapTop = mapTop
        clone.heapStart = heapStart
        clone.heapEnd = heapEnd
        clone.argumentRange = argumentRange
        clone.environmentRange = environmentRange
        clone.auxiliaryRange = auxiliaryRange
        clone.programDataBytes = programDataBytes
        var eager = Self.eagerForkPages
        clone.areas.removeAll { $0.forkRule == .leaveOut }
        for i in clone.areas.indices { clone.areas[i].isLocked = false }  // not inherited (mlock(2))
        LoadedSpace.forget(table)  // what is shared from now on may not be written any more
        for area in areas.reversed() where area.forkRule == .share {
            try clone.takePages(of: area, from: table, &eager)
        }
        clone.maxResidentPages = clone.residentPages
        return clone
    }

    /// Large pages stay whole, an entry each. Who has filled an area with them will not write all of it anew: of such
    /// an area nothing is copied at once.
    private func takePages(
        of area: MemoryArea, from parent: PageTable, _ eager: inout Int
    ) throws(Errno) {
        guard var large = parent.nextLarge(from: area.start, to: area.end) else {
            return try takeSmallPages(of: area, from: parent, area.start..<area.end, &eager)
        }
        var none = 0
        var start = area.start
        while true {
            try takeSmallPages(of: area, from: parent, start..<large.address, &none)
            try parent.shareLarge(large.place, at: large.address, with: table)
            residentPages += UInt64(PageTable.pagesInLarge)
            start = large.address + PageTable.largeBytes
            guard let next = parent.nextLarge(from: start, to: area.end) else { break }
            large = next
        }
        try takeSmallPages(of: area, from: parent, start..<area.end, &none)
    }

    private func takeSmallPages(
        of area: MemoryArea, from parent: PageTable, _ range: Range<UInt64>, _ eager: inout Int
    ) throws(Errno) {
        var failure: Errno?
        parent.forEachTable(from: range.lowerBound, to: range.upperBound) { address, first, count in
            if failure != nil { return }
            do throws(Errno) {
                try takePages(from: first, at: address, count: count, area.isShared, &eager)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// Entries of one page table of the parent's, from the one at `address` on.
    private func takePages(
        from first: UnsafeMutablePointer<UInt64>, at address: UInt64, count: Int, _ isShared: Bool,
        _ eager: inout Int
    ) throws(Errno) {
        var slot: UnsafeMutablePointer<UInt64>?
        for i in 0..<count where first[i] & PageTableEntry.present != 0 {
            if slot == nil { slot = try table.slot(for: address) }
            guard let to = slot else { break }
            let entry = PageTableEntry(bits: first[i])
            residentPages += 1
            if entry.isWritable && !isShared {
                if eager > 0, let copy = try? Frames.allocate(zeroed: false) {
                    eager -= 1
                    wide_copy(PhysicalMemory.pointer(copy), PhysicalMemory.pointer(entry.frame), pageSize)
                    (to + i).entry = entry.bits - entry.frame + copy
                    continue
                }
                (first + i).entry = entry.bits & ~PageTableEntry.writable
            }
            (to + i).entry = first[i]
            Frames.retain(entry.frame)
        }
    }
}
