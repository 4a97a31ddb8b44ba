import GuestNucleus

/// Which thread runs. Round robin over the runnable ones; no tick: a timer interrupt is asked for only while somebody else
/// is waiting for the processor or for a time.
enum Scheduler {
    static let timeslice: UInt64 = 10_000_000  // ns

    // SAFETY: see Frames. Set before the first thread runs and never nil after.
    nonisolated(unsafe) private static var running: Thread?
    static var current: Thread { running.unsafelyUnwrapped }
    #if !SWIFTLET_GUEST
    /// For the unit tests, which call the kernel as if they were a program's thread.
    static func impersonate(_ thread: Thread) { running = thread }
    #endif
    nonisolated(unsafe) private static var runnable: [Thread] = []
    nonisolated(unsafe) private static var firstRunnable = 0
    nonisolated(unsafe) private static var sliceEnd: UInt64 = .max
    /// Exited threads whose stack could not be freed while it was in use.
    nonisolated(unsafe) private static var exited: Thread?

    private static var runnableCount: Int { runnable.count - firstRunnable }

    /// Only the kernel's own threads run: while a machine is being saved, and in a restored one until its job is known.
    nonisolated(unsafe) static var holdsPrograms = false

    private static func takeNext() -> Thread? {
        guard firstRunnable < runnable.count else { return nil }
        if holdsPrograms { return takeNextKernelThread() }
        let thread = runnable[firstRunnable]
        firstRunnable += 1
        if firstRunnable == runnable.count {
            runnable.removeAll(keepingCapacity: true)
            firstRunnable = 0
        } else if firstRunnable > 64 && firstRunnable * 2 > runnable.count {
            runnable.removeFirst(firstRunnable)
            firstRunnable = 0
        }
        return thread
    }

    private static func takeNextKernelThread() -> Thread? {
        for i in firstRunnable..<runnable.count where runnable[i].process.id == 0 {
            return runnable.remove(at: i)
        }
        return nil
    }

    /// Makes a new thread (after `prepareStart`) a candidate.
    static func add(_ thread: Thread) {
        thread.state = .runnable
        runnable.append(thread)
        if sliceEnd == .max { sliceEnd = Clock.monotonic + timeslice }
    }

    static func wake(_ thread: Thread) {
        guard thread.state == .waiting else { return }
        thread.wakeups &+= 1
        add(thread)
    }

    /// Stops the current thread until `wake` or the deadline.
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
        if thread.didTimeOut { return false }
        if thread.hasDeliverableSignal(fatalOnly: !interruptible) { throw .restart }
        return true
    }

    /// Lets the others have a turn: sched_yield(2), or the end of a time slice.
    static func yield() {
        if runnableCount == 0 { return }
        runnable.append(current)
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
                sliceEnd = runnableCount > 0 ? Clock.monotonic + timeslice : .max
                exited = running
                running = next
                set_kernel_stack_top(next.stackTop)
                return next.savedStackPointer
            }
            idle()
        }
    }

    /// Whether the running thread has had its slice and somebody else wants one.
    static var isSliceOver: Bool { runnableCount > 0 && Clock.monotonic >= sliceEnd }

    /// Switches to the next runnable thread; idles until there is one.
    private static func runAnother() {
        let old: Thread = current
        old.systemTime &+= Clock.monotonic &- Counters.lastEntry
        Timers.expire()
        while true {
            if let next = takeNext() {
                sliceEnd = runnableCount > 0 ? Clock.monotonic + timeslice : .max
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
        Timers.arm(for: min(Timers.nextDeadline, runnableCount > 0 ? sliceEnd : .max))
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
