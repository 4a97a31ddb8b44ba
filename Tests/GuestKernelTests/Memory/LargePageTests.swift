import Testing

@testable import GuestKernel

extension KernelSuite {
    /// 2 MiB entries for memory that fills up in order (LargePages.swift).
    @Suite(.serialized) struct LargePageTests {
        private static let start: UInt64 = 0x1000_0000
        private static let bytes: UInt64 = 16 << 20

        init() { FakeMachine.start() }

        /// A space whose 16 MiB were touched from below, and how many faults that took.
        private func filled() throws -> (space: AddressSpace, faults: Int) {
            let space = try AddressSpace()
            space.insert(
                MemoryArea(
                    start: Self.start, end: Self.start + Self.bytes, access: [.read, .write], isShared: false,
                    growsDown: false, backing: .anonymous))
            var faults = 0
            for page in stride(from: Self.start, to: Self.start + Self.bytes, by: Int(pageSize))
            where !space.table.entry(for: page).isPresent {
                try space.resolve(page, .write)
                faults += 1
            }
            return (space, faults)
        }

        private func isLarge(_ space: AddressSpace, _ address: UInt64) -> Bool {
            space.table.existingDirectorySlot(for: address).map { PageTableEntry(bits: $0.pointee).isLarge }
                ?? false
        }

        @Test(
            "what fills up in order comes 2 MiB at a fault, once the program has 4 MiB; a small program stays small"
        )
        func fillsInOrder() throws {
            let (space, faults) = try filled()
            // 4 MiB by windows of 64 and 256 KiB, six large pages.
            #expect(faults <= 17 + 16 + 6)
            #expect(!isLarge(space, Self.start) && isLarge(space, Self.start + (8 << 20)))
            #expect(space.residentPages == Self.bytes / pageSize)
        }

        @Test("a touch far from all others brings its neighbourhood and no large page")
        func scatteredStaysSmall() throws {
            let (space, _) = try filled()
            let far: UInt64 = 0x4000_0000
            space.insert(
                MemoryArea(
                    start: far, end: far + Self.bytes, access: [.read, .write], isShared: false,
                    growsDown: false,
                    backing: .anonymous))
            try space.resolve(far + (7 << 20), .write)
            #expect(!isLarge(space, far + (7 << 20)))
        }

        @Test("bytes stay what they are when a large page is split by munmap, mprotect, mremap or fork")
        func splitting() throws {
            let (space, _) = try filled()
            let block = Self.start + (8 << 20)
            for at in [block, block + 0x1_0FF0, block + (2 << 20) - 8] {
                try space.write([1, 2, 3, 4], to: at)
            }
            space.unmap(from: block + 0x8000, to: block + 0x9000)
            #expect(!isLarge(space, block) && isLarge(space, block + (2 << 20)))
            #expect(throws: Errno.badAddress) { _ = try space.read(from: block + 0x8000, count: 1) }
            for at in [block, block + 0x1_0FF0, block + (2 << 20) - 8] {
                #expect(try space.read(from: at, count: 4) == [1, 2, 3, 4])
            }
            try space.write([9], to: block + (2 << 20))
            try space.protect(from: block + (2 << 20), to: block + (2 << 20) + pageSize, access: .read)
            #expect(throws: Errno.badAddress) { try space.write([1], to: block + (2 << 20)) }
            try space.write([8], to: block + (2 << 20) + pageSize)
            let child = try space.copyOnWriteClone()
            try child.write([7], to: block + (4 << 20))
            #expect(try space.read(from: block + (4 << 20), count: 1) == [0])
            #expect(try child.read(from: block + (2 << 20), count: 1) == [9])
            #expect(try child.read(from: block + (2 << 20) + pageSize, count: 1) == [8])
        }

        @Test(
            "a fork shares a large page whole, an entry for both; a write copies its own page, and the other sees nothing"
        )
        func forkShares() throws {
            let (space, _) = try filled()
            let block = Self.start + (8 << 20)
            let (before, frames) = (Counters.pageTableWrites, Frames.available)
            let child = try space.copyOnWriteClone()
            // 1,024 small pages and six large ones in both, and some entries that lead to tables.
            #expect(Counters.pageTableWrites - before <= 2 * (1024 + 6) + 8)
            #expect(frames - Frames.available <= 16)
            #expect(isLarge(space, block) && isLarge(child, block))
            #expect(child.residentPages == space.residentPages)
            #expect(!space.table.entry(for: block).isWritable && !child.table.entry(for: block).isWritable)
            try child.write([7], to: block)
            #expect(!isLarge(child, block) && isLarge(space, block))
            #expect(try space.read(from: block, count: 1) == [0])
            try space.write([8], to: block + pageSize)
            #expect(try child.read(from: block, count: 2 * Int(pageSize))[Int(pageSize)] == 0)
        }

        @Test("when the child has gone its parent's large pages are written whole again, at a fault each")
        func writableAgain() throws {
            let (space, _) = try filled()
            let block = Self.start + (8 << 20)
            do { _ = try space.copyOnWriteClone() }
            #expect(!space.table.entry(for: block).isWritable)
            let before = Counters.pageTableWrites
            try space.write([1], to: block + pageSize)
            #expect(isLarge(space, block) && space.table.entry(for: block).isWritable)
            #expect(Counters.pageTableWrites - before == 1)
        }

        @Test("of a large page that only begins in a fork's area single pages are shared")
        func acrossAreas() throws {
            let (space, _) = try filled()
            let block = Self.start + (8 << 20)
            try space.write([5, 6], to: block + (1 << 20) - 1)
            let part = try #require(space.split(block + (1 << 20), Self.start + Self.bytes).first)
            space.areas[part].forkRule = .leaveOut
            #expect(isLarge(space, block))
            let child = try space.copyOnWriteClone()
            #expect(!isLarge(child, block))
            #expect(try child.read(from: block + (1 << 20) - 1, count: 1) == [5])
            #expect(throws: Errno.badAddress) { _ = try child.read(from: block + (1 << 20), count: 1) }
            #expect(try space.read(from: block + (1 << 20) - 1, count: 2) == [5, 6])
        }

        @Test("MADV_DONTNEED of whole large pages gives them back whole, and what is touched again is zero")
        func dropped() throws {
            let (space, _) = try filled()
            let block = Self.start + (8 << 20)
            try space.write([5], to: block)
            let before = Frames.available
            space.dropPages(from: block, to: block + (2 << 20))
            // The frames, and the table that was kept for a split.
            #expect(Frames.available >= before + 512)
            #expect(try space.read(from: block, count: 1) == [0])
        }

        @Test("all frames come back, whatever was split, shared or dropped")
        func framesComeBack() throws {
            _ = try filled()  // tables kept as spares
            let before = Frames.available
            do {
                let (space, _) = try filled()
                let child = try space.copyOnWriteClone()
                try child.write([1], to: Self.start + (9 << 20))
                space.unmap(from: Self.start + (5 << 20), to: Self.start + (11 << 20))
            }
            #expect(Frames.available >= before - 64)
        }
    }
}
