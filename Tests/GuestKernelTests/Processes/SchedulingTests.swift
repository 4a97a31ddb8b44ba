import Testing

@testable import GuestKernel

extension KernelSuite {
    @Suite(.serialized) struct SchedulingTests {
        private let program: TestProgram
        private var thread: Thread { program.process.threads[0] }

        init() throws {
            try ProgramFixture.start()
            program = try TestProgram()
        }

        @Test("niceness is kept, clamped to -20…19, and getpriority answers 20 minus it")
        func niceness() {
            #expect(program.call(140, 0, 0) == 20)
            #expect(program.call(141, 0, 0, 7) == 0)
            #expect(program.call(140, 0, 0) == 13)
            #expect(program.call(141, 0, 0, UInt64(bitPattern: -1000)) == 0)
            #expect(program.call(140, 0, 0) == 40)
            #expect(program.call(140, 3, 0) == -22)
            #expect(program.call(140, 0, 99_999) == -3)
        }

        @Test("an I/O priority is kept and inherited; classes and levels that are none are refused")
        func ioPriorities() {
            let process: UInt64 = 1
            #expect(program.call(252, process, 0) == 0)
            #expect(program.call(251, process, 0, 2 << 13 | 3) == 0)
            #expect(program.call(252, process, 0) == 2 << 13 | 3)
            #expect(thread.scheduling.inherited.ioPriority == 2 << 13 | 3)
            #expect(program.call(251, process, 0, 2 << 13 | 8) == -22)
            #expect(program.call(251, process, 0, 4 << 13) == -22)
            #expect(program.call(251, process, 99_999, 3 << 13) == -3)
            #expect(program.call(252, 0, 0) == -22)
            program.process.credentials = Credentials(user: 1000, group: 0)
            #expect(program.call(251, process, 0, 1 << 13) == -1)
        }

        @Test("without privilege niceness only grows, unless RLIMIT_NICE allows more")
        func unprivilegedNiceness() {
            program.process.credentials = Credentials(user: 1000, group: 0)
            #expect(program.call(141, 0, 0, 5) == 0)
            #expect(program.call(141, 0, 0, 4) == -13)
            program.process.limits.soft[13] = 16
            #expect(program.call(141, 0, 0, 4) == 0)
        }

        @Test("a policy comes with its own priorities, and a child inherits it unless it said not to")
        func policies() throws {
            let parameter = program.room(4)
            try program.process.space.store(Int32(7), at: parameter)
            #expect(program.call(144, 0, 0, parameter) == -22)
            #expect(program.call(144, 0, 6, parameter) == -22)
            #expect(program.call(144, 0, 1, parameter) == 0)
            #expect(program.call(145, 0) == 1)
            #expect(thread.scheduling.inherited.priority == 7)
            #expect(program.call(144, 0, 0x4000_0002, parameter) == 0)
            #expect(program.call(145, 0) == 0x4000_0002)
            #expect(thread.scheduling.inherited.policy == SchedulingParameters.other)
            #expect(program.call(145, UInt64(bitPattern: -1)) == -22)
            #expect(program.call(146, 1) == 99)
            #expect(program.call(147, UInt64(bitPattern: -23)) == -22)
        }

        @Test("sched_setattr takes its 48 bytes and no stranger ones; sched_getattr gives them back")
        func attributes() throws {
            let attributes = program.place([UInt8](repeating: 0, count: 56))
            try program.process.space.store((UInt32(48), UInt32(3), UInt64(1), Int32(11)), at: attributes)
            #expect(program.call(314, 0, attributes, 0) == 0)
            #expect(program.call(315, 0, attributes, 48, 0) == 0)
            #expect(program.value(attributes + 4, UInt32.self) == 3)
            #expect(program.value(attributes + 16, Int32.self) == 11)
            #expect(program.call(315, 0, attributes, 40, 0) == -22)
            try program.process.space.store(UInt32.max, at: attributes)
            #expect(program.call(314, 0, attributes, 0) == -7)
        }

        @Test("a processor mask must name the one processor there is")
        func affinity() throws {
            let mask = program.place([2, 0, 0, 0, 0, 0, 0, 0])
            #expect(program.call(203, 0, 8, mask) == -22)
            #expect(program.call(204, 0, 8, mask) == 8)
            #expect(program.value(mask, UInt64.self) == 1)
            #expect(program.call(203, 0, 8, mask) == 0)
            #expect(program.call(204, 0, 4, mask) == -22)
            #expect(program.call(204, UInt64(bitPattern: -1), 8, mask) == -3)
        }
    }
}
