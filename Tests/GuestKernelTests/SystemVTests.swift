import Testing

@testable import GuestKernel

extension KernelSuite {
    /// What one process can see of System V IPC; between processes: Tests/programs/systemv.
    @Suite(.serialized) struct SystemVTests {
        private let program: TestProgram
        private let create: UInt64 = 0o1600

        init() throws {
            try ProgramFixture.start()
            program = try TestProgram()
        }

        @Test(
            "a segment's pages are shared by its attachments and counted, and unmapped where it was attached")
        func segments() throws {
            let id = program.call(29, 0, 10_000, create)
            let first = program.call(30, UInt64(id), 0, 0)
            let second = program.call(30, UInt64(id), 0, 0)
            #expect(first > 0 && second > 0 && first != second)
            try program.process.space.store(UInt64(42), at: UInt64(first) + 8192)
            #expect(program.value(UInt64(second) + 8192, UInt64.self) == 42)
            let status = program.room(112)
            #expect(program.call(31, UInt64(id), 2, status) == 0)
            #expect(program.value(status + 48, UInt64.self) == 10_000)
            #expect(program.value(status + 88, UInt64.self) == 2)
            #expect(program.call(67, UInt64(first)) == 0)
            #expect(program.call(67, UInt64(first)) == -22)
            #expect(program.call(31, UInt64(id), 2, status) == 0)
            #expect(program.value(status + 88, UInt64.self) == 1)
            #expect(program.call(31, UInt64(id), 0) == 0)
            #expect(program.value(UInt64(second) + 8192, UInt64.self) == 42)
            #expect(program.call(30, UInt64(id), 0, 0) == -22)
        }

        @Test(
            "shmdt takes the parts of a segment that mremap has moved to below their place in it for others")
        func movedPart() {
            let pages: UInt64 = 64
            let id = program.call(29, 0, pages * 4096, create)
            let start = AddressSpace.lowest
            #expect(program.call(30, UInt64(id), start, 0) == Int(start))
            // The last page, over one at the beginning: now below its offset in the segment.
            let target = start + 8192
            #expect(program.call(25, start + (pages - 1) * 4096, 4096, 4096, 3, target) == Int(target))
            #expect(program.call(67, start) == 0)
            #expect(program.call(31, UInt64(id), 0) == 0)
        }

        @Test("what SEM_UNDO adds up to is bounded, as the semaphores are")
        func undoBounded() throws {
            let id = UInt64(program.call(64, 0, 1, create))
            let (up, down) = (program.room(8), program.room(8))
            try program.process.space.store((UInt16(0), Int16(32767), UInt16(0o10000)), at: up)
            try program.process.space.store((UInt16(0), Int16(-32767), UInt16(0)), at: down)
            #expect(program.call(65, id, up, 1) == 0)
            #expect(program.call(65, id, down, 1) == 0)
            #expect(program.call(65, id, up, 1) == -34)
            #expect(program.call(66, id, 0, 12) == 0, "nothing of it was done")
            program.process.semaphoreUndo.apply(by: 1)
            #expect(program.call(66, id, 0, 0) == 0)
        }

        @Test("a message is gone for its receiver's bad address, as on Linux, and belongs to nobody after")
        func badReceiver() {
            let queue = UInt64(program.call(68, 0, create))
            let message = program.place([1, 0, 0, 0, 0, 0, 0, 0, 7])
            #expect(program.call(69, queue, message, 1, 0) == 0)
            #expect(program.call(70, queue, 8, 1, 0, 0) == -14)
            #expect(program.call(70, queue, message, 1, 0, 0o4000) == -42)
            #expect(program.call(71, queue, 0) == 0)
        }

        @Test("shmdt takes no mapping that is no segment")
        func foreignMapping() {
            let mapping = program.call(9, 0, 8192, 3, 0x21, .max, 0)
            #expect(mapping > 0)
            #expect(program.call(67, UInt64(mapping)) == -22)
        }

        @Test("sizes that no memory has, too many semaphores and messages that are too long are refused")
        func limits() {
            #expect(program.call(29, 0, 0, create) == -22)
            #expect(program.call(29, 0, .max, create) == -12)
            #expect(program.call(64, 0, 32_001, create) == -22)
            let whole = program.call(64, 0, 32_000, create)
            #expect(whole >= 0)
            #expect(program.call(64, 0, 1, create) == -28)
            #expect(program.call(66, UInt64(whole), 0, 0) == 0)
            let queue = program.call(68, 0, create)
            let message = program.place([1, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 7, count: 9000))
            #expect(program.call(69, UInt64(queue), message, 8193, 0) == -22)
            #expect(program.call(69, UInt64(queue), message, 8192, 0) == 0)
            #expect(program.call(69, UInt64(queue), message, 8192, 0) == 0)
            #expect(program.call(69, UInt64(queue), message, 1, 0o4000) == -11)
            #expect(program.call(70, UInt64(queue), message, .max, 0, 0) == -22)
            #expect(program.call(71, UInt64(queue), 0) == 0)
        }

        @Test("what belongs to another user is neither read nor removed without permission")
        func permissions() {
            let id = program.call(64, 77, 1, create)
            program.process.credentials = Credentials(user: 1000, group: 0)
            #expect(program.call(64, 77, 1, 0o400) == -13)
            #expect(program.call(66, UInt64(id), 0, 12) == -13)
            #expect(program.call(66, UInt64(id), 0, 0) == -1)
            program.process.credentials = Credentials()
            #expect(program.call(66, UInt64(id), 0, 0) == 0)
        }
    }
}
