/// MADV_ numbers of madvise(2).
private enum Advice {
    static let dontNeed: UInt64 = 4
    static let free: UInt64 = 8
    static let remove: UInt64 = 9
    static let dontFork: UInt64 = 10
    static let doFork: UInt64 = 11
    static let wipeOnFork: UInt64 = 18
    static let keepOnFork: UInt64 = 19
    static let cold: UInt64 = 20
    static let pageOut: UInt64 = 21
    static let dontNeedLocked: UInt64 = 24
    static let populateRead: UInt64 = 22
    static let populateWrite: UInt64 = 23
    /// Normal, random, sequential, will need; merging, huge pages, dumps; cold, page out, collapse: there is nothing to
    /// page out and nothing to merge, so these change nothing that a program can see.
    static let mereAdvice: [ClosedRange<UInt64>] = [0...3, 12...17, 25...25]
}

/// madvise(2).
func advise(_ space: AddressSpace, _ arguments: SystemCallArguments) throws(Errno) -> Int {
    let range = try pageRange(arguments.a, arguments.b)
    let advice = arguments.c
    switch advice {
    case Advice.dontNeed, Advice.free, Advice.dontNeedLocked:
        var isRefused = false
        space.forEachArea(in: range) { area, part in
            let isAnonymous = if case .anonymous = area.backing { true } else { false }
            if area.isLocked && advice != Advice.dontNeedLocked || advice == Advice.free && !isAnonymous {
                isRefused = true
            }
            if !isRefused { space.dropPages(from: part.lowerBound, to: part.upperBound) }
        }
        if isRefused { throw .invalidArgument }
    case Advice.cold, Advice.pageOut: if space.isLocked(in: range) { throw .invalidArgument }
    case Advice.dontFork: try space.setForkRule(.leaveOut, in: range)
    case Advice.wipeOnFork: try space.setForkRule(.wipe, in: range)
    case Advice.doFork, Advice.keepOnFork: try space.setForkRule(.share, in: range)
    case Advice.populateRead, Advice.populateWrite:
        try requireMapped(space, range)
        var address = range.lowerBound
        while address < range.upperBound {
            _ = try space.frame(for: address, writing: advice == Advice.populateWrite)
            address += pageSize
        }
    case let other where Advice.mereAdvice.contains { $0.contains(other) }: break
    default:
        if advice == Advice.remove { SystemCalls.countUnsupported(.madvise) }
        throw .invalidArgument
    }
    // Holes are passed over and then reported.
    try requireMapped(space, range)
    return 0
}

extension AddressSpace {
    func isLocked(in range: Range<UInt64>) -> Bool {
        var isLocked = false
        forEachArea(in: range) { area, _ in if area.isLocked { isLocked = true } }
        return isLocked
    }

    /// Calls `body` with each area in the range and the part of the range that it covers. `body` may not change the areas.
    fileprivate func forEachArea(in range: Range<UInt64>, _ body: (MemoryArea, Range<UInt64>) -> Void) {
        for i in firstIndex(endingAbove: range.lowerBound)..<areas.count {
            let area = areas[i]
            if area.start >= range.upperBound { return }
            body(area, max(area.start, range.lowerBound)..<min(area.end, range.upperBound))
        }
    }

    fileprivate func setForkRule(_ rule: MemoryArea.ForkRule, in range: Range<UInt64>) throws(Errno) {
        if rule == .wipe {
            var canWipe = true
            forEachArea(in: range) { area, _ in
                if case .file = area.backing { canWipe = false }
            }
            if !canWipe { throw .invalidArgument }
        }
        try requireRoomForAreas(cutAt: range.lowerBound, range.upperBound)
        for i in split(range.lowerBound, range.upperBound) { areas[i].forkRule = rule }
    }
}
