/// The timers of one process. They refer to it, so `end()` must come when it ends.
final class ProcessTimers {
    /// ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF (getitimer(2)).
    fileprivate var intervals: [SignalTimer] = []
    /// timer_create(2); the index is the number.
    var posix: [SignalTimer?] = []
    fileprivate var cpuLimit: CPULimit?

    fileprivate init(_ process: Process) {
        intervals = [
            SignalTimer(.monotonic, process: process, signal: Signal.alarm),
            SignalTimer(
                .processTime(process, includesSystem: false), process: process, signal: Signal.virtualAlarm),
            SignalTimer(
                .processTime(process, includesSystem: true), process: process, signal: Signal.profile),
        ]
    }

    /// A signal was taken from those that are pending: the timers that wait for that go on. `info` is told the overrun.
    func signalTaken(_ info: inout SignalInfo, forHandler: Bool) {
        if info.signal == Signal.alarm { intervals.first?.wasTaken(forHandler: forHandler) }
        if info.code == SignalInfo.timer {
            let id = UInt64(UInt32(truncatingIfNeeded: info.detail[0]))
            if id < UInt64(posix.count), let timer = posix[Int(id)], timer.signal == info.signal {
                timer.wasTaken(forHandler: forHandler)
                info.detail[0] = id | min(timer.overrun, UInt64(Int32.max)) << 32
            }
        }
        resumeForgotten(info.signal, forHandler: forHandler)
    }

    /// rt_sigreturn(2).
    func handlerReturned() {
        intervals.first?.handlerReturned()
        for timer in posix { timer?.handlerReturned() }
    }

    /// Signals that were pending are so no more, and nobody has had them.
    func signalsDiscarded(_ signals: UInt64) {
        for timer in posix { if let timer, signals & timer.bit != 0 { timer.wasDiscarded() } }
    }

    /// A signal is ignored no more, or can be sent again: timers that could not send it go on.
    func resumeForgotten(_ signal: Int32, forHandler: Bool = false) {
        for timer in posix {
            if let timer, timer.signal == signal, timer.isForgotten { timer.wasTaken(forHandler: forHandler) }
        }
    }

    /// exec(2) keeps interval timers, but not these.
    func endPOSIX() {
        for timer in posix { timer?.set(at: nil, interval: 0) }
        posix = []
    }

    func end() {
        endPOSIX()
        for timer in intervals { timer.set(at: nil, interval: 0) }
        intervals = []
        cpuLimit?.set(at: nil, interval: 0)
        cpuLimit = nil
    }
}

/// RLIMIT_CPU: SIGXCPU every second from the soft limit on, SIGKILL at the hard one (setrlimit(2)).
private final class CPULimit: ClockTimer {
    private let process: Process

    init(_ process: Process) {
        self.process = process
        super.init(.processTime(process, includesSystem: true))
    }

    override func expired() -> Bool {
        let used = clock.now / 1_000_000_000
        if used >= process.limits.hard[0] {
            sendSignal(Signal.kill, toProcess: process)
        } else {
            sendSignal(Signal.cpuLimit, toProcess: process)
        }
        return false
    }
}

extension Process {
    func requireTimers() -> ProcessTimers {
        if let timers { return timers }
        let new = ProcessTimers(self)
        timers = new
        return new
    }

    /// After RLIMIT_CPU was set or inherited.
    func watchCPULimit() {
        let second: UInt64 = 1_000_000_000
        guard limits.soft[0] != ResourceLimits.infinity else {
            timers?.cpuLimit?.set(at: nil, interval: 0)
            return
        }
        let timers = requireTimers()
        let limit = timers.cpuLimit ?? CPULimit(self)
        timers.cpuLimit = limit
        limit.set(at: max(limits.soft[0].multipliedClamped(by: second), 1), interval: second)
    }

    /// getitimer (36), alarm (37), setitimer (38).
    func intervalTimerCall(_ call: SystemCall, _ arguments: SystemCallArguments) throws(Errno) -> Int {
        if call == .alarm {
            let timer = requireTimers().intervals[0]
            // A timer may be set to what no clock will ever show.
            let left = timer.remaining.addingClamped(500_000_000) / 1_000_000_000
            let isPending = timer.expiry != nil
            let seconds = arguments.a & 0xFFFF_FFFF
            let now = timer.clock.now
            timer.set(at: seconds == 0 ? nil : now.addingClamped(seconds * 1_000_000_000), interval: 0)
            return isPending ? Int(max(left, 1)) : 0
        }
        guard arguments.a <= 2 else { throw .invalidArgument }
        // BOUNDED: by the three timers, just before.
        let timer = requireTimers().intervals[Int(arguments.a)]
        // As on Linux nothing remains of one that has come and whose signal nobody has taken.
        let old = (timer.interval, timer.isHeld ? 0 : timer.remaining)
        let oldAddress = call == .getitimer ? arguments.b : arguments.c
        if call == .setitimer {
            var interval: UInt64 = 0
            var value: UInt64 = 0
            if arguments.b != 0 {
                interval = try loadTimeval(arguments.b)
                value = try loadTimeval(arguments.b &+ 16)
            }
            timer.set(at: value == 0 ? nil : timer.clock.now.addingClamped(value), interval: interval)
        }
        if oldAddress != 0 {
            try space.store(
                (
                    old.0 / 1_000_000_000, old.0 / 1000 % 1_000_000, old.1 / 1_000_000_000,
                    old.1 / 1000 % 1_000_000
                ),
                at: oldAddress)
        }
        return 0
    }

    private func loadTimeval(_ address: UInt64) throws(Errno) -> UInt64 {
        let seconds = try space.load(Int64.self, at: address)
        let microseconds = try space.load(Int64.self, at: address &+ 8)
        guard seconds >= 0, microseconds >= 0, microseconds < 1_000_000 else { throw .invalidArgument }
        return UInt64(seconds).multipliedClamped(by: 1_000_000_000).addingClamped(UInt64(microseconds) * 1000)
    }
}
