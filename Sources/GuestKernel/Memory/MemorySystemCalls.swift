/// mmap, munmap, mprotect, mremap, madvise, brk and their like (mmap(2), mremap(2), madvise(2), brk(2)).
/// - Returns: nil for a number that is not one of these.
func memorySystemCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno)
    -> Int?
{
    let space = thread.process.space
    switch call {
    case .mmap: return Int(try mapMemory(arguments, thread))
    case .mprotect:
        let range = try pageRange(arguments.a, arguments.b)
        guard arguments.c & ~0x0100_0007 == 0 else { throw .invalidArgument }
        if !range.isEmpty {
            try space.requireRoomForAreas(cutAt: range.lowerBound, range.upperBound)
            try space.protect(
                from: range.lowerBound, to: range.upperBound,
                access: Access(rawValue: UInt32(arguments.c & 7)), within: MemoryLimits(of: thread.process))
        }
        return 0
    case .munmap:
        let range = try pageRange(arguments.a, arguments.b, beyond: .invalidArgument)
        if range.isEmpty { throw .invalidArgument }
        try space.requireRoomForAreas(cutAt: range.lowerBound, range.upperBound)
        space.unmap(from: range.lowerBound, to: range.upperBound)
        return 0
    case .brk: return Int(space.setBreak(arguments.a, MemoryLimits(of: thread.process)))
    case .mremap: return Int(try remap(space, arguments, MemoryLimits(of: thread.process)))
    case .msync: return try synchronize(space, arguments)
    case .mincore: return try residency(space, arguments)
    case .madvise: return try advise(space, arguments)
    case .mlock, .munlock, .mlock2, .mlockall, .munlockall:
        return try memoryLockCall(call, arguments, thread.process)
    default: return nil
    }
}

/// A page-aligned start and a length rounded up to pages, inside the program's half.
/// - Throws: `.invalidArgument` for a start inside a page, `beyond` where it ends beyond what programs have.
func pageRange(
    _ start: UInt64, _ length: UInt64, beyond: Errno = .noMemory
) throws(Errno) -> Range<UInt64> {
    guard start & (pageSize - 1) == 0 else { throw .invalidArgument }
    guard start <= AddressSpace.top, length <= AddressSpace.top - start else { throw beyond }
    return start..<(start + length + pageSize - 1) & ~(pageSize - 1)
}

func requireMapped(_ space: AddressSpace, _ range: Range<UInt64>) throws(Errno) {
    var address = range.lowerBound
    while address < range.upperBound {
        guard let area = space.area(at: address) else { throw .noMemory }
        address = area.end
    }
}

extension AddressSpace {
    /// brk(2): the new end of the heap, or the old one if it cannot be.
    func setBreak(_ wanted: UInt64, _ limits: MemoryLimits) -> UInt64 {
        guard wanted >= heapStart, wanted < Self.top else { return heapEnd }
        let old = (heapEnd + pageSize - 1) & ~(pageSize - 1)
        let new = (wanted + pageSize - 1) & ~(pageSize - 1)
        if new > old {
            guard isFree(old, new), (new - old) / pageSize <= Frames.total,
                areas.count < Self.maximumAreas, heapMayGrow(to: wanted, by: new - old, limits)
            else { return heapEnd }
            var area = MemoryArea(
                start: old, end: new, access: [.read, .write], isShared: false, growsDown: false,
                backing: .anonymous)
            area.isLocked = locksFuture
            insert(area)
            // A heap's first bytes are written as soon as there is one: what that fault would bring.
            if heapEnd == heapStart { populate(from: old, to: old + pageSize, writing: true) }
        } else if new < old {
            unmap(from: new, to: old)
        }
        heapEnd = wanted
        return wanted
    }

    /// Moves the pages of `from..<from+size` to `to`, where nothing is mapped; the areas are the caller's affair.
    func movePages(from: UInt64, to: UInt64, size: UInt64) throws(Errno) {
        var failure: Errno?
        table.forEachPresent(from: from, to: from + size) { address, slot in
            do throws(Errno) {
                try table.slot(for: to + (address - from)).entry = slot.pointee
                slot.entry = 0
                LoadedSpace.forget(table)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}

private func remap(
    _ space: AddressSpace, _ arguments: SystemCallArguments, _ limits: MemoryLimits
) throws(Errno) -> UInt64 {
    let mayMove = arguments.d & 1 != 0
    let isFixed = arguments.d & 2 != 0
    guard arguments.d & ~3 == 0, !isFixed || mayMove, arguments.c > 0 else { throw .invalidArgument }
    let old = try pageRange(arguments.a, arguments.b, beyond: .invalidArgument)
    try space.requireRoomForAreas(cutAt: old.lowerBound, old.upperBound, more: 1)
    let newSize = try pageRange(0, arguments.c, beyond: .invalidArgument).upperBound
    let oldSize = old.upperBound - old.lowerBound
    guard let area = space.area(at: old.lowerBound), area.end >= old.upperBound, oldSize > 0 else {
        throw .badAddress
    }
    if newSize > oldSize { try space.requireRoom(for: newSize - oldSize, like: area, limits) }
    if !isFixed {
        if newSize <= oldSize {
            if newSize < oldSize { space.unmap(from: old.lowerBound + newSize, to: old.upperBound) }
            return old.lowerBound
        }
        let end = old.lowerBound + newSize
        if area.end == old.upperBound, end <= AddressSpace.top, space.isFree(old.upperBound, end) {
            space.insert(extended(area, from: old.upperBound, to: end))
            return old.lowerBound
        }
        if !mayMove { throw .noMemory }
    }
    let target: UInt64
    if isFixed {
        let range = try pageRange(arguments.e, newSize, beyond: .invalidArgument)
        guard range.lowerBound >= AddressSpace.lowest, !range.overlaps(old) else { throw .invalidArgument }
        space.unmap(from: range.lowerBound, to: range.upperBound)
        if newSize < oldSize { space.unmap(from: old.lowerBound + newSize, to: old.upperBound) }
        target = range.lowerBound
    } else {
        guard let gap = space.findGap(newSize) else { throw .noMemory }
        target = gap
    }
    let kept = min(oldSize, newSize)
    try space.movePages(from: old.lowerBound, to: target, size: kept)
    var moved = area.cut(from: old.lowerBound, to: old.lowerBound + kept)
    space.unmap(from: old.lowerBound, to: old.lowerBound + kept)
    moved.start = target
    moved.end = target + newSize
    space.insert(moved)
    return target
}

/// What continues `area` over `start..<end`.
private func extended(_ area: MemoryArea, from start: UInt64, to end: UInt64) -> MemoryArea {
    var more = area
    more.start = start
    more.end = end
    if case .file(let inode, let offset) = area.backing {
        more.backing = .file(inode, offset: offset + (start - area.start))
    }
    return more
}

/// msync(2): memory is all there is.
private func synchronize(_ space: AddressSpace, _ arguments: SystemCallArguments) throws(Errno) -> Int {
    let (asynchronous, invalidate, synchronous): (UInt64, UInt64, UInt64) = (1, 2, 4)
    let both = asynchronous | synchronous
    guard arguments.c & ~(both | invalidate) == 0, arguments.c & both != both else { throw .invalidArgument }
    let range = try pageRange(arguments.a, arguments.b)
    if arguments.c & invalidate != 0, space.isLocked(in: range) { throw .busy }
    try requireMapped(space, range)
    return 0
}

/// mincore(2).
private func residency(_ space: AddressSpace, _ arguments: SystemCallArguments) throws(Errno) -> Int {
    let range = try pageRange(arguments.a, arguments.b)
    try requireMapped(space, range)
    var address = range.lowerBound
    var at = arguments.c
    while address < range.upperBound {
        try space.store(UInt8(space.table.entry(for: address).isPresent ? 1 : 0), at: at)
        address += pageSize
        at += 1
    }
    return 0
}
