import GuestNucleus

/// Where a root image's 4 KiB blocks come from. Abstract: `MappedImage` or `BlockImage`.
class ImageBacking {
    /// Blocks of 4096 bytes; what is left of the last one counts as a block, padded with zeros.
    let blockCount: UInt64

    init(blockCount: UInt64) { self.blockCount = blockCount }

    /// The frame that holds a block, with a reference for the caller. May wait for a device.
    /// - Throws: `.ioError`, also past the end; `.noMemory`; `.restart` if the waiting thread is being
    ///   killed.
    func frame(ofBlock block: UInt64) throws(Errno) -> PhysicalAddress { throw .ioError }

    /// The same if it is in memory already; never waits.
    func cachedFrame(ofBlock block: UInt64) -> PhysicalAddress? { nil }
}

/// An image the VMM has mapped into guest-physical memory: block n is at `start + 4096 n`, and its frame is
/// outside RAM, so that references to it are not counted.
final class MappedImage: ImageBacking {
    private let start: PhysicalAddress

    init(start: PhysicalAddress, bytes: UInt64) {
        self.start = start
        super.init(blockCount: bytes / pageSize)
    }

    override func frame(ofBlock block: UInt64) throws(Errno) -> PhysicalAddress {
        guard block < blockCount else { throw .ioError }
        return start &+ block * pageSize
    }

    override func cachedFrame(ofBlock block: UInt64) -> PhysicalAddress? {
        block < blockCount ? start &+ block * pageSize : nil
    }
}

/// An image on a block device, through a page cache. A miss reads a run of blocks at once, because a request
/// costs far more than the bytes in it. The cache gives back frames nobody else uses when it has grown past
/// its share of RAM.
final class BlockImage: ImageBacking {
    /// 64 KiB a request: what a sequential reader wants and a random one can bear.
    private static let runBlocks: UInt64 = 16

    private let device: BlockDevice
    /// By block number: frame number + 1, or 0 where the block is not cached.
    private var frames: [UInt32]
    private var cachedCount: UInt64 = 0
    private let cachedMaximum = max(64, Frames.total / 4)
    /// Where the search for a frame to give back goes on.
    private var evictionHand = 0

    init(_ device: BlockDevice) {
        self.device = device
        let sectors = BlockDevice.sectorsPerFrame
        // 2^31 blocks of 4 KiB are more than any image; a table for more would not fit the heap.
        let blocks = min((device.sectorCount + sectors - 1) / sectors, 1 << 31)
        frames = [UInt32](repeating: 0, count: Int(blocks))
        super.init(blockCount: blocks)
    }

    override func cachedFrame(ofBlock block: UInt64) -> PhysicalAddress? {
        guard block < blockCount, frames[Int(block)] != 0 else { return nil }
        let frame = UInt64(frames[Int(block)] - 1) * pageSize
        Frames.retain(frame)
        return frame
    }

    override func frame(ofBlock block: UInt64) throws(Errno) -> PhysicalAddress {
        guard block < blockCount else { throw .ioError }
        while true {
            if let frame = cachedFrame(ofBlock: block) { return frame }
            try readRun(from: block)
        }
    }

    /// Reads `block` and what follows it uncached, and puts it into the cache.
    private func readRun(from block: UInt64) throws(Errno) {
        makeRoom()
        var run = [try Frames.allocate(zeroed: false)]
        while UInt64(run.count) < Self.runBlocks, block + UInt64(run.count) < blockCount,
            frames[Int(block) + run.count] == 0, let frame = try? Frames.allocate(zeroed: false)
        {
            run.append(frame)
        }
        do throws(Errno) {
            try device.read(firstSector: block * BlockDevice.sectorsPerFrame, into: run)
        } catch {
            for frame in run { Frames.release(frame) }
            throw error
        }
        for (i, frame) in run.enumerated() {
            let index = Int(block) + i
            if frames[index] == 0 {
                frames[index] = UInt32(frame / pageSize) + 1
                cachedCount += 1
            } else {
                Frames.release(frame)  // another thread read it meanwhile
            }
        }
    }

    /// Gives frames back until a run fits, looking at each block at most once.
    private func makeRoom() {
        var looked = 0
        while cachedCount + Self.runBlocks > cachedMaximum && looked < frames.count {
            let index = evictionHand
            evictionHand = evictionHand + 1 == frames.count ? 0 : evictionHand + 1
            looked += 1
            if frames[index] == 0 { continue }
            let frame = UInt64(frames[index] - 1) * pageSize
            if Frames.isExclusive(frame) {
                frames[index] = 0
                cachedCount -= 1
                Frames.release(frame)
            }
        }
    }
}
