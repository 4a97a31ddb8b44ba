import GuestLibrary

#if SWIFTLET_GUEST
/// The heap under Swift's objects and arrays: blocks of powers of two from a list for each size, a mapping of its own for
/// what is larger. Each block has a header of 16 bytes just before what its user sees:
///
///     | start of the block u64 | its whole size u64 | …
private enum GuestHeap {
    private static let headerBytes = 16
    private static let smallest = 5                     // 2^5 bytes
    private static let largest = 17                     // 2^17 bytes; more is mapped and unmapped
    private static let chunkBytes = 64 << 10

    // SAFETY: init has one thread. Heads of singly linked lists; a fixed-size table because the heap cannot use the heap.
    nonisolated(unsafe) private static var free = InlineArray<18, UInt>(repeating: 0)

    static func allocate(_ bytes: Int, alignment: Int) -> UnsafeMutableRawPointer? {
        let extra = alignment > 16 ? alignment : 0
        let needed = max(bytes, 1) + headerBytes + extra
        let order = max(Int.bitWidth - (needed - 1).leadingZeroBitCount, smallest)
        let size = order > largest ? (needed + 4095) & ~4095 : 1 << order
        guard let start = order > largest ? map(size) : take(order) else { return nil }
        var user = start + UInt(headerBytes)
        if extra > 0 { user = (user + UInt(alignment) - 1) & ~(UInt(alignment) - 1) }
        let block = UnsafeMutableRawPointer(bitPattern: user)
        block?.storeBytes(of: start, toByteOffset: -16, as: UInt.self)
        block?.storeBytes(of: UInt(size), toByteOffset: -8, as: UInt.self)
        return block
    }

    static func release(_ block: UnsafeMutableRawPointer) {
        let start = block.load(fromByteOffset: -16, as: UInt.self)
        let size = block.load(fromByteOffset: -8, as: UInt.self)
        if size > 1 << largest {
            _ = try? LinuxCall.munmap(Int(bitPattern: start), Int(size))
        } else {
            push(start, onto: size.trailingZeroBitCount)
        }
    }

    private static func take(_ order: Int) -> UInt? {
        if free[order] == 0 {
            let bytes = max(chunkBytes, 1 << order)
            guard let chunk = map(bytes) else { return nil }
            var offset = 0
            while offset < bytes {
                push(chunk + UInt(offset), onto: order)
                offset += 1 << order
            }
        }
        let start = free[order]
        free[order] = UnsafeRawPointer(bitPattern: start)?.load(as: UInt.self) ?? 0
        return start
    }

    private static func push(_ start: UInt, onto order: Int) {
        UnsafeMutableRawPointer(bitPattern: start)?.storeBytes(of: free[order], as: UInt.self)
        free[order] = start
    }

    private static func map(_ bytes: Int) -> UInt? {
        // Readable and writable; private, of no file.
        guard let start = try? LinuxCall.mmap(0, bytes, 3, 0x22, -1, 0) else { return nil }
        return UInt(bitPattern: start)
    }
}

@c func heap_allocate(_ bytes: Int, _ alignment: Int) -> UnsafeMutableRawPointer? {
    guard let block = GuestHeap.allocate(bytes, alignment: alignment) else {
        // The host reads this sentence as the guest being out of memory (Verdict).
        panic("out of kernel memory")
    }
    return block
}

@c func heap_free(_ block: UnsafeMutableRawPointer) { GuestHeap.release(block) }
#endif
