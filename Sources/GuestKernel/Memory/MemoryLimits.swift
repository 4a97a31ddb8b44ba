/// What setrlimit(2) lets a process have of memory, in bytes.
struct MemoryLimits {
    /// RLIMIT_AS: all that is mapped.
    var addressSpace = ResourceLimits.infinity
    /// RLIMIT_DATA: the program's data, its heap, and other private writable memory.
    var data = ResourceLimits.infinity
    /// RLIMIT_MEMLOCK; the privileged have no limit.
    var locked = ResourceLimits.infinity

    static let none = MemoryLimits()

    private init() {}

    init(of process: Process) {
        addressSpace = process.limits.soft[9]
        data = process.limits.soft[2]
        if !process.credentials.has(.lockMemory) { locked = process.limits.soft[8] }
    }
}

/// Areas are few and limits are rare: what counts is counted when it is asked for, and only where there is a limit.
extension AddressSpace {
    private func bytes(where counts: (MemoryArea) -> Bool) -> UInt64 {
        var sum: UInt64 = 0
        for area in areas where counts(area) { sum += area.size }
        return sum
    }

    /// VmLck.
    var lockedBytes: UInt64 { bytes { $0.isLocked } }

    /// How much of the range is mapped.
    func mappedBytes(in range: Range<UInt64>) -> UInt64 {
        var sum: UInt64 = 0
        var i = firstIndex(endingAbove: range.lowerBound)
        while i < areas.count, areas[i].start < range.upperBound {
            sum += min(areas[i].end, range.upperBound) - max(areas[i].start, range.lowerBound)
            i += 1
        }
        return sum
    }

    /// Whether there may be so many bytes more, `mapped` of them in the place of others.
    func mayGrow(by size: UInt64, isData: Bool, mapped: UInt64, _ limits: MemoryLimits) -> Bool {
        Self.fits(size - min(mapped, size), limits.addressSpace) { bytes { _ in true } }
            && (!isData || Self.fits(size, limits.data) { bytes { $0.isData } })
    }

    /// Whether so many bytes more may be locked.
    func mayLock(_ size: UInt64, _ limits: MemoryLimits) -> Bool {
        Self.fits(size, limits.locked) { lockedBytes }
    }

    private static func fits(_ size: UInt64, _ limit: UInt64, with used: () -> UInt64) -> Bool {
        if limit == ResourceLimits.infinity { return true }
        let whole = limit & ~(pageSize - 1)
        let used = used()
        return used <= whole && size <= whole - used
    }

    /// Whether the heap may end at `end` (brk(2)), which adds `size` bytes of pages.
    func heapMayGrow(to end: UInt64, by size: UInt64, _ limits: MemoryLimits) -> Bool {
        let (heap, isTooLarge) = (end - heapStart).addingReportingOverflow(programDataBytes)
        if isTooLarge || heap > limits.data { return false }
        return mayGrow(by: size, isData: true, mapped: 0, limits)
            && (!locksFuture || mayLock(size, limits))
    }

    /// Before `area`, so far not mapped, grows by `size` bytes.
    /// - Throws: `.noMemory`; `.wouldBlock` for more locked memory than there may be.
    func requireRoom(for size: UInt64, like area: MemoryArea, _ limits: MemoryLimits) throws(Errno) {
        guard mayGrow(by: size, isData: area.isData, mapped: 0, limits) else { throw .noMemory }
        if area.isLocked && !mayLock(size, limits) { throw .wouldBlock }
    }
}
