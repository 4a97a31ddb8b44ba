import GuestNucleus

/// One writable file system in memory: over an EROFS image (then it is the root of everything) or over
/// nothing (a tmpfs).
///
/// There is one tree of inodes. An inode of the image becomes a `LayerInode` when somebody first looks at it,
/// with the attributes the image has; from then on the object is the truth, so changing a mode or an owner
/// needs no copying. What is large stays in the image: a file's pages until they are written (page by page),
/// a directory's names until the directory is changed or listed (then all its names are taken over at once,
/// and the image is not asked again: no whiteouts).
final class Layer {
    let superblock: Superblock
    let image: ErofsImage?
    /// Where file pages go when memory is wanted for others; nil: they stay in it.
    let disk: ScratchDisk?
    /// Pages of files, and at most: half of RAM, as Linux's tmpfs, or what the disk holds, so that every page has a
    /// place there.
    private(set) var framesUsed: UInt64 = 0
    var framesMaximum: UInt64 { disk?.blockCount ?? Frames.total / 2 }
    /// File pages in RAM.
    private(set) var residentFrames: UInt64 = 0
    /// Files that have some of those, if there is a disk; and whose turn it is to lose some.
    var cachedFiles: [Unmanaged<LayerFile>] = []
    var evictionHand = 0
    private(set) var inodeCount: UInt64 = 0
    private var inodePeak: UInt64 = 0

    private var lastNumber: UInt64 = 1 << 32
    /// Inodes of the image with several names, sorted by number, so that all names lead to one object.
    private var sharedInodes: [(nid: UInt64, inode: LayerInode)] = []

    init(_ superblock: Superblock, image: ErofsImage?, disk: ScratchDisk? = nil) {
        self.superblock = superblock
        self.image = image
        self.disk = disk
        superblock.layer = self
    }

    /// A number for a new inode. Those of the image keep their own, which are below 2^32 × 128.
    func newNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber << 8
    }

    // MARK: Space

    /// A frame for a file's page.
    /// - Throws: `.noSpace`.
    func allocateFrame(zeroed: Bool) throws(Errno) -> PhysicalAddress {
        guard framesUsed < framesMaximum else {
            countRefusal()
            throw .noSpace
        }
        guard let frame = try? Frames.allocate(zeroed: zeroed) else { throw .noSpace }
        framesUsed += 1
        return frame
    }

    /// The job's report tells when its scratch disk was full.
    func countRefusal() {
        if disk != nil { Counters.diskRefused &+= 1 }
    }

    func framesReleased(_ count: UInt64) { framesUsed -= count }

    func residentChanged(from old: UInt64, to new: UInt64) { residentFrames = residentFrames - old + new }

    /// Inodes live on the kernel's heap, which must not run out: a panic, where this is an error.
    /// - Throws: `.noSpace`.
    func requireRoomForInode() throws(Errno) {
        // The heap keeps what removed inodes have left, for others.
        guard Frames.available > Frames.total / 32 || inodeCount + 64 < inodePeak else { throw .noSpace }
    }

    func inodeAppeared() {
        inodeCount += 1
        if inodeCount > inodePeak { inodePeak = inodeCount }
    }
    func inodeDisappeared() { inodeCount -= 1 }

    // MARK: The image's inodes

    /// The object for an inode of the image; made if there is none yet. May wait.
    func inode(_ nid: UInt64) throws(Errno) -> LayerInode {
        guard let image else { throw .noSuchFile }
        if let i = sharedIndex(nid), sharedInodes[i].nid == nid { return sharedInodes[i].inode }
        try requireRoomForInode()
        let found = try image.inode(nid)
        // Reading may have waited; somebody else may have been here meanwhile.
        let isShared = found.links > 1 && found.type != .directory
        if isShared, let i = sharedIndex(nid), sharedInodes[i].nid == nid { return sharedInodes[i].inode }
        let inode: LayerInode
        switch found.type {
        case .regular: inode = LayerFile(self, found)
        case .directory: inode = LayerDirectory(self, found)
        case .symbolicLink:
            inode = LayerLink(self, found, target: try image.contents(of: found.data, limit: pageSize))
        default: inode = LayerSpecial(self, found)
        }
        if isShared { sharedInodes.insert((nid, inode), at: sharedIndex(nid) ?? sharedInodes.count) }
        return inode
    }

    /// Index of the first shared inode with at least this number, nil if there is none.
    private func sharedIndex(_ nid: UInt64) -> Int? {
        var low = 0
        var high = sharedInodes.count
        while low < high {
            let middle = (low + high) / 2
            if sharedInodes[middle].nid >= nid { high = middle } else { low = middle + 1 }
        }
        return low < sharedInodes.count ? low : nil
    }

    /// The last name of an inode is gone.
    func forget(_ inode: LayerInode) {
        if let i = sharedIndex(inode.number), sharedInodes[i].inode === inode { sharedInodes.remove(at: i) }
    }
}
