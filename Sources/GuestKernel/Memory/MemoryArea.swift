/// What a program may do with memory; PROT_READ, PROT_WRITE and PROT_EXEC of mmap(2).
struct Access: OptionSet {
    let rawValue: UInt32
    static let read = Access(rawValue: 1)
    static let write = Access(rawValue: 2)
    static let execute = Access(rawValue: 4)
}

/// A stretch of a program's address space with one backing and one protection: Linux's vm_area_struct.
struct MemoryArea {
    enum Backing {
        /// Zero pages, private.
        case anonymous
        /// Pages of `inode`, the area's first byte being byte `offset` (page-aligned) of it. Shared anonymous memory is
        /// this too, with an inode nobody can name.
        case file(Inode, offset: UInt64)
    }

    var start: UInt64          // page-aligned, first byte
    var end: UInt64            // page-aligned, first byte after
    var access: Access
    var isShared: Bool
    var growsDown: Bool
    var backing: Backing
    var forkRule = ForkRule.share
    /// Whether mprotect(2) may let it be written: not where a file that is shared was not opened for writing, or is sealed.
    var mayWrite = true
    /// mlock(2): nothing is ever swapped out, but it counts, and its pages are not given back.
    var isLocked = false

    /// What a fork's child gets of it: the pages (copied on write where private), zero pages, or nothing; madvise(2).
    enum ForkRule { case share, wipe, leaveOut }

    var size: UInt64 { end - start }

    func contains(_ address: UInt64) -> Bool { address >= start && address < end }

    /// The same area cut to `newStart..<newEnd`, its file offset moved along.
    func cut(from newStart: UInt64, to newEnd: UInt64) -> MemoryArea {
        var part = self
        part.start = newStart
        part.end = newEnd
        if case .file(let inode, let offset) = backing {
            part.backing = .file(inode, offset: offset + (newStart - start))
        }
        return part
    }

    /// The same at another place, of the same offset in its file.
    func moved(to newStart: UInt64) -> MemoryArea {
        var area = self
        area.start = newStart
        area.end = newStart + size
        return area
    }

    /// What RLIMIT_DATA counts: private, writable, and not the stack.
    var isData: Bool { isPrivateWritable && !growsDown }

    /// Whether a page of this area may be written in place (shared) or only after it is ours alone (private).
    var isPrivateWritable: Bool { access.contains(.write) && !isShared }
}
