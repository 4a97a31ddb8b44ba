/// What a timer measures.
enum TimerClock {
    case monotonic
    /// The wall clock. A later clock_settime(2) does not move what was set before.
    case realtime
    /// CPU time of a process: its programs' alone, or the kernel's work for them too.
    case processTime(Process, includesSystem: Bool)
    case threadTime(Thread)

    /// Nanoseconds.
    var now: UInt64 {
        switch self {
        case .monotonic: return Clock.monotonic
        case .realtime: return Clock.realtime
        case .processTime(let process, let includesSystem):
            let usage = process.usage
            return usage.user &+ (includesSystem ? usage.system : 0)
        case .threadTime(let thread): return thread.userTime &+ thread.systemTime
        }
    }

    fileprivate var isCPUTime: Bool {
        switch self {
        case .monotonic, .realtime: false
        case .processTime, .threadTime: true
        }
    }
}

/// A timer with an interval, on any clock. CPU time passes at most as fast as real time, so a CPU timer is looked at again
/// when it could have come at the earliest; no tick is needed.
class ClockTimer: Timers.Alarm {
    /// How soon a CPU timer is looked at again, at least, in nanoseconds.
    private static let shortestLook: UInt64 = 1_000_000

    final let clock: TimerClock
    /// On `clock`; nil: not set.
    final private(set) var expiry: UInt64?
    final private(set) var interval: UInt64 = 0

    init(_ clock: TimerClock) { self.clock = clock }

    /// The time has come, `times` times since it last did.
    func expired(_ times: UInt64) {}

    /// - Parameters:
    ///   - expiry: on `clock`; nil stops the timer.
    ///   - interval: nanoseconds between later expirations; 0: there are none.
    final func set(at expiry: UInt64?, interval: UInt64) {
        self.expiry = expiry
        self.interval = interval
        if expiry == nil { Timers.cancel(self) } else { schedule() }
    }

    /// Nanoseconds until it comes, at least 1; 0 if it is not set.
    final var remaining: UInt64 {
        guard let expiry else { return 0 }
        let now = clock.now
        return expiry > now ? expiry - now : 1
    }

    private final func schedule() {
        let wait = clock.isCPUTime ? max(remaining, Self.shortestLook) : remaining
        Timers.set(self, at: Clock.monotonic.addingClamped(wait))
    }

    override final func fire() {
        guard let due = expiry else { return }
        let now = clock.now
        if now < due { return schedule() }
        if interval == 0 {
            expiry = nil
            return expired(1)
        }
        let missed = (now - due) / interval
        expiry = due.addingClamped((missed &+ 1).multipliedClamped(by: interval))
        schedule()
        expired(missed &+ 1)
    }
}

extension UInt64 {
    func multipliedClamped(by other: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}

/// A timer whose expiration is a signal to its process, or to one thread of it.
final class SignalTimer: ClockTimer {
    private let process: Process
    private let thread: Thread?
    private var info: SignalInfo
    /// The number timer_create(2) gave it; nil for an interval timer.
    let id: Int32?
    /// Expirations that the signal sent last stands for, besides its own: timer_getoverrun(2).
    private(set) var overrun: UInt64 = 0

    /// - Parameter signal: 0 sends nothing (SIGEV_NONE).
    init(
        _ clock: TimerClock, process: Process, thread: Thread? = nil, signal: Int32, id: Int32? = nil,
        value: UInt64 = 0
    ) {
        self.process = process
        self.thread = thread
        self.id = id
        info = SignalInfo(signal, code: id == nil ? SignalInfo.kernel : SignalInfo.timer)
        info.detail[1] = value
        super.init(clock)
    }

    override func expired(_ times: UInt64) {
        guard info.signal != 0 else { return }
        let pending = (thread?.signals.pending.bits ?? 0) | process.signals.pending.bits
        if id != nil, pending & Signal.bit(info.signal) != 0 {
            overrun &+= times
            return
        }
        overrun = times - 1
        if let id {
            let count = UInt64(min(overrun, UInt64(Int32.max)))
            info.detail[0] = UInt64(UInt32(bitPattern: id)) | count << 32
        }
        if let thread { thread.receive(info) } else { process.receive(info) }
    }
}
