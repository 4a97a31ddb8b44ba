import GuestNucleus

/// The page frames of one file, by page number: sorted chunks of at most 512 (2 MiB of file each), so that a
/// sparse file costs what it holds and a small one little. Owns one reference to each frame.
struct PageTree: ~Copyable {
    private struct Chunk {
        let number: UInt64
        /// Frame addresses, 0 where there is none; of the chunk's first `capacity` pages.
        var frames: UnsafeMutablePointer<UInt64>
        var capacity: Int

        subscript(i: Int) -> PhysicalAddress { i < capacity ? frames[i] : 0 }

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
            capacity = newCapacity
        }
    }

    private static let chunkPages: UInt64 = 512
    private var chunks: [Chunk] = []
    /// Pages that have a frame.
    private(set) var count: UInt64 = 0

    init() {}

    deinit {
        for chunk in chunks {
            for i in 0..<chunk.capacity where chunk.frames[i] != 0 { Frames.release(chunk.frames[i]) }
            chunk.frames.deallocate()
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

    /// The frame of a page, without a reference for the caller, or nil.
    subscript(page: UInt64) -> PhysicalAddress? {
        let number = page / Self.chunkPages
        let i = position(of: number)
        guard i < chunks.count, chunks[i].number == number else { return nil }
        let frame = chunks[i][Int(page % Self.chunkPages)]
        return frame == 0 ? nil : frame
    }

    /// Takes over the caller's reference to `frame`, for a page that has none yet.
    mutating func insert(_ frame: PhysicalAddress, at page: UInt64) {
        let number = page / Self.chunkPages
        let inChunk = Int(page % Self.chunkPages)
        let i = position(of: number)
        if i == chunks.count || chunks[i].number != number {
            // SAFETY: the pointer is not used before `grow` has replaced it, as the capacity is 0.
            let none = UnsafeMutablePointer<UInt64>(bitPattern: 8).unsafelyUnwrapped
            chunks.insert(Chunk(number: number, frames: none, capacity: 0), at: i)
        }
        chunks[i].grow(toHold: inChunk)
        chunks[i].frames[inChunk] = frame
        count += 1
    }

    /// Releases the frames of a range of pages.
    mutating func remove(from first: UInt64, to end: UInt64) {
        var i = position(of: first / Self.chunkPages)
        while i < chunks.count, chunks[i].number * Self.chunkPages < end {
            let start = chunks[i].number * Self.chunkPages
            let stop = min(end, start + UInt64(chunks[i].capacity))
            for page in min(max(first, start), stop)..<stop {
                let frame = chunks[i].frames[Int(page - start)]
                if frame == 0 { continue }
                Frames.release(frame)
                chunks[i].frames[Int(page - start)] = 0
                count -= 1
            }
            if first <= start && end >= start + Self.chunkPages {
                chunks[i].frames.deallocate()
                chunks.remove(at: i)
            } else {
                i += 1
            }
        }
    }

    /// The first page not below `page` that has a frame, or nil.
    func firstPage(from page: UInt64) -> UInt64? {
        for i in position(of: page / Self.chunkPages)..<chunks.count {
            let start = chunks[i].number * Self.chunkPages
            let first = max(page, start) - start
            for at in min(Int(first), chunks[i].capacity)..<chunks[i].capacity where chunks[i].frames[at] != 0
            {
                return start + UInt64(at)
            }
        }
        return nil
    }
}
