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
            let taken = thread.takePending(.max)
            let info = try #require(taken)
            #expect(info.signal == 34)
            #expect(info.code == SignalInfo.timer)
            #expect(info.detail[1] == 0x77)
            #expect(program.call(225, id) == Int(info.detail[0] >> 32))
            #expect(thread.takePending(.max) == nil)
            #expect(program.call(226, id) == 0)
            #expect(program.call(226, id) == -22)
        }

        /// A POSIX timer on CLOCK_MONOTONIC that sends `signal`; its number.
        private func makeTimer(_ signal: Int32) throws -> UInt64 {
            let event = program.place([UInt8](repeating: 0, count: 64))
            try program.process.space.store((UInt64(0), signal, Int32(0)), at: event)
            let number = program.room(4)
            #expect(program.call(222, 1, event, number) == 0)
            return UInt64(program.value(number, UInt32.self))
        }

        private func pendingCount(_ signal: Int32) -> Int {
            var pending = program.process.signals.pending
            var count = 0
            while pending.take(Signal.bit(signal)) != nil { count += 1 }
            return count
        }

        @Test("of a nanosecond's interval one signal is pending until it is taken, whatever passes, and tells what it missed")
        func shortestInterval() throws {
            for signal: Int32 in [34, 10] {
                let id = try makeTimer(signal)
                #expect(program.call(223, id, 0, try times(1, 1), 0) == 0)
                for _ in 0..<100 { Timers.expire() }
                #expect(pendingCount(signal) == 1)
                let held = program.process.timers?.posix[Int(id)]?.expiry
                let first = thread.takePending(.max)
                #expect(try #require(first).detail[0] >> 32 > 0)
                #expect(program.call(225, id) > 0)
                // Ahead by all that has passed at once, and after a rest.
                let next = try #require(program.process.timers?.posix[Int(id)]?.expiry)
                #expect(next > held ?? .max)
                let deadline = try #require(program.process.timers?.posix[Int(id)]?.deadline)
                #expect(deadline >= next && deadline < .max)
                #expect(program.call(226, id) == 0)
            }
        }

        @Test("two timers that send the same real-time signal have one pending each")
        func sharedSignal() throws {
            let ids = [try makeTimer(34), try makeTimer(34)]
            for id in ids { #expect(program.call(223, id, 0, try times(1, 1), 0) == 0) }
            for _ in 0..<10 { Timers.expire() }
            #expect(pendingCount(34) == 2)
            for id in ids {
                let taken = thread.takePending(.max)
                #expect(try #require(taken).detail[0] & 0xFFFF_FFFF == id)
            }
            for id in ids { #expect(program.call(226, id) == 0) }
        }

        @Test("a timer whose signal is ignored comes no more, and goes on when it is ignored no longer")
        func ignoredSignal() throws {
            let id = try makeTimer(34)
            thread.signals.blocked = 0
            program.process.signals.actions[34] = SignalAction(handler: SignalAction.ignore)
            #expect(program.call(223, id, 0, try times(1, 1), 0) == 0)
            Timers.expire()
            let timer = try #require(program.process.timers?.posix[Int(id)])
            #expect(timer.isHeld && timer.deadline == .max)
            #expect(pendingCount(34) == 0)
            let action = program.place([UInt8](repeating: 0, count: 32))
            try program.process.space.store(UInt64(0x1234), at: action)
            #expect(program.call(13, 34, action, 0, 8) == 0)
            #expect(!timer.isHeld && timer.deadline < .max)
            #expect(program.call(226, id) == 0)
        }

        @Test("a signal that somebody else has sent stands for the timer's too: it goes on when that one is taken")
        func foreignSignal() throws {
            let id = try makeTimer(10)
            program.process.receive(SignalInfo(10, code: SignalInfo.user, from: program.process))
            #expect(program.call(223, id, 0, try times(1, 1), 0) == 0)
            Timers.expire()
            let timer = try #require(program.process.timers?.posix[Int(id)])
            #expect(timer.isHeld)
            #expect(thread.takePending(.max)?.code == SignalInfo.user)
            #expect(!timer.isHeld)
            #expect(program.call(226, id) == 0)
        }

        @Test("ITIMER_REAL of a microsecond: one SIGALRM until it is taken; and its remaining time stays within its interval")
        func realInterval() throws {
            let value = program.room(32)
            try program.process.space.store((UInt64(0), UInt64(1), UInt64(0), UInt64(1)), at: value)
            #expect(program.call(38, 0, value, 0) == 0)
            let now = Clock.monotonic
            while Clock.monotonic < now + 10_000 {}
            for _ in 0..<100 { Timers.expire() }
            #expect(pendingCount(Signal.alarm) == 1)
            #expect(program.call(36, 0, value) == 0)
            #expect(program.value(value + 16, UInt64.self) == 0)
            #expect(program.value(value + 24, UInt64.self) <= 1)
            #expect(thread.takePending(.max)?.signal == Signal.alarm)
            #expect(thread.takePending(.max) == nil)
            program.process.timers?.end()
            program.process.timers = nil
        }

        @Test("alarm(2) after a time that no clock ever shows says what is left of it, as far as that fits")
        func alarmAfterForever() throws {
            let value = program.room(32)
            try program.process.space.store((UInt64(0), UInt64(0), UInt64(Int64.max), UInt64(0)), at: value)
            #expect(program.call(38, 0, value, 0) == 0)
            #expect(program.call(37, 0) > 1_000_000_000)
            #expect(program.call(37, 0) == 0)
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

        @Test("a timerfd of a nanosecond's interval is set anew by its reader alone, who is told all that passed")
        func shortestTimerFile() throws {
            let descriptor = UInt64(program.call(283, 1, 0o4000))
            let buffer = program.room(8)
            let begin = Clock.monotonic
            #expect(program.call(286, descriptor, 0, try times(1, 1), 0) == 0)
            var sum: UInt64 = 0
            for _ in 0..<10 {
                Timers.expire()
                let held = Timers.nextDeadline
                Timers.expire()
                #expect(Timers.nextDeadline == held)
                #expect(program.call(0, descriptor, buffer, 8) == 8)
                sum += program.value(buffer, UInt64.self)
            }
            #expect(sum > 10 && sum <= Clock.monotonic - begin)
            #expect(program.call(3, descriptor) == 0)
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
