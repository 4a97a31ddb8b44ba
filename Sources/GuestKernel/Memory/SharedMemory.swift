/// Pages that several address spaces share and no name leads to: MAP_SHARED | MAP_ANONYMOUS, shmget(2). Sparse; a page comes
/// with its first touch and goes with the object.
class SharedMemory: Inode {
    private final let pages: UInt64
    private final var frames = PageTree()

    override final var canMap: Bool { true }
    final var residentBytes: UInt64 { frames.count * pageSize }

    /// - Parameter pages: size, in pages.
    init(pages: Int) {
        self.pages = UInt64(pages)
        super.init()
    }

    override final func page(at index: UInt64, forWriting: Bool) throws(Errno) -> PhysicalAddress {
        guard index < pages else { throw .noSuchDeviceOrAddress }
        let frame: PhysicalAddress
        if let existing = frames[index] {
            frame = existing
        } else {
            frame = try Frames.allocate()
            frames.insert(frame, at: index)
        }
        Frames.retain(frame)
        return frame
    }

    override final func cachedPage(at index: UInt64) -> PhysicalAddress? {
        guard index < pages, let frame = frames[index] else { return nil }
        Frames.retain(frame)
        return frame
    }
}
