/// Clocks, sleeping, interval timers; scheduling is in a file of its own.
/// - Returns: nil for a number that is not one of these.
func timeSystemCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno)
    -> Int?
{
    let space = thread.process.space
    switch call {
    case .sched_yield:
        Scheduler.yield()
        return 0
    case .nanosleep:
        try sleep(thread, for: try loadTimespec(space, arguments.a), remaining: arguments.b)
        return 0
    case .getitimer, .alarm, .setitimer: return try thread.process.intervalTimerCall(call, arguments)
    case .timer_create, .timer_settime, .timer_gettime, .timer_getoverrun, .timer_delete:
        return try timerCall(call, arguments, thread)
    case .timerfd_create, .timerfd_settime, .timerfd_gettime:
        return try timerFileCall(call, arguments, thread)
    case .gettimeofday:
        if arguments.a != 0 {
            let now = Clock.realtime
            try space.store((now / 1_000_000_000, now / 1000 % 1_000_000), at: arguments.a)
        }
        if arguments.b != 0 { try space.store(UInt64(0), at: arguments.b) }
        return 0
    case .times:  // in ticks of 10 ms
        let usage = thread.process.usage
        let child = thread.process.childUsage
        if arguments.a != 0 {
            let tick: UInt64 = 10_000_000
            try space.store(
                (usage.user / tick, usage.system / tick, child.user / tick, child.system / tick),
                at: arguments.a)
        }
        return Int(Clock.monotonic / 10_000_000)
    case .time:
        let seconds = Clock.realtime / 1_000_000_000
        if arguments.a != 0 { try space.store(seconds, at: arguments.a) }
        return Int(seconds)
    case .clock_settime:
        guard thread.process.credentials.has(.setTime) else { throw .notPermitted }
        guard arguments.a == 0 else { throw .invalidArgument }
        let wanted = try loadTimespec(space, arguments.b)
        guard wanted < Clock.latestWallClock else { throw .invalidArgument }
        Clock.wallClockOffset &+= Int64(bitPattern: wanted &- Clock.realtime)
        VDSO.clockChanged()
        return 0
    case .clock_gettime:
        try storeTimespec(space, try clock(arguments.a, thread), at: arguments.b)
        return 0
    case .clock_getres:
        let now = try clock(arguments.a, thread)
        if arguments.b != 0 && now >= 0 { try storeTimespec(space, 1, at: arguments.b) }
        return 0
    case .clock_nanosleep: return try clockSleep(arguments, thread)
    default: return nil
    }
}

/// struct timespec: seconds and nanoseconds, as nanoseconds.
/// - Throws: `.invalidArgument` for negative times or a second's worth of nanoseconds; `.badAddress`.
func loadTimespec(_ space: AddressSpace, _ address: UInt64) throws(Errno) -> UInt64 {
    let seconds = try space.load(Int64.self, at: address)
    let nanoseconds = try space.load(Int64.self, at: address &+ 8)
    guard seconds >= 0, nanoseconds >= 0, nanoseconds < 1_000_000_000 else { throw .invalidArgument }
    let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : whole.addingClamped(UInt64(nanoseconds))
}

func storeTimespec(_ space: AddressSpace, _ nanoseconds: UInt64, at address: UInt64) throws(Errno) {
    try space.store((nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000), at: address)
}

extension UInt64 {
    func addingClamped(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}

extension Clock {
    /// What a wall clock may be set to must be less (Linux's TIME_SETTOD_SEC_MAX): 30 years before nanoseconds stop fitting
    /// 63 bits.
    static let latestWallClock: UInt64 = 8_277_292_036 * 1_000_000_000

    /// International atomic time, CLOCK_TAI, is ahead of the wall clock by so many nanoseconds since 2017.
    static let atomicOffset: UInt64 = 37_000_000_000
    static var atomicTime: UInt64 { realtime &+ atomicOffset }

    /// The `monotonic` time at which the wall clock will show `realtime`.
    static func monotonicTime(ofRealtime realtime: UInt64) -> UInt64 {
        realtime > wallClockBase ? realtime - wallClockBase : 0
    }
}

/// Nanoseconds on the clock with number `id` (clock_gettime(2)).
func clock(_ id: UInt64, _ thread: Thread) throws(Errno) -> UInt64 {
    switch id {
    case 0, 5, 8: return Clock.realtime
    case 11: return Clock.atomicTime
    case 1, 4, 6, 7, 9: return Clock.monotonic
    case 2:
        let usage = thread.process.usage
        return usage.user + usage.system + sinceEntry
    case 3: return thread.userTime + thread.systemTime + sinceEntry
    default:
        // A process's or thread's CPU clock, as clock_getcpuclockid makes them: ~pid << 3 | kind, kind 4 for a thread.
        let encoded = Int32(truncatingIfNeeded: id)
        guard encoded < 0 else { throw .invalidArgument }
        let target = ~(encoded >> 3)
        if encoded & 4 != 0 {
            guard let other = target == 0 ? thread : thread.process.threads.first(where: { $0.id == target })
            else { throw .invalidArgument }
            return other.userTime + other.systemTime
        }
        guard let process = target == 0 ? thread.process : Processes.find(target) else {
            throw .invalidArgument
        }
        return process.usage.user + process.usage.system
    }
}

/// What the running system call has cost so far.
private var sinceEntry: UInt64 { Clock.monotonic &- Counters.lastEntry }

private func sleep(_ thread: Thread, for nanoseconds: UInt64, remaining: UInt64) throws(Errno) {
    let deadline = thread.takeRestartDeadline() ?? Clock.monotonic.addingClamped(nanoseconds)
    do throws(Errno) {
        while try Scheduler.sleep(until: deadline, interruptible: true) {}
    } catch {
        let now = Clock.monotonic
        if remaining != 0 {
            try storeTimespec(thread.process.space, deadline > now ? deadline - now : 0, at: remaining)
        }
        throw thread.restart(until: deadline)
    }
}

extension Thread {
    /// A relative wait was interrupted: if no handler runs (a stop and SIGCONT), it goes on to the deadline it had.
    func restart(until deadline: UInt64) -> Errno {
        restartDeadline = deadline
        return .restartWithoutHandler
    }

    /// The deadline of the wait that this system call goes on with, if it is a restart.
    func takeRestartDeadline() -> UInt64? {
        defer { restartDeadline = nil }
        return restartDeadline
    }
}

private func clockSleep(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    guard [0, 1, 7, 8, 9, 11].contains(arguments.a) else {
        return try sleepByProcessorTime(arguments, thread)
    }
    let space = thread.process.space
    let time = try loadTimespec(space, arguments.c)
    if arguments.b & 1 == 0 {
        try sleep(thread, for: time, remaining: arguments.d)
    } else {
        let deadline: UInt64 =
            switch arguments.a {
            case 0, 8: Clock.monotonicTime(ofRealtime: time)
            case 11: Clock.monotonicTime(ofRealtime: time - min(time, Clock.atomicOffset))
            default: time
            }
        do throws(Errno) {
            while try Scheduler.sleep(until: deadline, interruptible: true) {}
        } catch {
            throw .restartWithoutHandler
        }
    }
    return 0
}

/// clock_nanosleep(2) on the CPU time of the process, which its other threads spend. It passes at most as fast as real time.
private func sleepByProcessorTime(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    guard arguments.a == 2 else { throw .invalidArgument }
    let space = thread.process.space
    let clock = TimerClock.processTime(thread.process, includesSystem: true)
    let isAbsolute = arguments.b & 1 != 0
    let time = try loadTimespec(space, arguments.c)
    let end = isAbsolute ? time : clock.now.addingClamped(time)
    do throws(Errno) {
        while true {
            let now = clock.now
            if now >= end { break }
            let left = max(end - now, 1_000_000)
            _ = try Scheduler.sleep(until: Clock.monotonic.addingClamped(left), interruptible: true)
        }
    } catch {
        let now = clock.now
        if !isAbsolute && arguments.d != 0 {
            try storeTimespec(space, end > now ? end - now : 0, at: arguments.d)
        }
        throw .restartWithoutHandler
    }
    return 0
}
