import Testing

@testable import GuestKernel

extension KernelSuite {
    @Suite(.serialized) struct AddressSpaceTests {
        init() { FakeMachine.start() }

        private func anonymous(_ start: UInt64, _ end: UInt64, _ access: Access = [.read, .write])
            -> MemoryArea
        {
            MemoryArea(
                start: start, end: end, access: access, isShared: false, growsDown: false, backing: .anonymous
            )
        }

        @Test("what is written to a mapped page is read back, across page borders")
        func writeAndRead() throws {
            let space = try AddressSpace()
            space.insert(anonymous(0x40_0000, 0x42_0000))
            try space.write([1, 2, 3, 4], to: 0x40_0FFE)
            #expect(try space.read(from: 0x40_0FFD, count: 6) == [0, 1, 2, 3, 4, 0])
        }

        @Test("touching an unmapped address is EFAULT, and so is writing to a read-only one")
        func faults() throws {
            let space = try AddressSpace()
            space.insert(anonymous(0x40_0000, 0x40_1000, [.read]))
            #expect(throws: Errno.badAddress) { try space.write([1], to: 0x40_0000) }
            #expect(throws: Errno.badAddress) { _ = try space.read(from: 0x50_0000, count: 1) }
            #expect(throws: Errno.badAddress) { _ = try space.read(from: 0x40_0FFF, count: 2) }
            #expect(throws: Errno.badAddress) { _ = try space.read(from: .max - 2, count: 8) }
            #expect(throws: Errno.badAddress) { _ = try space.read(from: 0x8000, count: 1) }
        }

        @Test("after a fork both sides see the old contents and neither sees the other's writes")
        func copyOnWrite() throws {
            let parent = try AddressSpace()
            parent.insert(anonymous(0x40_0000, 0x41_0000))
            try parent.write([7, 7], to: 0x40_0000)
            let child = try parent.copyOnWriteClone()
            try child.write([8], to: 0x40_0000)
            try parent.write([9], to: 0x40_0001)
            #expect(try parent.read(from: 0x40_0000, count: 2) == [7, 9])
            #expect(try child.read(from: 0x40_0000, count: 2) == [8, 7])
        }

        @Test("shared anonymous memory is the same memory after a fork")
        func sharedMemory() throws {
            let parent = try AddressSpace()
            var area = anonymous(0x40_0000, 0x40_2000)
            area.isShared = true
            area.backing = .file(SharedMemory(pages: 2), offset: 0)
            parent.insert(area)
            let child = try parent.copyOnWriteClone()
            try child.write([5], to: 0x40_1000)
            #expect(try parent.read(from: 0x40_1000, count: 1) == [5])
        }

        @Test("every frame comes back when an address space goes, shared ones with the last user")
        func framesReturn() throws {
            _ = try residue()  // fills the pool of page tables, which keeps its frames
            #expect(try residue() == 0)
        }

        /// Frames in use after a fork, writes on both sides, an unmap and the end of both.
        private func residue() throws -> UInt64 {
            let start = Frames.available
            do {
                let parent = try AddressSpace()
                parent.insert(anonymous(0x40_0000, 0x80_0000))
                for page in 0..<64 { try parent.write([1], to: 0x40_0000 + UInt64(page) * 0xF000) }
                let child = try parent.copyOnWriteClone()
                try child.write([2], to: 0x40_0000)
                parent.unmap(from: 0x50_0000, to: 0x60_0000)
            }
            return start - Frames.available
        }

        @Test("unmapping the middle leaves both ends, and mprotect splits and joins")
        func splitting() throws {
            let space = try AddressSpace()
            space.insert(anonymous(0x40_0000, 0x40_8000))
            space.unmap(from: 0x40_2000, to: 0x40_4000)
            #expect(space.areas.map(\.start) == [0x40_0000, 0x40_4000])
            #expect(space.areas.map(\.end) == [0x40_2000, 0x40_8000])
            try space.protect(from: 0x40_5000, to: 0x40_6000, access: [.read])
            #expect(space.areas.count == 4)
            #expect(throws: Errno.badAddress) { try space.write([1], to: 0x40_5000) }
            #expect(throws: Errno.noMemory) {
                try space.protect(from: 0x40_0000, to: 0x40_5000, access: [.read])
            }
        }

        @Test("a gap is found below the map top and never overlaps what is there")
        func gaps() throws {
            let space = try AddressSpace()
            var seen: [Range<UInt64>] = []
            for pages in [1, 5, 2, 16, 3] as [UInt64] {
                let start = try #require(space.findGap(pages * pageSize))
                let range = start..<start + pages * pageSize
                for other in seen { #expect(!other.overlaps(range)) }
                seen.append(range)
                space.insert(
                    anonymous(range.lowerBound, range.upperBound, pages == 2 ? [.read] : [.read, .write]))
            }
            #expect(space.findGap(AddressSpace.top) == nil)
        }

        @Test("mprotect back to what it was leaves one area, and up to a hole it does its work before it reports it")
        func joining() throws {
            let space = try AddressSpace()
            space.insert(anonymous(0x40_0000, 0x40_8000))
            try space.write([1], to: 0x40_3000)
            try space.protect(from: 0x40_2000, to: 0x40_4000, access: [.read])
            try space.protect(from: 0x40_5000, to: 0x40_6000, access: [])
            #expect(space.areas.count == 5)
            try space.protect(from: 0x40_0000, to: 0x40_8000, access: [.read, .write])
            #expect(space.areas.map(\.end) == [0x40_8000])
            #expect(space.table.entry(for: 0x40_3000).isWritable)  // ours alone: no fault at the next write
            #expect(throws: Errno.noMemory) {
                try space.protect(from: 0x40_7000, to: 0x41_0000, access: [.read])
            }
            #expect(space.areas.map(\.access) == [[.read, .write], [.read]])
        }

        @Test("a page that a fork shares stays read-only through mprotect, so that a write still makes a copy")
        func protectAfterFork() throws {
            let parent = try AddressSpace()
            parent.insert(anonymous(0x40_0000, 0x80_0000))
            for page in 0..<1024 as Range<UInt64> { try parent.write([7], to: 0x40_0000 + page * pageSize) }
            let child = try parent.copyOnWriteClone()
            try parent.protect(from: 0x40_0000, to: 0x80_0000, access: [.read])
            try parent.protect(from: 0x40_0000, to: 0x80_0000, access: [.read, .write])
            for page in 0..<1024 as Range<UInt64> { try parent.write([9], to: 0x40_0000 + page * pageSize) }
            for page in 0..<1024 as Range<UInt64> {
                #expect(try child.read(from: 0x40_0000 + page * pageSize, count: 1) == [7])
            }
        }

        @Test("a child has zeros where the parent said wipe, nothing where it said leave out (madvise(2))")
        func forkRules() throws {
            let parent = try AddressSpace()
            for (start, rule) in [(0x40_0000, .share), (0x50_0000, .wipe), (0x60_0000, .leaveOut)]
                as [(UInt64, MemoryArea.ForkRule)]
            {
                var area = anonymous(start, start + pageSize)
                area.forkRule = rule
                parent.insert(area)
                try parent.write([3], to: start)
            }
            let child = try parent.copyOnWriteClone()
            #expect(try child.read(from: 0x40_0000, count: 1) == [3])
            #expect(try child.read(from: 0x50_0000, count: 1) == [0])
            #expect(throws: Errno.badAddress) { _ = try child.read(from: 0x60_0000, count: 1) }
            #expect(try parent.read(from: 0x50_0000, count: 1) == [3])
        }

        @Test("a reservation of 64 TiB costs what is touched in it: pages at both ends are visited, nothing else")
        func reservation() throws {
            let space = try AddressSpace()
            let start: UInt64 = 1 << 40
            let end = start + 64 << 40
            space.insert(anonymous(start, end))
            try space.write([1], to: start)
            try space.write([1], to: end - 1)
            var tables = 0
            space.table.forEachTable(from: start, to: end) { _, _, _ in tables += 1 }
            #expect(tables == 2)
            space.unmap(from: start, to: end)
            #expect(space.residentPages == 0)
        }

        @Test("a program with as many areas as there may be can no more cut one, but still unmap whole ones")
        func areaLimit() throws {
            let space = try AddressSpace()
            for i in 0..<AddressSpace.maximumAreas {
                let start = 0x1000_0000 + UInt64(i) * 4 * pageSize
                space.areas.append(anonymous(start, start + 3 * pageSize))
            }
            #expect(throws: Errno.noMemory) {
                try space.requireRoomForAreas(cutAt: 0x1000_1000, 0x1000_2000)
            }
            try space.requireRoomForAreas(cutAt: 0x1000_0000, 0x1000_3000)
        }
    }
}
