import Testing

@testable import GuestKernel

extension KernelSuite {
    @Suite(.serialized) struct TimerTests {
        private let program: TestProgram
        private var thread: Thread { program.process.threads[0] }

        init() throws {
            try ProgramFixture.start()
            program = try TestProgram()
            thread.signals.blocked = .max & ~Signal.unblockable
        }

        /// struct itimerspec.
        private func times(_ interval: UInt64, _ value: UInt64) throws -> UInt64 {
            let address = program.room(32)
            try storeTimespec(program.process.space, interval, at: address)
            try storeTimespec(program.process.space, value, at: address + 16)
            return address
        }

        @Test("a POSIX timer that came late sends one signal and counts what it missed")
        func overrun() throws {
            let event = program.place([UInt8](repeating: 0, count: 64))
            try program.process.space.store((UInt64(0x77), Int32(34), Int32(0)), at: event)
            let number = program.room(4)
            #expect(program.call(222, 1, event, number) == 0)
            let id = UInt64(program.value(number, UInt32.self))
            #expect(program.call(223, id, 1, try times(1_000_000_000_000, 1), 0) == 0)
            Timers.expire()
            let taken = program.process.signals.pending.take(.max)
            let info = try #require(taken)
            #expect(info.signal == 34)
            #expect(info.code == SignalInfo.timer)
            #expect(info.detail[1] == 0x77)
            #expect(program.call(225, id) == Int(info.detail[0] >> 32))
            #expect(program.process.signals.pending.take(.max) == nil)
            #expect(program.call(226, id) == 0)
            #expect(program.call(226, id) == -22)
        }

        @Test("a wall clock that Linux would not take, because it could not be counted on from there, is EINVAL")
        func wallClockTooLate() throws {
            defer { Clock.wallClockOffset = 0 }
            let now = program.room(16)
            for seconds in [8_277_292_036, 18_446_744_072, UInt64(Int64.max)] {
                let time = program.place([UInt8](repeating: 0, count: 16))
                try program.process.space.store((seconds, UInt64(0)), at: time)
                #expect(program.call(227, 0, time) == -22)
                #expect(program.call(228, 11, now) == 0, "CLOCK_TAI is 37 s further")
            }
            let latest = program.place([UInt8](repeating: 0, count: 16))
            try program.process.space.store((UInt64(8_277_292_035), UInt64(0)), at: latest)
            #expect(program.call(227, 0, latest) == 0)
            #expect(program.call(228, 11, now) == 0)
            #expect(program.value(now, UInt64.self) >= 8_277_292_035 + 37)
        }

        @Test("a timerfd that is not due says EAGAIN; due, it is read as a count and then not again")
        func timerFile() throws {
            let descriptor = UInt64(program.call(283, 1, 0o4000))
            let buffer = program.room(8)
            #expect(program.call(0, descriptor, buffer, 8) == -11)
            #expect(program.call(286, descriptor, 1, try times(0, 1), 0) == 0)
            Timers.expire()
            #expect(program.call(0, descriptor, buffer, 8) == 8)
            #expect(program.value(buffer, UInt64.self) == 1)
            #expect(program.call(0, descriptor, buffer, 8) == -11)
            #expect(program.call(0, descriptor, buffer, 7) == -22)
        }

        @Test("ITIMER_VIRTUAL waits for the program's own time, and for no other")
        func virtualTimer() throws {
            let value = program.room(32)
            try program.process.space.store((UInt64(0), UInt64(0), UInt64(5), UInt64(0)), at: value)
            #expect(program.call(38, 1, value, 0) == 0)
            let timer = try #require(program.process.timers)
            thread.systemTime = 100_000_000_000
            #expect(program.call(36, 1, value) == 0)
            #expect(program.value(value + 16, UInt64.self) == 5)
            thread.userTime = 6_000_000_000
            #expect(program.call(36, 1, value) == 0)
            #expect(program.value(value + 16, UInt64.self) == 0)
            timer.end()
            program.process.timers = nil
        }

        @Test("times that are no times are EINVAL")
        func badTimes() throws {
            let words = program.place([UInt8](repeating: 0xFF, count: 32))
            #expect(program.call(35, words, 0) == -22)
            #expect(program.call(38, 0, words, 0) == -22)
            #expect(program.call(38, 3, words, 0) == -22)
            #expect(program.call(230, 1, 0, words, 0) == -22)
            #expect(program.call(228, 77, words) == -22)
        }
    }
}
