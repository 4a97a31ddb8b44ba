/// From a file to the programs that have mapped it.
extension AddressSpace {
    /// Takes pages of a file out of all programs' memory; what is touched again comes anew from the file, or is
    /// SIGBUS beyond its end. There is no list of a file's mappings: what asks for this is rare, and areas are few.
    /// - Parameter matches: whether a mapped page is to go, by its number and frame; a private copy is a frame of its own.
    static func dropPages(
        of inode: Inode, from first: UInt64, to end: UInt64, where matches: (UInt64, PhysicalAddress) -> Bool
    ) {
        guard inode.isMapped else { return }
        var last: AddressSpace?
        for process in Processes.all where process.space !== last {
            last = process.space
            process.space.dropPages(ofFile: inode, from: first, to: end, where: matches)
        }
    }

    /// Whether a program has mapped it shared, and may write it there or let itself do so (F_SEAL_WRITE).
    static func isSharedForWriting(_ inode: Inode) -> Bool {
        guard inode.isMapped else { return false }
        for process in Processes.all {
            for area in process.space.areas where area.isShared && area.mayWrite {
                if case .file(let mapped, _) = area.backing, mapped === inode { return true }
            }
        }
        return false
    }

    private func dropPages(
        ofFile inode: Inode, from first: UInt64, to end: UInt64,
        where matches: (UInt64, PhysicalAddress) -> Bool
    ) {
        for area in areas {
            guard case .file(let mapped, let offset) = area.backing, mapped === inode else { continue }
            let areaFirst = offset / pageSize
            let areaEnd = areaFirst + area.size / pageSize
            let (from, to) = (max(first, areaFirst), min(end, areaEnd))
            if from >= to { continue }
            let start = area.start + (from - areaFirst) * pageSize
            table.forEachPresent(from: start, to: start + (to - from) * pageSize) { address, slot in
                let frame = PageTableEntry(bits: slot.pointee).frame
                guard matches(areaFirst + (address - area.start) / pageSize, frame) else { return }
                slot.entry = 0
                residentPages -= 1
                LoadedSpace.forget(table)
                Frames.release(frame)
            }
        }
    }
}
