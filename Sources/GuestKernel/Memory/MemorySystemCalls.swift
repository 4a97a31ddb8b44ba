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
                access: Access(rawValue: UInt32(arguments.c & 7)))
        }
        return 0
    case .munmap:
        let range = try pageRange(arguments.a, arguments.b, beyond: .invalidArgument)
        if range.isEmpty { throw .invalidArgument }
        try space.requireRoomForAreas(cutAt: range.lowerBound, range.upperBound)
        space.unmap(from: range.lowerBound, to: range.upperBound)
        return 0
    case .brk: return Int(space.setBreak(arguments.a))
    case .mremap: return Int(try remap(space, arguments))
    case .msync:  // memory is all there is
        try requireMapped(space, try pageRange(arguments.a, arguments.b))
        return 0
    case .mincore: return try residency(space, arguments)
    case .madvise: return try advise(space, arguments)
    case .mlock, .munlock, .mlock2:  // nothing is ever swapped out
        // Rounded up as Linux does it: what is larger than all addresses comes round to nothing.
        let length = (arguments.b &+ (arguments.a & (pageSize - 1)) &+ (pageSize - 1)) & ~(pageSize - 1)
        try requireMapped(space, try pageRange(arguments.a & ~(pageSize - 1), length))
        return 0
    case .mlockall, .munlockall: return 0  // mlockall, munlockall
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

/// MAP_ flags of mmap(2).
private struct MapFlags: OptionSet {
    let rawValue: UInt64
    static let shared = MapFlags(rawValue: 0x01)
    static let sharedValidate = MapFlags(rawValue: 0x03)
    static let fixed = MapFlags(rawValue: 0x10)
    static let anonymous = MapFlags(rawValue: 0x20)
    static let growsDown = MapFlags(rawValue: 0x100)
    static let noReserve = MapFlags(rawValue: 0x4000)
    static let populate = MapFlags(rawValue: 0x8000)
    static let fixedNoReplace = MapFlags(rawValue: 0x10_0000)
}

private func mapMemory(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> UInt64 {
    let space = thread.process.space
    let flags = MapFlags(rawValue: arguments.d)
    guard arguments.b > 0, arguments.d & 3 != 0, arguments.f & (pageSize - 1) == 0 else {
        throw .invalidArgument
    }
    guard arguments.b <= AddressSpace.top else { throw .noMemory }
    try space.requireRoomForAreas(cutAt: arguments.a, arguments.a &+ arguments.b, more: 1)
    let size = (arguments.b + pageSize - 1) & ~(pageSize - 1)
    let access = Access(rawValue: UInt32(truncatingIfNeeded: arguments.c) & 7)
    let isShared = flags.contains(.shared)

    var backing = MemoryArea.Backing.anonymous
    if flags.contains(.anonymous) {
        if isShared {
            guard size / pageSize <= Frames.total else { throw .noMemory }
            backing = .file(SharedMemory(pages: Int(size / pageSize)), offset: 0)
        } else if access.contains(.write), !flags.contains(.noReserve), size / pageSize > Frames.total {
            throw .noMemory  // more than there is: refused at once, as Linux's heuristic does
        }
    } else {
        backing = try fileBacking(arguments, thread, access, isShared)
    }

    let start = try place(space, arguments.a, size, flags)
    let area = MemoryArea(
        start: start, end: start + size, access: access, isShared: isShared,
        growsDown: flags.contains(.growsDown), backing: backing)
    space.insert(area)
    if flags.contains(.populate) {
        space.populate(from: start, to: start + size, writing: access.contains(.write))
    } else {
        space.prefill(area)
    }
    return start
}

private func fileBacking(
    _ arguments: SystemCallArguments, _ thread: Thread, _ access: Access, _ isShared: Bool
) throws(Errno) -> MemoryArea.Backing {
    let file = try thread.process.files.file(Int32(truncatingIfNeeded: arguments.e))
    guard file.flags & OpenFlags.path == 0 else { throw .badDescriptor }
    guard let inode = file.inode else { throw .noSuchDevice }
    guard file.isReadable else { throw .accessDenied }
    if isShared && access.contains(.write) && !file.isWritable { throw .accessDenied }
    guard arguments.f <= UInt64(Int64.max) - arguments.b else { throw .overflow }
    if inode.mapsAsAnonymous && !isShared { return .anonymous }
    if inode.mapsAsAnonymous {
        guard arguments.b / pageSize < Frames.total else { throw .noMemory }
        return .file(SharedMemory(pages: Int((arguments.b + pageSize - 1) / pageSize)), offset: 0)
    }
    guard inode.canMap else { throw .noSuchDevice }
    return .file(inode, offset: arguments.f)
}

/// Where a new mapping goes; with MAP_FIXED what was there is gone.
private func place(_ space: AddressSpace, _ hint: UInt64, _ size: UInt64, _ flags: MapFlags) throws(Errno)
    -> UInt64
{
    let isFixed = flags.contains(.fixed) || flags.contains(.fixedNoReplace)
    if isFixed {
        guard hint & (pageSize - 1) == 0 else { throw .invalidArgument }
        guard hint >= AddressSpace.lowest else { throw .notPermitted }
        guard hint <= AddressSpace.top, size <= AddressSpace.top - hint else { throw .noMemory }
        if flags.contains(.fixedNoReplace) && !space.isFree(hint, hint + size) { throw .exists }
        if flags.contains(.fixed) { space.unmap(from: hint, to: hint + size) }
        return hint
    }
    let wanted = hint & ~(pageSize - 1)
    if wanted >= AddressSpace.lowest, wanted < AddressSpace.top, size <= AddressSpace.top - wanted,
        space.isFree(wanted, wanted + size)
    {
        return wanted
    }
    guard let gap = space.findGap(size) else { throw .noMemory }
    return gap
}

extension AddressSpace {
    /// brk(2): the new end of the heap, or the old one if it cannot be.
    func setBreak(_ wanted: UInt64) -> UInt64 {
        guard wanted >= heapStart, wanted < Self.top else { return heapEnd }
        let old = (heapEnd + pageSize - 1) & ~(pageSize - 1)
        let new = (wanted + pageSize - 1) & ~(pageSize - 1)
        if new > old {
            guard isFree(old, new), (new - old) / pageSize <= Frames.total,
                areas.count < Self.maximumAreas
            else { return heapEnd }
            insert(
                MemoryArea(
                    start: old, end: new, access: [.read, .write], isShared: false, growsDown: false,
                    backing: .anonymous))
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

private func remap(_ space: AddressSpace, _ arguments: SystemCallArguments) throws(Errno) -> UInt64 {
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
