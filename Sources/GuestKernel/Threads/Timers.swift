import GuestNucleus

/// Deadlines: sleeping threads and whatever else wants to be called at a time. One LAPIC one-shot serves them all.
enum Timers {
    /// Something to do at a time, in the kernel, between other things; it must not wait. A subclass says what.
    class Alarm {
        final fileprivate(set) var deadline: UInt64 = .max
        func fire() {}
    }

    // SAFETY: see Frames. Sorted by deadline, soonest last.
    nonisolated(unsafe) private static var sleepers: [Thread] = []
    nonisolated(unsafe) private static var alarms: [Alarm] = []
    nonisolated(unsafe) private static var armedFor: UInt64 = .max

    static var nextDeadline: UInt64 {
        min(sleepers.last?.deadline ?? .max, alarms.last?.deadline ?? .max)
    }

    static func add(_ thread: Thread) {
        var i = sleepers.count
        while i > 0 && sleepers[i - 1].deadline < thread.deadline { i -= 1 }
        sleepers.insert(thread, at: i)
    }

    static func remove(_ thread: Thread) {
        if let i = sleepers.lastIndex(where: { $0 === thread }) { sleepers.remove(at: i) }
    }

    /// Calls `alarm.fire` once, at `deadline` (`Clock.monotonic`); sets it anew if it was set.
    static func set(_ alarm: Alarm, at deadline: UInt64) {
        cancel(alarm)
        alarm.deadline = deadline
        var i = alarms.count
        while i > 0 && alarms[i - 1].deadline < deadline { i -= 1 }
        alarms.insert(alarm, at: i)
    }

    static func cancel(_ alarm: Alarm) {
        if let i = alarms.lastIndex(where: { $0 === alarm }) { alarms.remove(at: i) }
        alarm.deadline = .max
    }

    /// Wakes and calls everything whose time has come.
    static func expire() {
        if sleepers.isEmpty && alarms.isEmpty { return }
        let now = Clock.monotonic
        while let thread = sleepers.last, thread.deadline <= now {
            sleepers.removeLast()
            thread.didTimeOut = thread.state == .waiting
            Scheduler.wake(thread)
        }
        while let alarm = alarms.last, alarm.deadline <= now {
            alarms.removeLast()
            alarm.deadline = .max
            alarm.fire()
        }
    }

    /// Sets the LAPIC timer; a write costs a trap, so only when the time is another than the last.
    static func arm(for deadline: UInt64) {
        if deadline == armedFor { return }
        armedFor = deadline
        Interrupts.setTimer(nanoseconds: deadline == .max ? nil : deadline - min(deadline, Clock.monotonic))
    }

    /// The timer interrupt came: whatever it was set to is past.
    static func fired() { armedFor = .max }
}
