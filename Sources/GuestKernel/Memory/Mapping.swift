/// MAP_ flags of mmap(2).
private struct MapFlags: OptionSet {
    let rawValue: UInt64
    static let shared = MapFlags(rawValue: 0x01)
    static let sharedValidate = MapFlags(rawValue: 0x03)
    static let fixed = MapFlags(rawValue: 0x10)
    static let anonymous = MapFlags(rawValue: 0x20)
    static let below2GiB = MapFlags(rawValue: 0x40)
    static let growsDown = MapFlags(rawValue: 0x100)
    static let locked = MapFlags(rawValue: 0x2000)
    static let noReserve = MapFlags(rawValue: 0x4000)
    static let populate = MapFlags(rawValue: 0x8000)
    static let huge = MapFlags(rawValue: 0x4_0000)
    static let fixedNoReplace = MapFlags(rawValue: 0x10_0000)
    /// What MAP_SHARED_VALIDATE knows: Linux's LEGACY_MAP_MASK. MAP_SYNC and MAP_FIXED_NOREPLACE are not of it.
    static let validated = MapFlags(rawValue: 0x407_F9F3 | (21 | 30) << 26)

    var type: UInt64 { rawValue & 0xF }
}

/// mmap(2).
func mapMemory(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> UInt64 {
    let space = thread.process.space
    let flags = MapFlags(rawValue: arguments.d)
    guard arguments.b > 0, (1...3).contains(flags.type), arguments.f & (pageSize - 1) == 0 else {
        throw .invalidArgument
    }
    guard arguments.b <= AddressSpace.top else { throw .noMemory }
    try space.requireRoomForAreas(cutAt: arguments.a, arguments.a &+ arguments.b, more: 1)
    // BOUNDED: by the end of what programs have, just before.
    let size = (arguments.b + pageSize - 1) & ~(pageSize - 1)
    var area = MemoryArea(
        start: 0, end: size, access: Access(rawValue: UInt32(truncatingIfNeeded: arguments.c) & 7),
        isShared: flags.contains(.shared), growsDown: flags.contains(.growsDown), backing: .anonymous)
    area.isLocked = flags.contains(.locked) || space.locksFuture
    if flags.contains(.anonymous) {
        try backAnonymous(&area, flags)
    } else {
        try backByFile(&area, flags, arguments, thread)
    }
    let limits = MemoryLimits(of: thread.process)
    if flags.contains(.locked) && limits.locked == 0 { throw .notPermitted }
    if area.isLocked && !space.mayLock(size, limits) { throw .wouldBlock }
    let start = try place(space, arguments.a, area, flags, limits)
    area = area.moved(to: start)
    space.insert(area)
    if flags.contains(.populate) || area.isLocked {
        space.populate(from: start, to: area.end, writing: area.access.contains(.write))
    } else {
        space.prefill(area)
    }
    return start
}

private func backAnonymous(_ area: inout MemoryArea, _ flags: MapFlags) throws(Errno) {
    guard flags.type != MapFlags.sharedValidate.rawValue else { throw .invalidArgument }
    if flags.contains(.huge) {
        // As where none are set aside, of the sizes there are: 2 MiB, which is the default, and 1 GiB.
        let exponent = flags.rawValue >> 26 & 63
        throw [0, 21, 30].contains(exponent) ? .noMemory : .invalidArgument
    }
    if area.isShared {
        guard area.size / pageSize <= Frames.total else { throw .noMemory }
        area.backing = .file(SharedMemory(pages: Int(area.size / pageSize)), offset: 0)
    } else if area.access.contains(.write), !flags.contains(.noReserve), area.size / pageSize > Frames.total {
        throw .noMemory  // more than there is: refused at once, as Linux's heuristic does
    }
}

private func backByFile(
    _ area: inout MemoryArea, _ flags: MapFlags, _ arguments: SystemCallArguments, _ thread: Thread
) throws(Errno) {
    let file = try thread.process.files.file(Int32(truncatingIfNeeded: arguments.e))
    guard file.flags & OpenFlags.path == 0 else { throw .badDescriptor }
    guard let inode = file.inode else { throw .noSuchDevice }
    if flags.contains(.huge) { throw .invalidArgument }
    if flags.type == MapFlags.sharedValidate.rawValue, !MapFlags.validated.isSuperset(of: flags) {
        throw .notSupported
    }
    guard file.isReadable else { throw .accessDenied }
    if area.isShared && area.access.contains(.write) && !file.isWritable { throw .accessDenied }
    // BOUNDED: `mapMemory` has seen that the length is less than what programs have.
    guard arguments.f <= UInt64(Int64.max) - arguments.b else { throw .overflow }
    if inode.mapsAsAnonymous && !area.isShared { return }
    if inode.mapsAsAnonymous {
        guard area.size / pageSize <= Frames.total else { throw .noMemory }
        area.backing = .file(SharedMemory(pages: Int(area.size / pageSize)), offset: 0)
        return
    }
    guard inode.canMap else { throw .noSuchDevice }
    if area.isShared {
        let isSealed = (file.asRegular?.node.seals ?? 0) & LayerFile.writeSeals != 0
        if isSealed && area.access.contains(.write) { throw .notPermitted }
        area.mayWrite = file.isWritable && !isSealed
    }
    area.backing = .file(inode, offset: arguments.f)
}

/// Where MAP_32BIT looks.
private let below2GiB: Range<UInt64> = 0x4000_0000..<0x8000_0000

/// Where a new mapping goes; with MAP_FIXED what was there is gone.
private func place(
    _ space: AddressSpace, _ hint: UInt64, _ area: MemoryArea, _ flags: MapFlags, _ limits: MemoryLimits
) throws(Errno) -> UInt64 {
    let size = area.size
    let isFixed = flags.contains(.fixed) || flags.contains(.fixedNoReplace)
    if isFixed {
        guard hint & (pageSize - 1) == 0 else { throw .invalidArgument }
        guard hint >= AddressSpace.lowest else { throw .notPermitted }
        guard hint <= AddressSpace.top, size <= AddressSpace.top - hint else { throw .noMemory }
        let replaced = flags.contains(.fixedNoReplace) ? 0 : space.mappedBytes(in: hint..<hint + size)
        guard space.mayGrow(by: size, isData: area.isData, mapped: replaced, limits) else { throw .noMemory }
        if flags.contains(.fixedNoReplace) && !space.isFree(hint, hint + size) { throw .exists }
        if flags.contains(.fixed) { space.unmap(from: hint, to: hint + size) }
        return hint
    }
    guard space.mayGrow(by: size, isData: area.isData, mapped: 0, limits) else { throw .noMemory }
    let wanted = hint & ~(pageSize - 1)
    let top = flags.contains(.below2GiB) ? below2GiB.upperBound : AddressSpace.top
    if wanted >= AddressSpace.lowest, wanted < top, size <= top - wanted,
        space.isFree(wanted, wanted + size)
    {
        return wanted
    }
    let gap = flags.contains(.below2GiB) ? space.findLowestGap(size, in: below2GiB) : space.findGap(size)
    guard let gap else { throw .noMemory }
    return gap
}
