/// What a timer measures.
enum TimerClock {
    case monotonic
    /// The wall clock. A later clock_settime(2) does not move what was set before.
    case realtime
    /// CLOCK_TAI, as far ahead of the wall clock as ever.
    case atomicTime
    /// CPU time of a process: its programs' alone, or the kernel's work for them too.
    case processTime(Process, includesSystem: Bool)
    case threadTime(Thread)

    /// Nanoseconds.
    var now: UInt64 {
        switch self {
        case .monotonic: return Clock.monotonic
        case .realtime: return Clock.realtime
        case .atomicTime: return Clock.atomicTime
        case .processTime(let process, let includesSystem):
            let usage = process.usage
            return usage.user &+ (includesSystem ? usage.system : 0)
        case .threadTime(let thread): return thread.userTime &+ thread.systemTime
        }
    }

    fileprivate var isCPUTime: Bool {
        switch self {
        case .monotonic, .realtime, .atomicTime: false
        case .processTime, .threadTime: true
        }
    }
}

/// A timer with an interval, on any clock. CPU time passes at most as fast as real time, so a CPU timer is looked at again
/// when it could have come at the earliest; no tick is needed.
///
/// As on Linux a timer that has come is held until somebody has taken notice: read its descriptor, taken its signal. Only
/// then is it set anew, ahead by as many intervals as have passed. So a nanosecond's interval costs what its reader takes.
class ClockTimer: Timers.Alarm {
    /// How soon a CPU timer is looked at again, at least, in nanoseconds.
    private static let shortestLook: UInt64 = 1_000_000

    final let clock: TimerClock
    /// On `clock`; nil: not set.
    final private(set) var expiry: UInt64?
    final private(set) var interval: UInt64 = 0
    /// `expiry` has come, and `resume` has not been called since.
    final private(set) var isHeld = false

    init(_ clock: TimerClock) { self.clock = clock }

    /// The time has come.
    /// - Returns: whether somebody will `resume` it; a timer with an interval goes on at once otherwise.
    func expired() -> Bool { false }

    /// - Parameters:
    ///   - expiry: on `clock`; nil stops the timer.
    ///   - interval: nanoseconds between later expirations; 0: there are none.
    final func set(at expiry: UInt64?, interval: UInt64) {
        self.expiry = expiry
        self.interval = interval
        isHeld = false
        if expiry == nil { Timers.cancel(self) } else { schedule() }
    }

    /// Nanoseconds until it comes next, at least 1; 0 if it is not set.
    final var remaining: UInt64 {
        guard let expiry else { return 0 }
        let now = clock.now
        if expiry > now { return expiry - now }
        return isHeld ? interval - (now - expiry) % interval : 1
    }

    /// Sets a timer that was held anew: to the first time of its interval that is still to come.
    /// - Parameter rest: nanoseconds from now in which it does not come, whatever its interval.
    /// - Returns: how often it has come beside the one time that was noticed.
    @discardableResult
    final func resume(after rest: UInt64 = 0) -> UInt64 {
        guard isHeld, let due = expiry else { return 0 }
        isHeld = false
        let now = clock.now
        let missed = now > due ? (now - due) / interval : 0
        expiry = due.addingClamped(missed.addingClamped(1).multipliedClamped(by: interval))
        schedule(after: rest)
        return missed
    }

    /// It does not come within `rest` nanoseconds from now.
    final func postpone(by rest: UInt64) {
        if expiry != nil, !isHeld, deadline < Clock.monotonic.addingClamped(rest) { schedule(after: rest) }
    }

    private final func schedule(after rest: UInt64 = 0) {
        let wait = max(remaining, clock.isCPUTime ? Self.shortestLook : rest)
        Timers.set(self, at: Clock.monotonic.addingClamped(wait))
    }

    override final func fire() {
        guard let due = expiry else { return }
        if clock.now < due { return schedule() }
        if interval == 0 {
            expiry = nil
            _ = expired()
            return
        }
        isHeld = true
        if !expired() { resume() }
    }
}

extension UInt64 {
    func multipliedClamped(by other: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
