import GuestNucleus

/// Sends a signal of the kernel's own (SIGPIPE and the like) to one thread.
func sendSignal(_ signal: Int32, to thread: Thread) {
    thread.receive(SignalInfo(signal, code: SignalInfo.kernel))
}

/// Sends a signal of the kernel's own to a process; any thread of it that does not block it takes it.
func sendSignal(_ signal: Int32, toProcess process: Process) {
    process.receive(SignalInfo(signal, code: SignalInfo.kernel))
}

extension Thread {
    /// - Returns: false when too many real-time signals are queued (EAGAIN for sigqueue).
    @discardableResult
    func receive(_ info: SignalInfo) -> Bool {
        guard state != .exited, process.prepare(for: info.signal) else { return true }
        let bit = Signal.bit(info.signal)
        let isWanted = (signals.blocked | signals.awaited) & bit != 0
        if process.signals.actions.ignored & bit != 0 && !isWanted { return true }
        guard signals.pending.add(info, limit: process.limits.soft[11]) else { return false }
        SignalFile.signalArrived()
        if signals.blocked & bit == 0 || signals.awaited & bit != 0 { Scheduler.wake(self) }
        return true
    }

    /// A fault of the processor's in this thread, which cannot go on without its being handled: a blocked or ignored one
    /// ends the process.
    func force(_ info: SignalInfo) {
        let bit = Signal.bit(info.signal)
        let ignored = process.signals.actions[info.signal].handler == SignalAction.ignore
        if signals.blocked & bit != 0 || ignored {
            process.signals.actions[info.signal] = SignalAction()
            signals.blocked &= ~bit
        }
        signals.pending.add(info)
    }

    /// Whether a signal would be delivered if the thread returned to its program now; `fatalOnly`: one that ends it.
    func hasDeliverableSignal(fatalOnly: Bool) -> Bool {
        if isKilled || process.requestedEnding != nil { return true }
        let pending = (signals.pending.bits | process.signals.pending.bits) & ~signals.blocked
        if fatalOnly { return pending & Signal.bit(Signal.kill) != 0 }
        return process.isStopped || pending & ~process.signals.actions.ignored != 0
    }
}

extension Process {
    /// - Returns: false when too many real-time signals are queued.
    @discardableResult
    func receive(_ info: SignalInfo) -> Bool {
        guard ending == nil, prepare(for: info.signal) else { return true }
        let bit = Signal.bit(info.signal)
        let wanted = threads.contains { ($0.signals.blocked | $0.signals.awaited) & bit != 0 }
        if signals.actions.ignored & bit != 0 && !wanted { return true }
        guard signals.pending.add(info, limit: limits.soft[11]) else { return false }
        SignalFile.signalArrived()
        let taker = threads.first { $0.signals.awaited & bit != 0 }
            ?? threads.first { $0.signals.blocked & bit == 0 && $0.state == .waiting }
        if let taker { Scheduler.wake(taker) }
        return true
    }

    /// What sending does besides queueing: SIGKILL ends, SIGCONT resumes, a stop and SIGCONT cancel each other.
    /// - Returns: whether the signal still has to be delivered.
    fileprivate func prepare(for signal: Int32) -> Bool {
        if signal == Signal.kill {
            requestEnd(.signaled(signal: signal, coreDumped: false))
            return false
        }
        if signal == Signal.resume {
            discardPending(Signal.stopping)
            resume()
        } else if Signal.stopping & Signal.bit(signal) != 0 {
            discardPending(Signal.bit(Signal.resume))
        }
        return true
    }

    /// Nobody is to have these signals, sent as they are.
    func discardPending(_ unwanted: UInt64) {
        signals.pending.discard(unwanted)
        for thread in threads { thread.signals.pending.discard(unwanted) }
        timers?.signalsDiscarded(unwanted)
    }

    /// Stops every thread at its next return to the program.
    func stop(by signal: Int32) {
        if isStopped || ending != nil { return }
        isStopped = true
        jobEvent = .stopped(signal: signal)
        for thread in threads { Scheduler.wake(thread) }
        notifyParent(code: 5, status: signal)
    }

    private func resume() {
        guard isStopped else { return }
        isStopped = false
        jobEvent = .continued
        continued.wakeAll()
        notifyParent(code: 6, status: Signal.resume)
    }

    /// SIGCHLD with what happened. `code`: CLD_EXITED 1, CLD_KILLED 2, CLD_DUMPED 3, CLD_STOPPED 5, CLD_CONTINUED 6.
    func notifyParent(code: Int32, status: Int32) {
        guard let parent else { return }
        parent.childEvents.wakeAll()
        let isJobControl = code >= 5
        let action = parent.signals.actions[Signal.child]
        if isJobControl && action.flags & SignalAction.noChildStop != 0 { return }
        let signal = isJobControl ? Signal.child : exitSignal
        guard Signal.isValid(signal) else { return }
        var info = SignalInfo(signal, code: code, from: self)
        let usage = usage
        info.detail[1] = UInt64(UInt32(bitPattern: status))
        info.detail[2] = usage.user / 10_000_000       // clock_t: hundredths of a second
        info.detail[3] = usage.system / 10_000_000
        parent.receive(info)
    }
}
