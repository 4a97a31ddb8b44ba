import GuestNucleus

/// The page frames of RAM: who owns each, and which are free.
///
/// One 32-bit state per frame. Frames the host gave and nobody used yet are known to be zero; freed ones are taken first,
/// because the host already backs them (a fresh one costs a host page fault and a KVM page fault on its first touch).
enum Frames {
    private static let freeTag: UInt32 = 0x4000_0000      // low 30 bits: next free frame + 1
    private static let slabTag: UInt32 = 0x8000_0000      // low bits: heap size class
    private static let blockTag: UInt32 = 0xC000_0000     // low bits: heap block order
    private static let tagMask: UInt32 = 0xC000_0000

    // SAFETY: the kernel is one thread that is never preempted inside itself; so for every global of the kernel.
    nonisolated(unsafe) private static var states = UnsafeMutablePointer<UInt32>(bitPattern: 8)!
    nonisolated(unsafe) private static var lowFrames: UInt64 = 0      // frames below the hole
    nonisolated(unsafe) private static var highStart: UInt64 = 0      // first frame number above the hole
    nonisolated(unsafe) private static var highFrames: UInt64 = 0
    nonisolated(unsafe) private static var nextFresh: UInt64 = 0      // index, not frame number
    nonisolated(unsafe) private static var firstFree: UInt32 = 0      // index + 1, 0: none
    nonisolated(unsafe) private static var freeCount: UInt64 = 0
    /// Frames that only the kernel itself may take, so that a program runs out of memory before the kernel does.
    nonisolated(unsafe) private static var reserve: UInt64 = 0

    /// The heap has begun to eat into what page tables leave it: before a program goes on, one is to be ended.
    nonisolated(unsafe) static var isShort = false

    static var total: UInt64 { lowFrames + highFrames }
    static var available: UInt64 { freeCount + (total - nextFresh) }

    /// Takes over all RAM from `freeStart` on. The state table is the first thing placed there.
    static func start(
        low: (start: PhysicalAddress, size: UInt64), high: (start: PhysicalAddress, size: UInt64),
        freeStart: PhysicalAddress
    ) {
        lowFrames = (low.start + low.size) / pageSize
        highStart = high.start / pageSize
        highFrames = high.size / pageSize
        states = PhysicalMemory.pointer(freeStart).assumingMemoryBound(to: UInt32.self)
        let table = (total * 4 + pageSize - 1) / pageSize
        nextFresh = freeStart / pageSize + table
        reserve = max(512, total / 64)
    }

    /// Whether page tables may still grow: half of the reserve is for the kernel's heap alone, which cannot be refused.
    static var hasRoomForTables: Bool { available > reserve / 2 }

    /// After the heap took frames.
    static func noteKernelUse() {
        if !hasRoomForTables { isShort = true }
    }

    private static func index(of address: PhysicalAddress) -> UInt64? {
        let number = address / pageSize
        if number < lowFrames { return number }
        if number >= highStart, number - highStart < highFrames { return lowFrames + number - highStart }
        return nil
    }

    private static func address(ofIndex index: UInt64) -> PhysicalAddress {
        (index < lowFrames ? index : highStart + index - lowFrames) * pageSize
    }

    /// One frame with one reference.
    /// - Parameter zeroed: whether its contents must be zero; false saves the clearing.
    /// - Throws: `.noMemory`.
    static func allocate(zeroed: Bool = true, forKernel: Bool = false) throws(Errno) -> PhysicalAddress {
        if !forKernel && available <= reserve { throw .noMemory }
        if firstFree != 0 {
            let index = UInt64(firstFree - 1)
            firstFree = states[Int(index)] & ~tagMask
            freeCount -= 1
            states[Int(index)] = 1
            let address = address(ofIndex: index)
            if zeroed { wide_zero(PhysicalMemory.pointer(address), pageSize) }
            return address
        }
        guard nextFresh < total else { throw .noMemory }
        let index = nextFresh
        nextFresh += 1
        states[Int(index)] = 1
        return address(ofIndex: index)
    }

    /// `count` physically contiguous frames, zero, each with one reference, aligned to `alignment` frames. Taken from memory
    /// never used before; what alignment skips becomes ordinary free frames.
    static func allocateContiguous(
        count: UInt64, alignment: UInt64 = 1, forKernel: Bool = false
    ) throws(Errno) -> PhysicalAddress {
        var first = (nextFresh + alignment - 1) / alignment * alignment
        if first < lowFrames && first + count > lowFrames { first = lowFrames }   // not across the hole
        guard first + count <= total, forKernel || total - first - count + freeCount > reserve else {
            throw .noMemory
        }
        while nextFresh < first {
            let skipped = nextFresh
            nextFresh += 1
            states[Int(skipped)] = 1
            release(address(ofIndex: skipped))
        }
        for i in first..<first + count { states[Int(i)] = 1 }
        nextFresh = first + count
        return address(ofIndex: first)
    }

    /// Another reference to `frame`. Frames outside RAM (the mapped root image) are not counted.
    static func retain(_ frame: PhysicalAddress) { retain(frame, count: 1) }

    /// The same for so many neighbours.
    static func retain(_ first: PhysicalAddress, count: Int) {
        guard let start = index(of: first) else { return }
        for i in Int(start)..<Int(start) + count { states[i] += 1 }
    }

    /// Gives one reference back; the last one frees the frame.
    static func release(_ frame: PhysicalAddress) { release(frame, count: 1) }

    /// The same for so many neighbours.
    static func release(_ first: PhysicalAddress, count: Int) {
        guard let start = index(of: first) else { return }
        for i in Int(start)..<Int(start) + count {
            if states[i] > 1 {
                states[i] -= 1
            } else {
                states[i] = freeTag | firstFree
                firstFree = UInt32(i) + 1
                freeCount += 1
            }
        }
    }

    /// Whether the caller's reference is the only one to each of `count` neighbours. False for frames outside RAM, which are
    /// never ours to write.
    static func isExclusive(_ first: PhysicalAddress, count: Int = 1) -> Bool {
        guard let start = index(of: first) else { return false }
        for i in Int(start)..<Int(start) + count where states[i] != 1 { return false }
        return true
    }

    // What the heap notes about its frames, in place of a count.
    enum HeapUse {
        case slab(sizeClass: Int)
        case block(order: Int)
    }

    static func setHeapUse(_ use: HeapUse, of frame: PhysicalAddress) {
        guard let i = index(of: frame) else { return }
        switch use {
        case .slab(let sizeClass): states[Int(i)] = slabTag | UInt32(sizeClass)
        case .block(let order): states[Int(i)] = blockTag | UInt32(order)
        }
    }

    static func heapUse(of frame: PhysicalAddress) -> HeapUse? {
        guard let i = index(of: frame) else { return nil }
        let state = states[Int(i)]
        switch state & tagMask {
        case slabTag: return .slab(sizeClass: Int(state & ~tagMask))
        case blockTag: return .block(order: Int(state & ~tagMask))
        default: return nil
        }
    }
}
