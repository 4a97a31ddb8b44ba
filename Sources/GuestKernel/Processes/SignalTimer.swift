/// A timer whose expiration is a signal to its process, or to one thread of it.
final class SignalTimer: ClockTimer {
    // Where the interval is shorter than an interrupt, the handler and its return take, a program would never get beyond its
    // handler. So after one of a short timer it goes on for a while; what comes meanwhile is overrun. In nanoseconds:
    private static let shortInterval: UInt64 = 1_000_000
    private static let shortestRest: UInt64 = 100_000

    private let process: Process
    private let thread: Thread?
    private var info: SignalInfo
    /// The number timer_create(2) gave it; nil for an interval timer.
    private let id: Int32?
    /// Its own signal is pending.
    private var isQueued = false
    /// Expirations that the signal taken last stands for, besides its own: timer_getoverrun(2).
    private(set) var overrun: UInt64 = 0

    /// When a handler was given its signal, if that has not returned; and how long the next may take, by what the last took.
    private var takenAt: UInt64?
    private var rest = shortestRest

    var signal: Int32 { info.signal }
    /// Its signal as a set; empty where it sends none.
    var bit: UInt64 { info.signal == 0 ? 0 : Signal.bit(info.signal) }
    private var pending: UInt64 { (thread?.signals.pending ?? process.signals.pending).bits }
    /// Held, and no signal of its own will be taken: it was ignored, or is not sent twice.
    var isForgotten: Bool { isHeld && !isQueued }

    /// - Parameter signal: 0 sends nothing (SIGEV_NONE).
    init(
        _ clock: TimerClock, process: Process, thread: Thread? = nil, signal: Int32, id: Int32? = nil,
        value: UInt64 = 0
    ) {
        self.process = process
        self.thread = thread
        self.id = id
        info = SignalInfo(signal, code: id == nil ? SignalInfo.kernel : SignalInfo.timer)
        if let id { info.detail[0] = UInt64(UInt32(bitPattern: id)) }
        info.detail[1] = value
        super.init(clock)
    }

    /// ITIMER_VIRTUAL and ITIMER_PROF go on whether their signal was taken or not, as with Linux's tick.
    override func expired() -> Bool {
        guard info.signal != 0 else { return true }
        // Of an ordinary signal there is at most one, whoever sent it.
        let isNew = info.signal >= Signal.firstRealTime || pending & bit == 0
        let isAccepted = isNew && (thread?.receive(info) ?? process.receive(info))
        isQueued = isAccepted && pending & bit != 0
        if case .processTime = clock, id == nil { return false }
        return true
    }

    private var isShort: Bool { interval > 0 && interval < Self.shortInterval }

    /// Its signal was taken from those that are pending, or is to be counted as if it had been.
    func wasTaken(forHandler: Bool) {
        isQueued = false
        let rests = forHandler && isShort
        takenAt = rests ? Clock.monotonic : nil
        overrun = resume(after: rests ? rest : 0)
    }

    /// The program goes on where a handler had interrupted it.
    func handlerReturned() {
        guard isShort else { return }
        if let takenAt {
            let cost = Clock.monotonic &- takenAt
            rest = min(max(cost.multipliedClamped(by: 2), Self.shortestRest), Self.shortInterval)
            self.takenAt = nil
        }
        postpone(by: rest)
    }

    /// Its signal was thrown away.
    func wasDiscarded() { isQueued = false }
}

extension Thread {
    /// Takes the next of `wanted` that is pending for this thread or its process, for a handler or for who waits for it. A
    /// timer that sent it is set anew.
    func takePending(_ wanted: UInt64, forHandler: Bool = false) -> SignalInfo? {
        guard var info = signals.pending.take(wanted) ?? process.signals.pending.take(wanted) else {
            return nil
        }
        process.timers?.signalTaken(&info, forHandler: forHandler)
        return info
    }
}
