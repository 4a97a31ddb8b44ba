/// Pages that several address spaces share and no name leads to: MAP_SHARED | MAP_ANONYMOUS, shmget(2). Sparse; a page comes
/// with its first touch and goes with the object.
class SharedMemory: Inode {
    private final var frames: [PhysicalAddress?]

    override final var canMap: Bool { true }

    /// - Parameter pages: size, in pages.
    init(pages: Int) {
        frames = Array(repeating: nil, count: pages)
        super.init()
    }

    deinit {
        for frame in frames {
            if let frame { Frames.release(frame) }
        }
    }

    override final func page(at index: UInt64, forWriting: Bool) throws(Errno) -> PhysicalAddress {
        guard index < UInt64(frames.count) else { throw .noSuchDeviceOrAddress }
        let frame: PhysicalAddress
        if let existing = frames[Int(index)] { frame = existing } else {
            frame = try Frames.allocate()
            frames[Int(index)] = frame
        }
        Frames.retain(frame)
        return frame
    }

    override final func cachedPage(at index: UInt64) -> PhysicalAddress? {
        guard index < UInt64(frames.count), let frame = frames[Int(index)] else { return nil }
        Frames.retain(frame)
        return frame
    }
}
