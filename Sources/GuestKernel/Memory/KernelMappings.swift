import GuestNucleus

/// Heap blocks of several pages, put together from any free frames: where memory has been used for long, free frames are
/// no longer neighbours, and the kernel's own address space has room to make them so. A block, once made, stays mapped
/// and goes round in the heap's free lists; so no translation is ever taken back.
///
/// Each size has 2 GiB of addresses of its own, from which a block's size is known when it is freed.
enum KernelMappings {
    private static let orders = 20
    private static let bytesPerOrder: UInt64 = 2 << 30
    // SAFETY: the kernel is single-threaded (see Frames).
    nonisolated(unsafe) private static var used = InlineArray<20, UInt64>(repeating: 0)

    private static func base(ofOrder order: Int) -> UInt64 {
        KernelRegion.heapBlocks + UInt64(order) * bytesPerOrder
    }

    /// The order of the block at `pointer`, or nil if it is not one of these.
    static func order(of pointer: UnsafeMutableRawPointer) -> Int? {
        let offset = UInt64(UInt(bitPattern: pointer)) &- KernelRegion.heapBlocks
        return offset < UInt64(orders) * bytesPerOrder ? Int(offset / bytesPerOrder) : nil
    }

    /// A new block of 2^`order` pages, or nil when so many frames are not left.
    static func makeBlock(order: Int) -> UnsafeMutableRawPointer? {
        #if SWIFTLET_GUEST
        let count = UInt64(1) << UInt64(order)
        // The frames, the tables above them, and a few that an interrupted look at the same would want.
        guard Frames.available > count + count / 512 + 8 else { return nil }
        let start = base(ofOrder: order) + used[order]
        guard used[order] + count * pageSize <= bytesPerOrder else { return nil }
        for i in 0..<count {
            guard let slot = try? slot(for: start + i * pageSize),
                let frame = try? Frames.allocate(zeroed: false, forKernel: true)
            else { return nil }
            slot.pointee = PageTableEntry(frame: frame, writable: true, executable: false).bits
        }
        used[order] += count * pageSize
        return UnsafeMutableRawPointer(bitPattern: UInt(start))
        #else
        return nil
        #endif
    }

    private static func slot(for address: UInt64) throws(Errno) -> UnsafeMutablePointer<UInt64> {
        var table = PhysicalMemory.words(UInt64(SWIFTLET_KERNEL_PML4))
        var shift: UInt64 = 39
        while shift > 12 {
            let place = table + Int(address >> shift & 511)
            if !PageTableEntry(bits: place.pointee).isPresent {
                place.pointee = PageTableEntry(table: try Frames.allocate(forKernel: true)).bits
            }
            table = PhysicalMemory.words(PageTableEntry(bits: place.pointee).frame)
            shift -= 9
        }
        return table + Int(address >> 12 & 511)
    }
}
