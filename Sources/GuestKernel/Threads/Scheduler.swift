import GuestNucleus

/// Which thread runs: of the runnable ones who has had least of the processor, in virtual time, which passes the slower for
/// a thread the lower its nice value is. Who slept counts as one who has had as much as the least of the others, so a
/// sleeper that wakes is soon ahead of who computes, and saves up nothing. No tick: a timer interrupt is asked for only
/// while somebody else is waiting for the processor or for a time.
enum Scheduler {
    static let timeslice: UInt64 = 10_000_000  // ns
    /// How far the running thread may get ahead of one that wakes before it is interrupted. A switch costs two hundred
    /// microseconds where the host emulates it, so not for every byte in a pipe.
    static let wakeupGranularity: UInt64 = 3_000_000

    // SAFETY: see Frames. Set before the first thread runs and never nil after.
    nonisolated(unsafe) private static var running: Thread?
    static var current: Thread { running.unsafelyUnwrapped }
    #if !SWIFTLET_GUEST
    /// For the unit tests, which call the kernel as if they were a program's thread.
    static func impersonate(_ thread: Thread) { running = thread }
    #endif
    nonisolated(unsafe) private static var runnable = RunQueue()
    /// When the running thread began to, or was last charged for it.
    nonisolated(unsafe) private static var runsSince: UInt64 = 0
    /// The virtual time that the least served thread has had; never goes back.
    nonisolated(unsafe) private static var floor: UInt64 = 0
    nonisolated(unsafe) private static var sliceEnd: UInt64 = .max
    /// Exited threads whose stack could not be freed while it was in use.
    nonisolated(unsafe) private static var exited: Thread?

    /// Only the kernel's own threads run: while a machine is being saved, and in a restored one until its job is known.
    nonisolated(unsafe) static var holdsPrograms = false

    private static func takeNext() -> Thread? {
        holdsPrograms ? runnable.takeFirstKernelThread() : runnable.takeFirst()
    }

    /// Makes a thread (a new one, after `prepareStart`) a candidate.
    static func add(_ thread: Thread) {
        thread.state = .runnable
        let now = Clock.monotonic
        let isBusy = running?.state == .runnable
        if isBusy { charge(now) }
        raiseFloor(isBusy)
        thread.virtualTime = max(thread.virtualTime, floor)
        runnable.add(thread)
        if sliceEnd == .max { sliceEnd = now &+ timeslice }
        if isBusy { shortenSlice(for: thread, now) }
    }

    /// Notes what the running thread has had since it was last charged.
    private static func charge(_ now: UInt64) {
        let thread: Thread = current
        let time = now - min(now, runsSince)
        runsSince = now
        thread.virtualTime &+= thread.scheduling.virtualTime(time)
    }

    private static func raiseFloor(_ isBusy: Bool) {
        var least = runnable.firstTime ?? .max
        if isBusy { least = min(least, current.virtualTime) }
        if least != .max { floor = max(floor, least) }
    }

    /// `woken` has its turn once the running thread is ahead of it by more than the granularity.
    private static func shortenSlice(for woken: Thread, _ now: UInt64) {
        let due = woken.virtualTime &+ wakeupGranularity
        let lead = current.virtualTime
        sliceEnd = min(sliceEnd, lead >= due ? now : now &+ (due &- lead))
    }

    static func wake(_ thread: Thread) {
        guard thread.state == .waiting else { return }
        thread.wakeups &+= 1
        add(thread)
    }

    /// Stops the current thread until `wake` or the deadline. A signal wakes it too; what it waited for may have come with
    /// that signal, so only the next sleep throws, once the caller has looked.
    /// - Returns: false if the deadline passed first.
    /// - Throws: `.restart` if a signal is to be delivered (a fatal one only, when not `interruptible`).
    static func sleep(until deadline: UInt64, interruptible: Bool) throws(Errno) -> Bool {
        let thread: Thread = current
        if thread.hasDeliverableSignal(fatalOnly: !interruptible) { throw .restart }
        if deadline <= Clock.monotonic { return false }
        thread.state = .waiting
        thread.deadline = deadline
        thread.didTimeOut = false
        if deadline != .max { Timers.add(thread) }
        runAnother()
        if deadline != .max {
            Timers.remove(thread)
            thread.deadline = .max
        }
        return !thread.didTimeOut
    }

    /// The slice is over: whoever has had least goes on, which may be the running thread.
    static func endSlice() {
        charge(Clock.monotonic)
        runnable.add(current)
        runAnother()
    }

    /// Lets the next one have a turn, whoever has had more: sched_yield(2).
    static func yield() { goBehind(runnable.firstTime) }

    /// Everybody else who can run has a turn before the current thread goes on.
    static func yieldToAll() { goBehind(runnable.lastTime) }

    private static func goBehind(_ time: UInt64?) {
        guard let time else { return }
        let thread: Thread = current
        charge(Clock.monotonic)
        thread.virtualTime = max(thread.virtualTime, time)
        runnable.add(thread)
        runAnother()
    }

    /// The current thread ends; does not return. The caller's stack is never unwound: it must not hold references.
    static func exitCurrent() -> Never {
        var unused: UInt64 = 0
        context_switch(&unused, leaveForGood())
        panic("an exited thread ran again")
    }

    /// Makes another thread the current one, as `runAnother`, without a reference to either left on this stack.
    @inline(never)
    private static func leaveForGood() -> UInt64 {
        current.state = .exited
        if VectorState.owner === current { VectorState.owner = nil }
        Timers.expire()
        while true {
            if let next = takeNext() {
                beginSlice()
                exited = running
                running = next
                set_kernel_stack_top(next.stackTop)
                return next.savedStackPointer
            }
            idle()
        }
    }

    /// Whether the running thread has had its slice and somebody else wants one.
    static var isSliceOver: Bool { !runnable.isEmpty && Clock.monotonic >= sliceEnd }

    private static func beginSlice() {
        runsSince = Clock.monotonic
        sliceEnd = runnable.isEmpty ? .max : runsSince &+ timeslice
    }

    /// Switches to the next runnable thread; idles until there is one.
    private static func runAnother() {
        let old: Thread = current
        let now = Clock.monotonic
        old.systemTime &+= now &- Counters.lastEntry
        charge(now)
        Timers.expire()
        while true {
            if let next = takeNext() {
                beginSlice()
                if next === old { Counters.lastEntry = Clock.monotonic } else { switchTo(next, from: old) }
                return
            }
            idle()
        }
    }

    private static func idle() {
        if Devices.poll() { return }
        Timers.arm(for: Timers.nextDeadline)
        Interrupts.handle(vector: UInt32(truncatingIfNeeded: kernel_idle()))
        Timers.expire()
    }

    private static func switchTo(_ next: Thread, from old: Thread) {
        old.fsBase = read_fs_base()
        old.gsBase = read_gs_base()
        running = next
        set_kernel_stack_top(next.stackTop)
        context_switch(&old.savedStackPointer, next.savedStackPointer)
        arrived()
    }

    /// First thing on the new thread's stack, after a switch.
    static func arrived() {
        let thread: Thread = current
        write_fs_base(thread.fsBase)
        write_gs_base(thread.gsBase)
        exited = nil
        Counters.lastEntry = Clock.monotonic
    }

    /// Makes `thread` the current one without switching to it: the first thread, or the only one of a unit test.
    static func adopt(_ thread: Thread) { running = thread }

    /// Starts the very first thread; never returns.
    static func start(_ first: Thread) -> Never {
        adopt(first)
        set_kernel_stack_top(first.stackTop)
        var unused: UInt64 = 0
        context_switch(&unused, first.savedStackPointer)
        panic("the boot stack ran again")
    }

    /// What the timer is to be set to before a program goes on: the end of its slice, if others wait, or the next timer.
    static func armTimer() {
        Timers.arm(for: min(Timers.nextDeadline, runnable.isEmpty ? .max : sliceEnd))
    }
}

@c func kernel_thread_start() {
    if !startProgram() { Scheduler.exitCurrent() }
}

@inline(never)
private func startProgram() -> Bool {
    Scheduler.arrived()
    return returnToProgram(Scheduler.current)
}
