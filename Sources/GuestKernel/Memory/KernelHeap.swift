import GuestNucleus

/// The kernel's heap, under Swift's objects and arrays: size classes up to half a page, power-of-two blocks of pages above.
/// Freed memory goes back to its class and is used again from there.
enum KernelHeap {
    private static let smallest = 16
    private static let largestSmall = 2048
    private static let smallClasses = 15       // 16 32 48 64 96 128 … 2048, see sizes
    private static let orders = 20             // blocks of 1, 2, 4 … 2^19 pages

    // SAFETY: the kernel is single-threaded (see Frames). Heads of singly linked free lists; fixed-size tables because the
    // heap cannot use the heap.
    nonisolated(unsafe) private static var smallFree = InlineArray<15, UInt64>(repeating: 0)
    nonisolated(unsafe) private static var blockFree = InlineArray<20, UInt64>(repeating: 0)

    /// Classes: 16, 32, 48, 64, then two per power of two up to 2048.
    private static func sizeClass(_ bytes: Int) -> Int {
        if bytes <= 64 { return max(0, (bytes + 15) / 16 - 1) }
        let top = Int.bitWidth - 1 - (bytes - 1).leadingZeroBitCount    // 2^top < bytes <= 2^(top+1)
        let half = (bytes - 1) >> (top - 1) & 1
        return 4 + (top - 6) * 2 + half
    }

    private static func bytes(ofClass sizeClass: Int) -> Int {
        if sizeClass < 4 { return (sizeClass + 1) * 16 }
        let top = (sizeClass - 4) / 2 + 6
        return (sizeClass - 4) & 1 == 0 ? 3 << (top - 1) : 2 << top
    }

    /// - Returns: memory aligned to at least 16 bytes and to `alignment` (at most a page), or nil when RAM is used up.
    static func allocate(bytes wanted: Int, alignment: Int) -> UnsafeMutableRawPointer? {
        var size = max(wanted, 1)
        if alignment > 16 { size = max(size, alignment).nextPowerOfTwo }
        if size <= largestSmall { return allocateSmall(sizeClass(size)) }
        let pages = (size + Int(pageSize) - 1) / Int(pageSize)
        return allocateBlock(order: Int.bitWidth - (pages - 1).leadingZeroBitCount)
    }

    private static func allocateSmall(_ sizeClass: Int) -> UnsafeMutableRawPointer? {
        if smallFree[sizeClass] == 0 {
            guard let frame = try? Frames.allocate(zeroed: false, forKernel: true) else { return nil }
            Frames.noteKernelUse()
            Frames.setHeapUse(.slab(sizeClass: sizeClass), of: frame)
            let size = bytes(ofClass: sizeClass)
            var offset = Int(pageSize) / size * size - size
            while offset >= 0 {
                push(PhysicalMemory.pointer(frame) + offset, onto: &smallFree[sizeClass])
                offset -= size
            }
        }
        return pop(&smallFree[sizeClass])
    }

    private static func allocateBlock(order: Int) -> UnsafeMutableRawPointer? {
        guard order < orders else { return nil }
        if let block = pop(&blockFree[order]) { return block }
        defer { Frames.noteKernelUse() }
        let count = UInt64(1) << UInt64(order)
        let frame = order == 0
            ? try? Frames.allocate(zeroed: false, forKernel: true)
            : try? Frames.allocateContiguous(count: count, forKernel: true)
        guard let frame else { return order == 0 ? nil : KernelMappings.makeBlock(order: order) }
        Frames.setHeapUse(.block(order: order), of: frame)
        return PhysicalMemory.pointer(frame)
    }

    static func free(_ pointer: UnsafeMutableRawPointer) {
        if let order = KernelMappings.order(of: pointer) { return push(pointer, onto: &blockFree[order]) }
        let frame = PhysicalMemory.address(of: pointer) & ~(pageSize - 1)
        switch Frames.heapUse(of: frame) {
        case .slab(let sizeClass): push(pointer, onto: &smallFree[sizeClass])
        case .block(let order): push(pointer, onto: &blockFree[order])
        case nil: panic("heap: free of memory that is not the heap's")
        }
    }

    private static func push(_ pointer: UnsafeMutableRawPointer, onto list: inout UInt64) {
        pointer.storeBytes(of: list, as: UInt64.self)
        list = UInt64(UInt(bitPattern: pointer))
    }

    private static func pop(_ list: inout UInt64) -> UnsafeMutableRawPointer? {
        guard let pointer = UnsafeMutableRawPointer(bitPattern: UInt(list)) else { return nil }
        list = pointer.load(as: UInt64.self)
        return pointer
    }
}

extension Int {
    var nextPowerOfTwo: Int { self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}

#if SWIFTLET_GUEST
@c func heap_allocate(_ bytes: Int, _ alignment: Int) -> UnsafeMutableRawPointer? {
    guard let block = KernelHeap.allocate(bytes: bytes, alignment: alignment) else {
        panic("out of kernel memory")
    }
    return block
}

@c func heap_free(_ block: UnsafeMutableRawPointer) {
    KernelHeap.free(block)
}
#endif
