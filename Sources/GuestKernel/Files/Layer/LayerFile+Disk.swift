import GuestNucleus

/// A file whose pages go to the scratch disk when memory is wanted for others.
extension LayerFile {
    /// Pages that are read at once: what a sequential reader wants and a random one can bear.
    private static let readAhead = 32

    /// Brings in a page that is on the disk, and those behind it that lie behind it there too. Waits. Afterwards the
    /// page may still be missing, or be another one: look again.
    func readIn(_ index: UInt64) throws(Errno) {
        try layer.makeRoom()
        guard let disk = layer.disk, pages[index] == nil, let first = pages.block(of: index) else { return }
        var frames = [try Frames.allocate(zeroed: false)]
        while frames.count < Self.readAhead, let frame = nextToRead(index, first, frames.count) {
            frames.append(frame)
        }
        do throws(Errno) {
            try disk.read(first.number, into: frames)
        } catch {
            for frame in frames { Frames.release(frame) }
            throw error
        }
        for (i, frame) in frames.enumerated() {
            let page = index + UInt64(i)
            let expected = PageTree.Block(first.number + UInt32(i), isCurrent: true)
            if pages[page] == nil, pages.block(of: page) == expected {
                bring(frame, at: page)
            } else {
                Frames.release(frame)
            }
        }
    }

    /// A frame for the page `offset` pages behind `index`, if that one is to be read along.
    private func nextToRead(_ index: UInt64, _ first: PageTree.Block, _ offset: Int) -> PhysicalAddress? {
        let page = index + UInt64(offset)
        guard pages[page] == nil, let block = pages.block(of: page),
            block.number == first.number + UInt32(offset), Frames.available > Frames.total / 16
        else { return nil }
        return try? Frames.allocate(zeroed: false)
    }

    /// Writes pages to the disk that need it, and gives their frames back. Only what nobody has mapped or is using.
    /// - Returns: frames given back.
    func evict(limit: Int) throws(Errno) -> Int {
        guard let disk = layer.disk else { return 0 }
        var released = 0
        var written: [(page: UInt64, frame: PhysicalAddress)] = []
        for _ in 0..<limit {
            guard let page = pages.firstResident(from: evictionHand) else {
                evictionHand = 0
                break
            }
            evictionHand = page + 1
            guard let frame = pages[page], Frames.isExclusive(frame) else { continue }
            if let block = pages.block(of: page), block.isCurrent {
                releaseFrame(of: page)
                released += 1
            } else {
                Frames.retain(frame)
                written.append((page, frame))
            }
        }
        var failure: Errno?
        var next = 0
        while next < written.count, failure == nil {
            do throws(Errno) {
                next += try writeRun(written[next...], disk)
            } catch {
                failure = error
            }
        }
        for (i, (page, frame)) in written.enumerated() {
            Frames.release(frame)
            guard i < next, pages[page] == frame else { continue }
            guard Frames.isExclusive(frame) else {
                // Mapped while it was written: perhaps written to since.
                pages.markWritten(page)
                continue
            }
            guard let block = pages.block(of: page), block.isCurrent else { continue }
            releaseFrame(of: page)
            released += 1
        }
        if let failure, released == 0 { throw failure }
        return released
    }

    /// Writes the first of `written` with one request, to blocks that follow each other.
    /// - Returns: how many of them.
    private func writeRun(
        _ written: ArraySlice<(page: UInt64, frame: PhysicalAddress)>, _ disk: ScratchDisk
    ) throws(Errno) -> Int {
        guard let first = written.first else { return 0 }
        guard pages[first.page] == first.frame else { return 1 }  // gone meanwhile
        var count = 0
        let start: UInt32
        if let old = pages.block(of: first.page) {
            start = old.number
            for (page, frame) in written {
                guard pages[page] == frame, let block = pages.block(of: page),
                    block.number == start + UInt32(count)
                else { break }
                pages.setBlock(PageTree.Block(block.number, isCurrent: true), of: page)
                count += 1
            }
        } else {
            let blockless = written.prefix { pages[$0.page] == $0.frame && pages.block(of: $0.page) == nil }
            guard let run = disk.allocate(blockless.count) else { throw .noSpace }
            start = run.lowerBound
            for (number, (page, _)) in zip(run, blockless) {
                pages.setBlock(PageTree.Block(number, isCurrent: true), of: page)
                count += 1
            }
        }
        let part = written.prefix(count)
        do throws(Errno) {
            try disk.write(start, from: part.map { $0.frame })
        } catch {
            for (page, frame) in part where pages[page] == frame { pages.markWritten(page) }
            throw error
        }
        return count
    }

    /// Takes own pages out of the memory of programs, so that they can be evicted: some, from the hand on.
    func unmapForEviction(limit: UInt64) {
        let first = pages.firstResident(from: evictionHand) ?? 0
        evictionHand = first
        AddressSpace.dropPages(of: self, from: first, to: first + limit) { page, frame in
            pages[page] == frame
        }
    }
}

/// Which files have pages in memory, for eviction.
extension Layer {
    /// File pages in memory at most, if they can go to a disk.
    private var residentMaximum: UInt64 { Frames.total / 2 }

    private var isCrowded: Bool {
        residentFrames >= residentMaximum || Frames.available < Frames.total / 8
    }

    /// To be called before a page is made or read, at a place that may wait.
    func makeRoom() throws(Errno) {
        guard disk != nil else { return }
        while isCrowded {
            guard try evict() > 0 else { return }
        }
    }

    /// Gives frames of file pages back.
    /// - Returns: how many; 0 if nothing can go.
    func evict() throws(Errno) -> Int {
        for isUnmapping in [false, true] {
            for _ in 0..<max(cachedFiles.count * 2, 8) where !cachedFiles.isEmpty {
                if evictionHand >= cachedFiles.count { evictionHand = 0 }
                // SAFETY: a file leaves the list in its deinit, so one that is in it is alive.
                let file = cachedFiles[evictionHand].takeUnretainedValue()
                if isUnmapping { file.unmapForEviction(limit: 512) }
                let count = try file.evict(limit: ScratchDisk.runMaximum)
                if count > 0 { return count }
                if file.evictionHand == 0 || isUnmapping { evictionHand += 1 }
            }
        }
        return 0
    }

    func enlist(_ file: LayerFile) {
        guard disk != nil, file.cacheIndex < 0 else { return }
        file.cacheIndex = cachedFiles.count
        cachedFiles.append(Unmanaged.passUnretained(file))
    }

    func delist(_ file: LayerFile) {
        guard file.cacheIndex >= 0 else { return }
        let last = cachedFiles.removeLast()
        if file.cacheIndex < cachedFiles.count {
            cachedFiles[file.cacheIndex] = last
            // SAFETY: as above.
            last.takeUnretainedValue().cacheIndex = file.cacheIndex
        }
        file.cacheIndex = -1
    }
}
