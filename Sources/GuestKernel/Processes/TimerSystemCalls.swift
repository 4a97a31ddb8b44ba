private let maximumTimers = 256

/// timer_create (222), timer_settime, timer_gettime, timer_getoverrun, timer_delete.
func timerCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    let process = thread.process
    let space = process.space
    if call == .timer_create { return try createTimer(arguments, thread) }
    // BOUNDED: by the number of timers, before it is an index; no other thread runs in between.
    guard let timers = process.timers, arguments.a < UInt64(timers.posix.count),
        let timer = timers.posix[Int(arguments.a)]
    else { throw .invalidArgument }
    switch call {
    case .timer_settime: try setTimer(timer, arguments, space)
    case .timer_gettime: try storeTimer(timer, space, at: arguments.b)
    case .timer_getoverrun: return Int(min(timer.overrun, UInt64(Int32.max)))
    default:
        timer.set(at: nil, interval: 0)
        // BOUNDED: as above.
        timers.posix[Int(arguments.a)] = nil
    }
    return 0
}

/// The clock of a timer; CPU-time clocks of the caller's own only.
private func timerClock(_ id: UInt64, _ thread: Thread) throws(Errno) -> TimerClock {
    switch Int32(truncatingIfNeeded: id) {
    case 0, 8: return .realtime
    case 11: return .atomicTime
    case 1, 7, 9: return .monotonic
    case 2: return .processTime(thread.process, includesSystem: true)
    case 3: return .threadTime(thread)
    case let encoded:
        // As clock_getcpuclockid(3) makes them: ~number << 3 | kind, kind 4 for a thread.
        let target = ~(encoded >> 3)
        guard encoded < 0, encoded & 3 <= 2 else { throw .invalidArgument }
        if encoded & 4 == 0 {
            guard target == 0 || target == thread.process.id else { throw .invalidArgument }
            return .processTime(thread.process, includesSystem: encoded & 3 != 1)
        }
        let other = target == 0 ? thread : thread.process.threads.first { $0.id == target }
        guard let other else { throw .invalidArgument }
        return .threadTime(other)
    }
}

/// struct sigevent: value u64, signal i32, kind i32, thread i32.
private func createTimer(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    let space = thread.process.space
    let clock = try timerClock(arguments.a, thread)
    let timers = thread.process.requireTimers()
    let free = timers.posix.firstIndex { $0 == nil } ?? timers.posix.count
    guard free < maximumTimers else { throw .wouldBlock }
    var value = UInt64(free)
    var signal = Signal.alarm
    var target: Thread?
    if arguments.b != 0 {
        value = try space.load(UInt64.self, at: arguments.b)
        let wanted = try space.load((Int32, Int32, Int32).self, at: arguments.b &+ 8)
        switch wanted.1 {
        case 0, 2:  // SIGEV_SIGNAL; SIGEV_THREAD is the C library's
            signal = wanted.0
        case 1: signal = 0  // SIGEV_NONE
        case 4:  // SIGEV_THREAD_ID
            signal = wanted.0
            target = thread.process.threads.first { $0.id == wanted.2 }
            guard target != nil else { throw .invalidArgument }
        default: throw .invalidArgument
        }
        guard wanted.1 == 1 || Signal.isValid(signal) else { throw .invalidArgument }
    }
    let timer = SignalTimer(
        clock, process: thread.process, thread: target, signal: signal, id: Int32(free), value: value)
    try space.store(Int32(free), at: arguments.c)
    if free == timers.posix.count { timers.posix.append(timer) } else { timers.posix[free] = timer }
    return 0
}

/// timer_settime and timerfd_settime: which, flags (1: absolute), new and old struct itimerspec.
private func setTimer(
    _ timer: ClockTimer, _ arguments: SystemCallArguments, _ space: AddressSpace
) throws(Errno) {
    let interval = try loadTimespec(space, arguments.c)
    let value = try loadTimespec(space, arguments.c &+ 16)
    if arguments.d != 0 { try storeTimer(timer, space, at: arguments.d) }
    if value == 0 { return timer.set(at: nil, interval: 0) }
    let isAbsolute = arguments.b & 1 != 0
    timer.set(at: isAbsolute ? value : timer.clock.now.addingClamped(value), interval: interval)
}

private func storeTimer(_ timer: ClockTimer, _ space: AddressSpace, at address: UInt64) throws(Errno) {
    try storeTimespec(space, timer.interval, at: address)
    try storeTimespec(space, timer.remaining, at: address &+ 16)
}

// MARK: timerfd

/// timerfd_create (283), timerfd_settime, timerfd_gettime.
func timerFileCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno)
    -> Int
{
    let process = thread.process
    if call == .timerfd_create {
        let clock: TimerClock
        switch arguments.a {
        case 0, 8: clock = .realtime
        case 1, 7, 9: clock = .monotonic
        default: throw .invalidArgument
        }
        let flags = UInt32(truncatingIfNeeded: arguments.b)
        guard flags & ~(OpenFlags.nonblocking | OpenFlags.closeOnExec) == 0 else { throw .invalidArgument }
        let file = TimerFile(clock, flags: flags & OpenFlags.nonblocking)
        let limit = Int(min(process.limits.soft[7], 1 << 20))
        return Int(try process.files.add(file, closeOnExec: flags & OpenFlags.closeOnExec != 0, limit: limit))
    }
    guard let timer = try process.files.file(Int32(truncatingIfNeeded: arguments.a)).asTimer else {
        throw .invalidArgument
    }
    if call == .timerfd_gettime {
        try storeTimer(timer, process.space, at: arguments.b)
    } else {
        guard arguments.b & ~3 == 0 else { throw .invalidArgument }
        try setTimer(timer, arguments, process.space)
        timer.forget()
    }
    return 0
}

/// A timer that counts, for a timerfd.
final class CountingTimer: ClockTimer {
    /// It has come, and nobody has read how often.
    private(set) var isDue = false
    let changed = WaitQueue()

    override func expired() -> Bool {
        isDue = true
        changed.wakeAll()
        return true
    }

    /// How often it has come since the last time. It is set anew.
    func take() -> UInt64 {
        guard isDue else { return 0 }
        isDue = false
        return resume().addingClamped(1)
    }

    /// It was set to another time.
    func forget() { isDue = false }
}

/// A timerfd(2): reading gives the number of expirations since the last time.
final class TimerFile: File {
    private let timer: CountingTimer
    private let number = AnonymousInode.newNumber()

    init(_ clock: TimerClock, flags: UInt32) {
        timer = CountingTimer(clock)
        super.init(flags: flags | OpenFlags.readWrite)
    }

    // Timers keeps a timer that is set alive; nobody would stop it otherwise.
    deinit { timer.set(at: nil, interval: 0) }

    override var givesToSplice: Bool { false }
    override var takesFromSplice: Bool { false }
    override var asTimer: CountingTimer? { timer }
    override func status() throws(Errno) -> FileStatus { AnonymousInode.status(number: number) }
    override func describe() -> [UInt8] { Text.bytes("anon_inode:[timerfd]") }

    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        guard buffer.remaining >= 8 else { throw .invalidArgument }
        while true {
            let count = timer.take()
            if count > 0 { return try buffer.put(count) }
            if isNonblocking { throw .wouldBlock }
            try timer.changed.wait()
        }
    }

    override func readiness() -> PollEvents { timer.isDue ? [.readable] : [] }
    override var readinessChanged: WaitQueue? { timer.changed }
}
