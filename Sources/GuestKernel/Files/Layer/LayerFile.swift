import GuestNucleus

/// A regular file of the writable layer: pages in RAM over the bytes the image has, if any. A page of the
/// image is copied when it is first written; until then readers and mappings get the image's own frame.
final class LayerFile: LayerInode {
    /// Larger files would need sizes that stat's signed fields cannot hold (Linux's MAX_LFS_FILESIZE on
    /// x86-64).
    static let maximumSize = UInt64(Int64.max)

    private(set) var size: UInt64
    var pages = PageTree()
    /// Its place among the layer's files with pages in memory, -1 if it has none there; and the page where the search
    /// for pages to give up goes on.
    var cacheIndex = -1
    var evictionHand: UInt64 = 0
    private let below: ErofsData?
    /// So many of the image's bytes are still the file's; truncation lowers it for ever.
    private var belowLimit: UInt64
    /// Held by a write, which may wait for the writer's memory, so that writes do not mix (write(2):
    /// "atomic").
    let writeLock = SleepLock()
    /// F_SEAL_ bits of a memfd; nil where sealing is not possible.
    var seals: UInt32?
    /// F_SEAL_WRITE, F_SEAL_FUTURE_WRITE.
    static let writeSeals: UInt32 = 8 | 16

    init(_ layer: Layer, _ owner: Ownership) {
        size = 0
        below = nil
        belowLimit = 0
        super.init(layer, .regular, owner)
    }

    override init(_ layer: Layer, _ found: ErofsInode) {
        size = found.data.size
        below = found.data
        belowLimit = found.data.size
        super.init(layer, found)
    }

    deinit {
        layer.delist(self)
        remove(from: 0, to: .max / pageSize)
    }

    override var canMap: Bool { true }
    override var comesFromImage: Bool { below != nil }

    override var extent: (size: UInt64, blocks: UInt64) {
        (size, (max(pages.count, (belowLimit + pageSize - 1) / pageSize)) * (pageSize / 512))
    }

    override func open(flags: UInt32) throws(Errno) -> File { RegularFile(self, flags: flags) }

    // MARK: Pages

    override func page(at index: UInt64, forWriting: Bool) throws(Errno) -> PhysicalAddress {
        guard index < (size + pageSize - 1) / pageSize else { throw .noSuchDeviceOrAddress }
        if let frame = try residentFrame(index) {
            if forWriting { pages.markWritten(index) }
            Frames.retain(frame)
            return frame
        }
        // The image's own frame serves readers, if it is all of the page: not where the data ends inside the
        // inode's block.
        if !forWriting, let image = layer.image, let below, index < below.wholeBlocks,
            (index + 1) * pageSize <= belowLimit || belowLimit == below.size && index * pageSize < belowLimit
        {
            let frame = try image.frame(ofBlock: below.firstBlock + index)
            guard pages.holds(index) else { return frame }
            // Written while the image's device was read.
            Frames.release(frame)
        }
        let frame = try ownPage(index)
        if forWriting { pages.markWritten(index) }
        Frames.retain(frame)
        return frame
    }

    override func cachedPage(at index: UInt64) -> PhysicalAddress? {
        guard index < (size + pageSize - 1) / pageSize else { return nil }
        if let frame = pages[index] {
            Frames.retain(frame)
            return frame
        }
        guard let image = layer.image, let below, index < below.wholeBlocks, !pages.holds(index),
            (index + 1) * pageSize <= belowLimit || belowLimit == below.size && index * pageSize < belowLimit
        else { return nil }
        return image.backing.cachedFrame(ofBlock: below.firstBlock + index)
    }

    /// The file's own frame for a page, made with what the image has if there was none. No reference for the
    /// caller.
    private func ownPage(_ index: UInt64) throws(Errno) -> PhysicalAddress {
        if let frame = try residentFrame(index) { return frame }
        try layer.makeRoom()
        if pages.holds(index) { return try ownPage(index) }
        let start = index * pageSize
        guard let image = layer.image, let below, start < belowLimit else {
            let frame = try layer.allocateFrame(zeroed: true)
            bring(frame, at: index)
            return frame
        }
        let frame = try layer.allocateFrame(zeroed: false)
        let target = PhysicalMemory.pointer(frame)
        do throws(Errno) {
            try image.withPage(index, of: below) { wide_copy(target, $0.baseAddress, UInt64($0.count)) }
        } catch {
            Frames.release(frame)
            layer.framesReleased(1)
            throw error
        }
        if pages.holds(index) {  // made by somebody else while the image's device was read
            Frames.release(frame)
            layer.framesReleased(1)
            return try ownPage(index)
        }
        let valid = belowLimit > start ? min(pageSize, belowLimit - start) : 0
        wide_zero(target + Int(valid), pageSize - valid)
        insert(frame, at: index)
        return frame
    }

    /// Gives the file a page of its own. Who has mapped the image's in its place must see this one from now on.
    private func insert(_ frame: PhysicalAddress, at index: UInt64) {
        bring(frame, at: index)
        guard isMapped, let image = layer.image, let below, index < below.wholeBlocks,
            let old = image.backing.cachedFrame(ofBlock: below.firstBlock + index)
        else { return }
        AddressSpace.dropPages(of: self, from: index, to: index + 1) { _, frame in frame == old }
        Frames.release(old)
    }

    /// Puts a frame into the place of a page.
    func bring(_ frame: PhysicalAddress, at index: UInt64) {
        let before = pages.residentCount
        pages.insert(frame, at: index)
        layer.residentChanged(from: before, to: pages.residentCount)
        layer.enlist(self)
    }

    /// The frame of a page that is the file's own, brought in from the disk if it is there; nil: it has none. May wait,
    /// but what it returns is so when it returns.
    private func residentFrame(_ index: UInt64) throws(Errno) -> PhysicalAddress? {
        while true {
            if let frame = pages[index] { return frame }
            if !pages.holds(index) { return nil }
            try readIn(index)
        }
    }

    func releaseFrame(of page: UInt64) {
        pages.releaseFrame(of: page)
        layer.residentChanged(from: 1, to: 0)
    }

    /// Lets go of pages and their places on the disk.
    private func remove(from first: UInt64, to end: UInt64) {
        let (count, resident) = (pages.count, pages.residentCount)
        let disk = layer.disk
        pages.remove(from: first, to: end) { disk?.free($0) }
        layer.framesReleased(count - pages.count)
        layer.residentChanged(from: resident, to: pages.residentCount)
    }

    // MARK: Reading and writing

    /// Copies bytes from `offset` on into `buffer`, up to the end of the file.
    /// - Returns: bytes copied; 0 at the end.
    /// - Throws: `.badAddress` or what the image's device throws, if nothing was copied.
    func read(_ buffer: inout IOBuffer, at offset: UInt64) throws(Errno) -> Int {
        var done = 0
        while buffer.remaining > 0 {
            let at = offset + UInt64(done)
            if at >= size { break }
            let inPage = at % pageSize
            let count = Int(min(UInt64(buffer.remaining), size - at, pageSize - inPage))
            let moved: Int
            do throws(Errno) {
                moved = try readPage(&buffer, at / pageSize, Int(inPage), count)
            } catch {
                if done > 0 { return done }
                throw error
            }
            done += moved
            if moved < count { break }
        }
        return done
    }

    /// Copies a part of one page out.
    private func readPage(_ buffer: inout IOBuffer, _ index: UInt64, _ inPage: Int, _ count: Int)
        throws(Errno) -> Int
    {
        if let frame = try residentFrame(index) {
            // The reader's memory may have to wait for a device; a truncation must not take the frame away
            // meanwhile.
            Frames.retain(frame)
            defer { Frames.release(frame) }
            return try buffer.put(
                UnsafeRawBufferPointer(start: PhysicalMemory.pointer(frame) + inPage, count: count))
        }
        let start = index * pageSize + UInt64(inPage)
        guard let image = layer.image, let below, start < belowLimit else {
            return try buffer.putZeros(count)
        }
        let valid = min(count, Int(min(belowLimit - start, pageSize)))
        var moved = 0
        var failure: Errno?
        try image.withPage(index, of: below) { bytes in
            do throws(Errno) {
                moved = try buffer.put(UnsafeRawBufferPointer(rebasing: bytes[inPage..<inPage + valid]))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        if moved == valid && valid < count { moved += try buffer.putZeros(count - valid) }
        return moved
    }

    /// Copies all of `buffer` to `offset`, growing the file. The caller holds `writeLock` and has checked the
    /// limits.
    /// - Returns: bytes written.
    /// - Throws: `.noSpace`, `.fileTooLarge`, `.badAddress` if nothing was written.
    func write(_ buffer: inout IOBuffer, at offset: UInt64) throws(Errno) -> Int {
        guard offset < Self.maximumSize else { throw .fileTooLarge }
        let wanted = Int(min(UInt64(buffer.remaining), Self.maximumSize - offset))
        if offset + UInt64(wanted) > size { try clearTail() }
        var done = 0
        while done < wanted {
            let at = offset + UInt64(done)
            let inPage = Int(at % pageSize)
            let count = min(wanted - done, Int(pageSize) - inPage)
            let moved: Int
            do throws(Errno) {
                moved = try writePage(&buffer, at / pageSize, inPage, count)
            } catch {
                if done > 0 { break }
                throw error
            }
            done += moved
            size = max(size, at + UInt64(moved))
            if moved < count { break }
        }
        if done > 0 { touch() }
        return done
    }

    private func writePage(_ buffer: inout IOBuffer, _ index: UInt64, _ inPage: Int, _ count: Int)
        throws(Errno) -> Int
    {
        let frame: PhysicalAddress
        try layer.makeRoom()
        let isFresh = count == Int(pageSize) && !pages.holds(index)
        if isFresh {
            // Overwritten whole: no need to clear it or to read what the image has.
            frame = try layer.allocateFrame(zeroed: false)
        } else {
            frame = try ownPage(index)
            Frames.retain(frame)
        }
        let page = PhysicalMemory.pointer(frame)
        var moved = 0
        var failure: Errno?
        do throws(Errno) {
            moved = try buffer.take(into: UnsafeMutableRawBufferPointer(start: page + inPage, count: count))
        } catch {
            failure = error
        }
        if !isFresh {
            pages.markWritten(index)
            Frames.release(frame)
        } else if moved == count, !pages.holds(index) {
            insert(frame, at: index)
        } else {
            // A fault in the middle, or somebody mapped the page meanwhile: into the ordinary page.
            defer {
                Frames.release(frame)
                layer.framesReleased(1)
            }
            if moved > 0 {
                wide_copy(PhysicalMemory.pointer(try ownPage(index)), page, UInt64(moved))
                pages.markWritten(index)
            }
        }
        if let failure { throw failure }
        return moved
    }

    /// Lets the file reach to `newSize` if it is shorter.
    private func extend(to newSize: UInt64) throws(Errno) {
        guard newSize > size else { return }
        try clearTail()
        size = max(size, newSize)
    }

    /// What lies behind the end in the last page (a mapping may have written it) must not come to light when
    /// the file grows.
    private func clearTail() throws(Errno) {
        guard size % pageSize != 0, let frame = try residentFrame(size / pageSize) else { return }
        let inPage = size % pageSize
        if inPage == 0 || pages[size / pageSize] != frame { return }  // another size while the disk was read
        wide_zero(PhysicalMemory.pointer(frame) + Int(inPage), pageSize - inPage)
        pages.markWritten(size / pageSize)
    }

    // MARK: Size and holes

    override func truncate(to newSize: UInt64) throws(Errno) {
        guard newSize <= Self.maximumSize else { throw .fileTooLarge }
        if let seals {
            if newSize < size && seals & 2 != 0 || newSize > size && seals & 4 != 0 { throw .notPermitted }
        }
        if newSize < size {
            removePages(from: (newSize + pageSize - 1) / pageSize, to: .max / pageSize)
            // A last page that is still the image's shows what is beyond the new end.
            let partial = newSize % pageSize != 0 && newSize < belowLimit ? newSize / pageSize : nil
            belowLimit = min(belowLimit, newSize)
            size = newSize
            if let partial, isMapped { _ = try ownPage(partial) }
            try clearTail()
        } else {
            try extend(to: newSize)
        }
        touch()
    }

    /// Lets go of one page; private copies of it stay where they are.
    private func punch(_ index: UInt64) {
        if let own = pages[index] {
            AddressSpace.dropPages(of: self, from: index, to: index + 1) { _, frame in frame == own }
        }
        remove(from: index, to: index + 1)
    }

    /// Lets go of all pages from one on, also in the memory of programs that have mapped them: truncate(2) takes
    /// even private copies away.
    private func removePages(from first: UInt64, to end: UInt64) {
        remove(from: first, to: end)
        AddressSpace.dropPages(of: self, from: first, to: end) { _, _ in true }
    }

    /// fallocate(2) without FALLOC_FL_KEEP_SIZE or with it: makes sure of the space of a range.
    func allocate(from start: UInt64, to end: UInt64, keepSize: Bool) throws(Errno) {
        guard end <= Self.maximumSize else { throw .fileTooLarge }
        let missing = (end + pageSize - 1) / pageSize - start / pageSize
        guard missing <= layer.framesMaximum else {
            layer.countRefusal()
            throw .noSpace
        }
        var page = start / pageSize
        while page * pageSize < end {
            _ = try ownPage(page)
            page += 1
        }
        if !keepSize { try extend(to: end) }
        changeTime = Clock.realtime
    }

    /// FALLOC_FL_PUNCH_HOLE and FALLOC_FL_ZERO_RANGE: the range reads as zeros; the size stays.
    func clear(from start: UInt64, to end: UInt64) throws(Errno) {
        let end = min(end, size)
        var at = start
        while at < end {
            let index = at / pageSize
            let inPage = at % pageSize
            let count = min(end - at, pageSize - inPage)
            if pages.holds(index) || at < belowLimit {
                if count == pageSize && at >= belowLimit {
                    punch(index)
                } else {
                    wide_zero(PhysicalMemory.pointer(try ownPage(index)) + Int(inPage), count)
                    pages.markWritten(index)
                }
                at += count
            } else {
                at = min(
                    end, max(at + count, (pages.firstPage(from: index + 1) ?? .max / pageSize) * pageSize))
            }
        }
        touch()
    }

    /// The first offset not below `offset` that holds data (SEEK_DATA) or does not (SEEK_HOLE); pages of the
    /// image are data.
    func seek(from offset: UInt64, data wantsData: Bool) -> UInt64? {
        guard offset < size else { return nil }
        var at = offset
        while at < size {
            let index = at / pageSize
            let isData = pages.holds(index) || at < belowLimit
            if isData == wantsData { return at }
            if isData {
                at = (index + 1) * pageSize
            } else {
                guard let next = pages.firstPage(from: index + 1) else { return nil }
                at = next * pageSize
            }
        }
        return wantsData ? nil : size
    }
}
