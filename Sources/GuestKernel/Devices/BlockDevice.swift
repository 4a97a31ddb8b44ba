/// A disk, as the page cache and the file systems see it. Abstract: `VirtioBlock` is the one kind there is.
class BlockDevice {
    /// virtio's unit, whatever the backing file's block size (virtio 1.2 §5.2.4).
    static let sectorBytes: UInt64 = 512
    static let sectorsPerFrame = pageSize / sectorBytes

    /// Capacity in 512-byte sectors.
    let sectorCount: UInt64
    let isReadOnly: Bool

    init(sectorCount: UInt64, isReadOnly: Bool) {
        self.sectorCount = sectorCount
        self.isReadOnly = isReadOnly
    }

    /// Fills whole frames with the 4096 × `frames.count` bytes from `firstSector` on, in one request where it fits. What
    /// lies past the end of the disk is zero, so a last page may be partial. Waits; holds a reference to each frame until
    /// the device is done with it, even if the waiting thread is killed.
    /// - Throws: `.ioError` if the device says so or all of it is past the end; `.restart` if the thread is being killed.
    func read(firstSector: UInt64, into frames: [PhysicalAddress]) throws(Errno) { throw .ioError }

    /// Writes whole frames; what lies past the end of the disk is not written.
    /// - Throws: `.readOnlyFileSystem`, `.ioError`, `.restart` as for `read`.
    func write(firstSector: UInt64, from frames: [PhysicalAddress]) throws(Errno) {
        throw .readOnlyFileSystem
    }

    /// Returns when everything written before is on stable storage.
    func flush() throws(Errno) {}
}
