import GuestNucleus

/// The blocks of the scratch disk, 4 KiB each. There is no format: which block holds what is known in memory only, and
/// nothing of it survives the job.
final class ScratchDisk {
    let blockCount: UInt64
    private let device: BlockDevice
    /// One bit a block, set where it is taken.
    private var taken: [UInt64]
    /// The word where the last search ended.
    private var hand = 0
    /// Requests under way. A block that is given back meanwhile may be one of theirs, so it is free only after them.
    private var requests = 0
    private var freedMeanwhile: [UInt32] = []

    /// What one request moves: as many frames as fit into half the device's queue.
    static let runMaximum = VirtioBlock.framesPerRequest

    init(_ device: BlockDevice) {
        self.device = device
        // The map of a very large disk must not fill the memory: 1/64 of it at most.
        blockCount = min(device.sectorCount / BlockDevice.sectorsPerFrame, Frames.total * 512, 1 << 31 - 2)
        taken = [UInt64](repeating: 0, count: Int((blockCount + 63) / 64))
        let beyond = UInt64(taken.count) * 64 - blockCount
        if beyond > 0 { taken[taken.count - 1] = ~(.max >> beyond) }
    }

    /// Takes free blocks that follow each other.
    /// - Returns: at most `count`, fewer where no more are free in a row; nil if all are taken.
    func allocate(_ count: Int) -> Range<UInt32>? {
        for offset in 0..<taken.count {
            let word = (hand + offset) % taken.count
            if taken[word] == .max { continue }
            hand = word
            let first = UInt32(word * 64 + (~taken[word]).trailingZeroBitCount)
            var end = first
            while Int(end - first) < count, UInt64(end) < blockCount, !isTaken(end) {
                taken[Int(end / 64)] |= 1 << UInt64(end % 64)
                end += 1
            }
            return first..<end
        }
        return nil
    }

    private func isTaken(_ block: UInt32) -> Bool { taken[Int(block / 64)] >> UInt64(block % 64) & 1 != 0 }

    func free(_ block: UInt32) {
        if requests > 0 {
            freedMeanwhile.append(block)
        } else {
            taken[Int(block / 64)] &= ~(1 << UInt64(block % 64))
        }
    }

    /// Fills frames from the blocks from `first` on. Waits.
    func read(_ first: UInt32, into frames: [PhysicalAddress]) throws(Errno) {
        requests += 1
        defer { requestEnded() }
        try device.read(firstSector: UInt64(first) * BlockDevice.sectorsPerFrame, into: frames)
    }

    /// Writes frames to the blocks from `first` on. Waits.
    func write(_ first: UInt32, from frames: [PhysicalAddress]) throws(Errno) {
        requests += 1
        defer { requestEnded() }
        try device.write(firstSector: UInt64(first) * BlockDevice.sectorsPerFrame, from: frames)
    }

    private func requestEnded() {
        requests -= 1
        guard requests == 0, !freedMeanwhile.isEmpty else { return }
        let blocks = freedMeanwhile
        freedMeanwhile = []
        for block in blocks { free(block) }
    }
}
