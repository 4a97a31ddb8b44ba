/// mlock, mlock2, munlock, mlockall, munlockall (mlock(2)). Nothing is ever swapped out; what is locked is present, counts,
/// and stays until it is unlocked.
func memoryLockCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ process: Process) throws(Errno)
    -> Int
{
    let space = process.space
    switch call {
    case .mlock, .mlock2:
        guard call == .mlock || arguments.c & ~1 == 0 else { throw .invalidArgument }
        let isOnFault = call == .mlock2 && arguments.c & 1 != 0
        let range = try lockedRange(arguments)
        try space.lock(range, MemoryLimits(of: process))
        if !isOnFault { try space.makePresent(range) }
    case .munlock:
        let range = try lockedRange(arguments)
        try space.setLocked(false, in: range)
    case .mlockall: try lockAll(flags: arguments.a, process)
    default:
        space.locksFuture = false
        try space.setLocked(false, in: 0..<AddressSpace.top)
    }
    return 0
}

/// Rounded up as Linux does it: what is larger than all addresses comes round to nothing.
private func lockedRange(_ arguments: SystemCallArguments) throws(Errno) -> Range<UInt64> {
    let length = (arguments.b &+ (arguments.a & (pageSize - 1)) &+ (pageSize - 1)) & ~(pageSize - 1)
    return try pageRange(arguments.a & ~(pageSize - 1), length)
}

private func lockAll(flags: UInt64, _ process: Process) throws(Errno) {
    let (current, future, onFault): (UInt64, UInt64, UInt64) = (1, 2, 4)
    guard flags & ~7 == 0, flags & (current | future) != 0 else { throw .invalidArgument }
    let space = process.space
    let limits = MemoryLimits(of: process)
    if limits.locked == 0 { throw .notPermitted }
    let all = 0..<AddressSpace.top
    if flags & current != 0, space.mappedBytes(in: all) > limits.locked { throw .noMemory }
    space.locksFuture = flags & future != 0
    guard flags & current != 0 else { return }
    try space.setLocked(true, in: all)
    if flags & onFault != 0 { return }
    for area in space.areas where !area.access.isEmpty {
        space.populate(from: area.start, to: area.end, writing: area.isPrivateWritable)
    }
}

extension AddressSpace {
    /// - Throws: `.notPermitted` for who may lock nothing, `.noMemory` beyond the limit and for a hole.
    fileprivate func lock(_ range: Range<UInt64>, _ limits: MemoryLimits) throws(Errno) {
        if limits.locked == 0 { throw .notPermitted }
        var already: UInt64 = 0
        for area in areas where area.isLocked && area.start < range.upperBound && area.end > range.lowerBound
        {
            already += min(area.end, range.upperBound) - max(area.start, range.lowerBound)
        }
        guard mayLock(range.upperBound - range.lowerBound - already, limits) else { throw .noMemory }
        try setLocked(true, in: range)
    }

    /// What lies before a hole is done all the same; of the whole space, holes do not count.
    fileprivate func setLocked(_ isLocked: Bool, in range: Range<UInt64>) throws(Errno) {
        try requireRoomForAreas(cutAt: range.lowerBound, range.upperBound)
        let isWhole = range == 0..<Self.top
        var end = range.lowerBound
        for area in areas where !isWhole && area.end > range.lowerBound {
            if area.start > end || end >= range.upperBound { break }
            end = min(area.end, range.upperBound)
        }
        if isWhole { end = range.upperBound }
        let changed = split(range.lowerBound, end)
        for i in changed { areas[i].isLocked = isLocked }
        join(changed)
        if end < range.upperBound { throw .noMemory }
    }

    /// - Throws: `.noMemory` for what the program may not touch, `.wouldBlock` when memory ends.
    fileprivate func makePresent(_ range: Range<UInt64>) throws(Errno) {
        var address = range.lowerBound
        while address < range.upperBound {
            guard let area = area(at: address) else { throw .noMemory }
            do throws(Errno) {
                _ = try frame(for: address, writing: area.isPrivateWritable)
            } catch {
                throw error == .noMemory ? .wouldBlock : .noMemory
            }
            address += pageSize
        }
    }
}
