import Testing

@testable import GuestKernel

extension KernelSuite {
    /// Files whose pages go to the scratch disk and come back.
    @Suite struct ScratchDiskTests {
        /// A disk in the test's own memory that fails when it is told to.
        final class MemoryDisk: BlockDevice {
            private var blocks: [UInt64: [UInt8]] = [:]
            var writes = 0
            var fails = false

            init(blocks: UInt64) { super.init(sectorCount: blocks * 8, isReadOnly: false) }

            override func read(firstSector: UInt64, into frames: [PhysicalAddress]) throws(Errno) {
                for (i, frame) in frames.enumerated() {
                    let bytes = blocks[firstSector / 8 + UInt64(i)] ?? [UInt8](repeating: 0xEE, count: 4096)
                    bytes.withUnsafeBytes {
                        PhysicalMemory.pointer(frame).copyMemory(from: $0.baseAddress!, byteCount: 4096)
                    }
                }
            }

            override func write(firstSector: UInt64, from frames: [PhysicalAddress]) throws(Errno) {
                if fails { throw .ioError }
                writes += 1
                for (i, frame) in frames.enumerated() {
                    let bytes = UnsafeRawBufferPointer(start: PhysicalMemory.pointer(frame), count: 4096)
                    blocks[firstSector / 8 + UInt64(i)] = Array(bytes)
                }
            }
        }

        private let disk = MemoryDisk(blocks: 1000)
        private let layer: Layer
        private let program: TestProgram

        init() throws {
            FakeMachine.start()
            try FileSystem.startEmpty(disk: disk)
            layer = try #require(FileSystem.mounts.first?.layer)
            program = try TestProgram()
        }

        private func file(_ path: String) throws -> LayerFile {
            let file = try FileSystem.lookup(Array(path.utf8), in: FileSystemContext(), as: Credentials())
            return unsafeDowncast(file, to: LayerFile.self)
        }

        /// A file of `pages` pages, each full of its number.
        private func make(_ path: String, pages: Int) -> UInt64 {
            let descriptor = UInt64(program.open(path, OpenFlags.create | OpenFlags.readWrite))
            for page in 0..<pages {
                #expect(write(descriptor, page, UInt8(truncatingIfNeeded: page)) == 4096)
            }
            return descriptor
        }

        private func write(_ descriptor: UInt64, _ page: Int, _ value: UInt8) -> Int {
            let bytes = program.reused([UInt8](repeating: value, count: 4096))
            return program.call(18, descriptor, bytes, 4096, UInt64(page) * 4096)
        }

        private func read(_ descriptor: UInt64, _ page: Int) -> [UInt8] {
            let buffer = program.reused([UInt8](repeating: 0x55, count: 4096))
            #expect(program.call(17, descriptor, buffer, 4096, UInt64(page) * 4096) == 4096)
            return program.bytes(buffer, 4096)
        }

        private func evictAll() throws {
            while try layer.evict() > 0 {}
        }

        @Test("pages that were written back come in again, those changed since are written again, and only those")
        func roundTrip() throws {
            let descriptor = make("/f", pages: 200)
            try evictAll()
            #expect(layer.residentFrames == 0)
            #expect(layer.framesUsed == 200)
            for page in 0..<200 {
                #expect(read(descriptor, page) == [UInt8](repeating: UInt8(page), count: 4096))
            }
            #expect(layer.residentFrames == 200)
            let before = disk.writes
            try evictAll()
            #expect(disk.writes == before)
            #expect(write(descriptor, 77, 0xAB) == 4096)
            try evictAll()
            #expect(disk.writes == before + 1)
            #expect(read(descriptor, 77)[4095] == 0xAB)
            #expect(read(descriptor, 78)[0] == 78)
            #expect(program.call(8, descriptor, 0, 4) == 200 * 4096)
        }

        @Test("a full disk is ENOSPC, and truncation, holes and removal give its blocks back")
        func full() throws {
            let descriptor = make("/f", pages: 1000)
            try evictAll()
            #expect(write(descriptor, 1000, 1) == -28)
            #expect(program.call(285, descriptor, 3, 4096, 8192) == 0)
            #expect(layer.framesUsed == 998)
            #expect(read(descriptor, 1) == [UInt8](repeating: 0, count: 4096))
            #expect(program.call(77, descriptor, 100 * 4096 + 5) == 0)
            #expect(layer.framesUsed == 99)
            #expect(program.call(77, descriptor, 101 * 4096) == 0)
            #expect(read(descriptor, 100) == [100, 100, 100, 100, 100] + [UInt8](repeating: 0, count: 4091))
            #expect(program.call(87, program.path("/f")) == 0)
            program.close(Int(descriptor))
            #expect(layer.framesUsed == 0)
            #expect(layer.residentFrames == 0)
            _ = make("/g", pages: 1000)
            try evictAll()
            #expect(layer.residentFrames == 0)
        }

        @Test("a page that a program has mapped stays until its mapping is taken away, and then loses nothing")
        func mapped() throws {
            let descriptor = make("/f", pages: 10)
            let address = UInt64(program.call(9, 0, 40960, 3, 1, descriptor, 0))
            try program.process.space.write([9, 8, 7], to: address + 4096)
            let node = try file("/f")
            _ = try node.evict(limit: 100)
            #expect(node.pages[1] != nil)
            try evictAll()
            #expect(node.pages[1] == nil)
            #expect(program.bytes(address + 4096, 4) == [9, 8, 7, 1])
            try program.process.space.write([6], to: address + 4096)
            #expect(program.call(11, address, 40960) == 0)
            try evictAll()
            #expect(read(descriptor, 1)[0..<4] == [6, 8, 7, 1])
        }

        @Test("if the disk fails, what is in memory stays there")
        func failure() throws {
            let descriptor = make("/f", pages: 20)
            disk.fails = true
            #expect(throws: Errno.ioError) { try layer.evict() }
            #expect(layer.residentFrames == 20)
            disk.fails = false
            try evictAll()
            #expect(read(descriptor, 19)[0] == 19)
        }

        @Test("blocks are given out in rows, and again when they were given back")
        func blocks() throws {
            let blocks = ScratchDisk(MemoryDisk(blocks: 100))
            #expect(blocks.allocate(64) == 0..<64)
            #expect(blocks.allocate(64) == 64..<100)
            #expect(blocks.allocate(1) == nil)
            for block: UInt32 in [3, 4, 5, 99] { blocks.free(block) }
            #expect(blocks.allocate(2) == 99..<100)
            #expect(blocks.allocate(2) == 3..<5)
            #expect(blocks.allocate(2) == 5..<6)
        }
    }
}
