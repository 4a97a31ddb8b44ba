/// ITIMER_REAL (getitimer(2)) and alarm(2): a signal when the time comes, again and again if it has an interval.
final class IntervalTimer {
    private let alarm: Timers.Alarm
    private var interval: UInt64 = 0

    init(process: Process) {
        // The timer belongs to the process and is cancelled when it ends, which breaks the cycle.
        let box = Box()
        alarm = Timers.Alarm {
            guard let timer = box.timer else { return }
            sendSignal(14, toProcess: process)
            if timer.interval > 0 { timer.set(after: timer.interval, interval: timer.interval) }
        }
        box.timer = self
        self.box = box
    }

    private final class Box {
        var timer: IntervalTimer?
    }
    private var box: Box?

    var remaining: UInt64 {
        if alarm.deadline == .max { return 0 }
        let now = Clock.monotonic
        return max(1, alarm.deadline > now ? alarm.deadline - now : 0)
    }

    var currentInterval: UInt64 { interval }

    /// 0 stops it.
    func set(after nanoseconds: UInt64, interval: UInt64) {
        self.interval = interval
        if nanoseconds == 0 {
            Timers.cancel(alarm)
        } else {
            Timers.set(alarm, at: Clock.monotonic.addingClamped(nanoseconds))
        }
    }

    /// When its process ends.
    func end() {
        Timers.cancel(alarm)
        box?.timer = nil
        box = nil
    }
}

extension Process {
    /// getitimer (36), alarm (37), setitimer (38).
    func intervalTimerCall(_ number: UInt64, _ arguments: SystemCallArguments) throws(Errno) -> Int {
        if number == 37 {
            let timer = requireTimer()
            let left = (timer.remaining + 999_999_999) / 1_000_000_000
            timer.set(after: (arguments.a & 0xFFFF_FFFF) * 1_000_000_000, interval: 0)
            return Int(left)
        }
        guard arguments.a <= 2 else { throw .invalidArgument }
        if arguments.a != 0 {       // ITIMER_VIRTUAL, ITIMER_PROF
            SystemCalls.countUnsupported(UInt32(number))
            throw .invalidArgument
        }
        let timer = requireTimer()
        let old = (timer.currentInterval, timer.remaining)
        let oldAddress = number == 36 ? arguments.b : arguments.c
        if number == 38 {
            let interval = try loadTimeval(arguments.b)
            let value = try loadTimeval(arguments.b &+ 16)
            timer.set(after: value, interval: interval)
        }
        if oldAddress != 0 {
            try space.store(
                (old.0 / 1_000_000_000, old.0 / 1000 % 1_000_000, old.1 / 1_000_000_000, old.1 / 1000 % 1_000_000),
                at: oldAddress)
        }
        return 0
    }

    private func requireTimer() -> IntervalTimer {
        if let realTimer { return realTimer }
        let timer = IntervalTimer(process: self)
        realTimer = timer
        return timer
    }

    private func loadTimeval(_ address: UInt64) throws(Errno) -> UInt64 {
        let seconds = try space.load(Int64.self, at: address)
        let microseconds = try space.load(Int64.self, at: address &+ 8)
        guard seconds >= 0, microseconds >= 0, microseconds < 1_000_000 else { throw .invalidArgument }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : whole.addingClamped(UInt64(microseconds) * 1000)
    }
}
