import GuestNucleus

/// The pages of one file, by page number: sorted chunks of at most 512 (2 MiB of file each), so that a sparse file
/// costs what it holds and a small one little. A page has a frame, or a block of the scratch disk, or both. Owns one
/// reference to each frame; who owns the tree gives the blocks back.
struct PageTree: ~Copyable {
    /// A page's block on the scratch disk.
    struct Block: Equatable {
        let number: UInt32
        /// The block holds what the page holds: there is no frame, or it has not been written since.
        let isCurrent: Bool

        fileprivate static let currentBit: UInt32 = 1 << 31
        /// Stored as number + 1, so that 0 is none.
        fileprivate var bits: UInt32 { (number + 1) | (isCurrent ? Self.currentBit : 0) }

        init(_ number: UInt32, isCurrent: Bool) {
            self.number = number
            self.isCurrent = isCurrent
        }

        fileprivate init?(bits: UInt32) {
            if bits == 0 { return nil }
            self.init((bits & ~Self.currentBit) - 1, isCurrent: bits & Self.currentBit != 0)
        }
    }

    private struct Chunk {
        let number: UInt64
        /// Frame addresses, 0 where there is none; of the chunk's first `capacity` pages.
        var frames: UnsafeMutablePointer<UInt64>
        /// The same for blocks, once the chunk has one.
        var blocks: UnsafeMutablePointer<UInt32>?
        var capacity: Int

        subscript(i: Int) -> PhysicalAddress { i < capacity ? frames[i] : 0 }

        func block(_ i: Int) -> Block? {
            guard i < capacity, let blocks else { return nil }
            return Block(bits: blocks[i])
        }

        func holds(_ i: Int) -> Bool { self[i] != 0 || block(i) != nil }

        /// Makes room for page `i` of the chunk.
        mutating func grow(toHold i: Int) {
            if i < capacity { return }
            let newCapacity = max(8, (i + 1).nextPowerOfTwo)
            let larger = UnsafeMutablePointer<UInt64>.allocate(capacity: newCapacity)
            larger.initialize(repeating: 0, count: newCapacity)
            if capacity > 0 {
                larger.update(from: frames, count: capacity)
                frames.deallocate()
            }
            frames = larger
            if let old = blocks {
                let larger = Self.makeBlocks(newCapacity)
                larger.update(from: old, count: capacity)
                old.deallocate()
                blocks = larger
            }
            capacity = newCapacity
        }

        private static func makeBlocks(_ capacity: Int) -> UnsafeMutablePointer<UInt32> {
            let blocks = UnsafeMutablePointer<UInt32>.allocate(capacity: capacity)
            blocks.initialize(repeating: 0, count: capacity)
            return blocks
        }

        mutating func setBlock(_ block: Block?, at i: Int) {
            if blocks == nil { blocks = Self.makeBlocks(capacity) }
            blocks?[i] = block?.bits ?? 0
        }

        func deallocate() {
            frames.deallocate()
            blocks?.deallocate()
        }
    }

    private static let chunkPages: UInt64 = 512
    private var chunks: [Chunk] = []
    /// Pages that have a frame or a block, and those that have a frame.
    private(set) var count: UInt64 = 0
    private(set) var residentCount: UInt64 = 0

    init() {}

    deinit {
        for chunk in chunks {
            for i in 0..<chunk.capacity where chunk.frames[i] != 0 { Frames.release(chunk.frames[i]) }
            chunk.deallocate()
        }
    }

    /// Index of the first chunk with at least this number.
    private func position(of number: UInt64) -> Int {
        // Dense files, the usual kind, have chunk n at index n.
        if number < UInt64(chunks.count), chunks[Int(number)].number == number { return Int(number) }
        var low = 0
        var high = chunks.count
        while low < high {
            let middle = (low + high) / 2
            if chunks[middle].number >= number { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Index of the chunk that has the page, if there is one.
    private func chunk(of page: UInt64) -> Int? {
        let number = page / Self.chunkPages
        let i = position(of: number)
        return i < chunks.count && chunks[i].number == number ? i : nil
    }

    /// The frame of a page, without a reference for the caller, or nil.
    subscript(page: UInt64) -> PhysicalAddress? {
        guard let i = chunk(of: page) else { return nil }
        let frame = chunks[i][Int(page % Self.chunkPages)]
        return frame == 0 ? nil : frame
    }

    func block(of page: UInt64) -> Block? {
        guard let i = chunk(of: page) else { return nil }
        return chunks[i].block(Int(page % Self.chunkPages))
    }

    /// Whether the page is here, in memory or on the disk.
    func holds(_ page: UInt64) -> Bool {
        guard let i = chunk(of: page) else { return false }
        return chunks[i].holds(Int(page % Self.chunkPages))
    }

    /// Takes over the caller's reference to `frame`, for a page that has none yet.
    mutating func insert(_ frame: PhysicalAddress, at page: UInt64) {
        let number = page / Self.chunkPages
        let inChunk = Int(page % Self.chunkPages)
        let i = position(of: number)
        if i == chunks.count || chunks[i].number != number {
            // SAFETY: the pointer is not used before `grow` has replaced it, as the capacity is 0.
            let none = UnsafeMutablePointer<UInt64>(bitPattern: 8).unsafelyUnwrapped
            chunks.insert(Chunk(number: number, frames: none, blocks: nil, capacity: 0), at: i)
        }
        chunks[i].grow(toHold: inChunk)
        if !chunks[i].holds(inChunk) { count += 1 }
        residentCount += 1
        chunks[i].frames[inChunk] = frame
    }

    /// Says where on the disk a page that has a frame may lie.
    mutating func setBlock(_ block: Block, of page: UInt64) {
        guard let i = chunk(of: page) else { return }
        chunks[i].setBlock(block, at: Int(page % Self.chunkPages))
    }

    /// The page's frame has been or may be written: its block, if any, holds something older.
    mutating func markWritten(_ page: UInt64) {
        guard let i = chunk(of: page) else { return }
        let inChunk = Int(page % Self.chunkPages)
        guard let block = chunks[i].block(inChunk), block.isCurrent else { return }
        chunks[i].setBlock(Block(block.number, isCurrent: false), at: inChunk)
    }

    /// Releases the frame of a page whose block is current.
    mutating func releaseFrame(of page: UInt64) {
        guard let i = chunk(of: page) else { return }
        let inChunk = Int(page % Self.chunkPages)
        Frames.release(chunks[i].frames[inChunk])
        chunks[i].frames[inChunk] = 0
        residentCount -= 1
    }

    /// Releases the frames of a range of pages, and hands their blocks to `free`.
    mutating func remove(from first: UInt64, to end: UInt64, _ free: (UInt32) -> Void) {
        var i = position(of: first / Self.chunkPages)
        while i < chunks.count, chunks[i].number * Self.chunkPages < end {
            let start = chunks[i].number * Self.chunkPages
            let stop = min(end, start + UInt64(chunks[i].capacity))
            for page in min(max(first, start), stop)..<stop { clear(Int(page - start), of: i, free) }
            if first <= start && end >= start + Self.chunkPages {
                chunks[i].deallocate()
                chunks.remove(at: i)
            } else {
                i += 1
            }
        }
    }

    private mutating func clear(_ inChunk: Int, of i: Int, _ free: (UInt32) -> Void) {
        guard chunks[i].holds(inChunk) else { return }
        count -= 1
        let frame = chunks[i].frames[inChunk]
        if frame != 0 {
            Frames.release(frame)
            chunks[i].frames[inChunk] = 0
            residentCount -= 1
        }
        if let block = chunks[i].block(inChunk) {
            free(block.number)
            chunks[i].setBlock(nil, at: inChunk)
        }
    }

    /// The first page not below `page` that is here, or nil.
    func firstPage(from page: UInt64) -> UInt64? { first(from: page) { $0.holds($1) } }

    /// The same of those that have a frame.
    func firstResident(from page: UInt64) -> UInt64? { first(from: page) { $0[$1] != 0 } }

    private func first(from page: UInt64, where matches: (Chunk, Int) -> Bool) -> UInt64? {
        for i in position(of: page / Self.chunkPages)..<chunks.count {
            let start = chunks[i].number * Self.chunkPages
            let first = max(page, start) - start
            for at in min(Int(min(first, Self.chunkPages)), chunks[i].capacity)..<chunks[i].capacity
            where matches(chunks[i], at) {
                return start + UInt64(at)
            }
        }
        return nil
    }
}
