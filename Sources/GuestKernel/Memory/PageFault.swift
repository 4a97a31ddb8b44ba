import GuestNucleus

/// Making pages present: on a fault of the program's, or when the kernel reaches into its memory.
extension AddressSpace {
    /// Why a page could not be made present; what the program gets for it.
    enum FaultFailure: Error {
        case notMapped  // SIGSEGV, SEGV_MAPERR
        case notAllowed  // SIGSEGV, SEGV_ACCERR
        case beyondEndOfFile  // SIGBUS
        case noMemory
    }

    /// A trap costs tens of microseconds on a ring-deprivileged KVM and a page-table write next to nothing, so one fault
    /// maps what is cheap to have of its surroundings: 64 KiB of zero pages, 256 KiB where a program fills memory in
    /// order, 512 KiB of a file. Pages that must be copied cost more: 64 KiB of a file, 16 KiB after a fork.
    private static let anonymousWindow: UInt64 = 0x1_0000
    private static let sequentialWindow: UInt64 = 0x4_0000
    private static let fileWindow: UInt64 = 0x8_0000
    private static let fileCopyWindow: UInt64 = 0x1_0000
    private static let forkCopyWindow: UInt64 = 0x4000

    /// Makes `address` usable for `access`, and what is around it where that costs nothing more.
    func resolve(_ address: UInt64, _ access: Access) throws(FaultFailure) {
        for _ in 0..<16 {
            do throws(FaultFailure) { return try resolveAtOnce(address, access) } catch {
                // Pages of files may be able to go to the scratch disk.
                guard error == .noMemory, FileSystem.reclaim() else { throw error }
            }
        }
        throw .noMemory
    }

    private func resolveAtOnce(_ address: UInt64, _ access: Access) throws(FaultFailure) {
        var index = firstIndex(endingAbove: address)
        if index == areas.count || areas[index].start > address {
            guard index < areas.count, growStack(at: index, to: address) else { throw .notMapped }
            index = firstIndex(endingAbove: address)
        }
        let area = areas[index]
        if access.contains(.write) && !area.access.contains(.write) { throw .notAllowed }
        if access.contains(.execute) && !area.access.contains(.execute) { throw .notAllowed }
        if area.access.isEmpty { throw .notAllowed }
        do {
            try makePresent(address & ~(pageSize - 1), in: area, writing: access.contains(.write))
        } catch {
            if error == .noMemory { throw .noMemory }
            throw .beyondEndOfFile
        }
    }

    private func growStack(at index: Int, to address: UInt64) -> Bool {
        let area = areas[index]
        let start = address & ~(pageSize - 1)
        guard area.growsDown, area.end - start <= 8 << 20 else { return false }
        if index > 0, areas[index - 1].end + 256 * pageSize > start { return false }
        areas[index].start = start
        return true
    }

    private func makePresent(_ page: UInt64, in area: MemoryArea, writing: Bool) throws(Errno) {
        if case .anonymous = area.backing,
            table.allowLarge(at: page, writing: writing) || fillLarge(around: page, in: area)
        {
            return
        }
        let slot = try table.slot(for: page)
        let entry = PageTableEntry(bits: slot.pointee)
        if entry.isPresent {
            if writing && !entry.isWritable {
                try makeWritable(slot, at: page, in: area)
                makeNeighboursWritable(of: page, in: area)
            } else {
                slot.entry = refreshed(entry, area)
            }
            return
        }
        switch area.backing {
        case .anonymous:
            try fillAnonymous(around: page, in: area)
        case .file(let inode, let offset):
            try fillFile(around: page, in: area, inode, offset, writing: writing)
        }
    }

    /// A present entry whose permissions lag behind its area (after mprotect).
    private func refreshed(_ entry: PageTableEntry, _ area: MemoryArea) -> UInt64 {
        PageTableEntry(
            frame: entry.frame, writable: entry.isWritable, executable: area.access.contains(.execute)
        ).bits
    }

    /// First write to a page that is there: in place if it is shared memory or ours alone, on a copy otherwise.
    private func makeWritable(
        _ slot: UnsafeMutablePointer<UInt64>, at page: UInt64, in area: MemoryArea
    ) throws(Errno) {
        let frame = PageTableEntry(bits: slot.pointee).frame
        let executable = area.access.contains(.execute)
        if area.isShared, case .file(let inode, let offset) = area.backing {
            // A reader may have been given the root image's own frame, which nobody can write.
            let own = try inode.page(at: (offset + (page - area.start)) / pageSize, forWriting: true)
            if slot.pointee == 0 {
                // The file has just got a page of its own, and took the image's out of everybody's memory.
                slot.entry = PageTableEntry(frame: own, writable: true, executable: executable).bits
                return countResident()
            }
            guard PageTableEntry(bits: slot.pointee).frame == frame else { return Frames.release(own) }
            slot.entry = PageTableEntry(frame: own, writable: true, executable: executable).bits
            LoadedSpace.forget(table)
            return Frames.release(frame)
        }
        if Frames.isExclusive(frame) {
            slot.entry = PageTableEntry(frame: frame, writable: true, executable: executable).bits
            return
        }
        let copy = try Frames.allocate(zeroed: false)
        wide_copy(PhysicalMemory.pointer(copy), PhysicalMemory.pointer(frame), pageSize)
        slot.entry = PageTableEntry(frame: copy, writable: true, executable: executable).bits
        LoadedSpace.forget(table)
        Frames.release(frame)
    }

    /// The pages around one that was just written for the first time, as far as that is cheap. If memory ends here, they
    /// can do without.
    private func makeNeighboursWritable(of page: UInt64, in area: MemoryArea) {
        if area.isShared || Frames.available < Frames.total / 8 { return }
        var window = Self.anonymousWindow
        var copied = Self.forkCopyWindow
        if case .file(let inode, _) = area.backing {
            window = Self.fileCopyWindow
            copied = inode.comesFromImage ? Self.fileCopyWindow : pageSize
        }
        let end = min(area.end, (page & ~(window - 1)) + window)
        var address = max(area.start, page & ~(window - 1))
        guard var slot = table.existingSlot(for: address) else { return }
        while address < end {
            let entry = PageTableEntry(bits: slot.pointee)
            let isNear = address & ~(copied - 1) == page & ~(copied - 1)
            if entry.isPresent, !entry.isWritable, isNear || Frames.isExclusive(entry.frame) {
                guard (try? makeWritable(slot, at: address, in: area)) != nil else { return }
            }
            slot += 1
            address += pageSize
        }
    }

    private func fillAnonymous(around page: UInt64, in area: MemoryArea) throws(Errno) {
        var window = Self.anonymousWindow
        let before = (page & ~(window - 1)) &- pageSize
        if area.contains(before), table.entry(for: before).isPresent { window = Self.sequentialWindow }
        let first = page & ~(Self.anonymousWindow - 1)
        let start = max(area.start, first)
        let end = min(area.end, first + window, (first | 0x1F_FFFF) + 1)  // within one page table
        let writable = area.access.contains(.write)
        let executable = area.access.contains(.execute)
        // The page itself first: if memory ends here, the neighbours can do without.
        try table.slot(for: page).entry =
            PageTableEntry(frame: try Frames.allocate(), writable: writable, executable: executable).bits
        countResident()
        if Frames.available < Frames.total / 8 { return }
        var slot = try table.slot(for: start)
        var address = start
        while address < end {
            if slot.pointee == 0, let frame = try? Frames.allocate() {
                slot.entry = PageTableEntry(frame: frame, writable: writable, executable: executable).bits
                countResident()
            }
            slot += 1
            address += pageSize
        }
    }

    private func fillFile(
        around page: UInt64, in area: MemoryArea, _ inode: Inode, _ offset: UInt64, writing: Bool
    ) throws(Errno) {
        let executable = area.access.contains(.execute)
        let index = (offset + (page - area.start)) / pageSize
        let frame = try inode.page(at: index, forWriting: writing && area.isShared)
        let slot = try table.slot(for: page)
        // The inode may have had to wait for its device; another thread may have been here meanwhile.
        if slot.pointee & PageTableEntry.present != 0 { return Frames.release(frame) }
        if writing && !area.isShared {
            let copy = try Frames.allocate(zeroed: false)
            wide_copy(PhysicalMemory.pointer(copy), PhysicalMemory.pointer(frame), pageSize)
            Frames.release(frame)
            slot.entry = PageTableEntry(frame: copy, writable: true, executable: executable).bits
        } else {
            slot.entry =
                PageTableEntry(
                    frame: frame, writable: writing && area.isShared, executable: executable
                ).bits
        }
        countResident()
        mapCached(
            from: max(area.start, page & ~(Self.fileWindow - 1)),
            to: min(area.end, (page & ~(Self.fileWindow - 1)) + Self.fileWindow), in: area)
        if writing { makeNeighboursWritable(of: page, in: area) }
    }

    /// A new mapping: what its first touches would bring, where it is in memory already. Small data of a file is copied at
    /// once (relocations write it), small zero memory given at once.
    func prefill(_ area: MemoryArea) {
        switch area.backing {
        case .anonymous:
            if area.size <= Self.forkCopyWindow * 2, area.access.contains(.write), !area.growsDown {
                populate(from: area.start, to: area.end, writing: true)
            }
        case .file(let inode, _):
            if area.isShared || area.access.isEmpty { return }
            mapCached(from: area.start, to: min(area.end, area.start + 0x20_0000), in: area)
            if area.size <= Self.fileCopyWindow, area.access.contains(.write), inode.comesFromImage {
                populate(from: area.start, to: area.end, writing: true)
            }
        }
    }

    /// Maps, read-only, those file pages of the range that are in memory already.
    func mapCached(from start: UInt64, to end: UInt64, in area: MemoryArea) {
        guard case .file(let inode, let offset) = area.backing, start < end else { return }
        let executable = area.access.contains(.execute)
        var address = start
        while address < end {
            guard var slot = try? table.slot(for: address) else { return }
            let tableEnd = min(end, (address | 0x1F_FFFF) &+ 1)
            while address < tableEnd {
                if slot.pointee == 0,
                    let frame = inode.cachedPage(at: (offset + (address - area.start)) / pageSize)
                {
                    slot.entry = PageTableEntry(frame: frame, writable: false, executable: executable).bits
                    countResident()
                }
                slot += 1
                address += pageSize
            }
        }
    }

    /// Makes the whole range present: pages of files that are in memory, zero pages elsewhere. For exec, which knows what the
    /// program touches first.
    func populate(from start: UInt64, to end: UInt64, writing: Bool) {
        var address = start & ~(pageSize - 1)
        while address < end {
            let entry = table.entry(for: address)
            if !entry.isPresent || (writing && !entry.isWritable) {
                guard (try? resolve(address, writing ? [.write] : [.read])) != nil else { return }
            }
            address += pageSize
        }
    }
}
