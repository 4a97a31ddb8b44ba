/// How processes end: a decision (`requestEnd`), then each thread leaves at its next return to the program, and the
/// last one makes the process a zombie.
extension Process {
    /// Decides the end; the first decision counts. Threads that wait are woken to leave.
    func requestEnd(_ how: Ending) {
        if requestedEnding != nil || ending != nil { return }
        requestedEnding = how
        for thread in threads { Scheduler.wake(thread) }
    }

    /// The last thread has gone.
    fileprivate func finish(_ how: Ending) {
        ending = how
        timers?.end()
        timers = nil
        exitedUsage.maxResidentPages = max(exitedUsage.maxResidentPages, space.maxResidentPages)
        returnMemoryToLender()
        semaphoreUndo.apply(by: id)
        files = FileTable()
        space = AddressSpace.none
        executable = nil
        if session == id { leaveTerminal(isEnding: true) }
        terminal = nil
        for child in children { orphan(child) }
        children = []
        // A child's group that this process alone connected with the session, then its own.
        if let parent, parent.group != group, parent.session == session { Processes.endOrphanedGroup(group) }
        ended.wakeAll()
        announce(how)
    }

    /// Tells the parent, or is forgotten at once where nobody wants to know (wait(2), "Linux notes").
    private func announce(_ how: Ending) {
        switch how {
        case .exited(let code): notifyParent(code: 1, status: Int32(code))
        case .signaled(let signal, let coreDumped): notifyParent(code: coreDumped ? 3 : 2, status: signal)
        }
        if let parent {
            let action = parent.signals.actions[Signal.child]
            let isIgnored = action.handler == SignalAction.ignore
            let isUnwanted = isIgnored || action.flags & SignalAction.noChildWait != 0
            if exitSignal == Signal.child && isUnwanted { reap() }
        } else if self !== Processes.first {
            reap()
        }
    }

    /// Who becomes the parent of this process's children: the nearest subreaper above it, else process 1, or nobody once
    /// that has gone.
    private var heir: Process? {
        var ancestor = parent
        while let process = ancestor {
            if process.isSubreaper && process.ending == nil { return process }
            ancestor = process.parent
        }
        return Processes.first.flatMap { $0 === self || $0.ending != nil ? nil : $0 }
    }

    /// A child outlives its parent.
    private func orphan(_ child: Process) {
        if child.parentDeathSignal != 0 {
            child.receive(SignalInfo(child.parentDeathSignal, code: 0, from: self))
        }
        let heir = heir
        child.parent = heir
        child.exitSignal = Signal.child
        heir?.children.append(child)
        if let how = child.ending { child.announce(how) }
        if child.group != group && child.session == session { Processes.endOrphanedGroup(child.group) }
    }

    /// Nobody will ask for it any more.
    func reap() {
        if let parent, let i = parent.children.firstIndex(where: { $0 === self }) {
            parent.childUsage.add(usage)
            parent.childUsage.add(childUsage)
            parent.children.remove(at: i)
        }
        parent = nil
        if let i = Processes.all.firstIndex(where: { $0 === self }) { Processes.all.remove(at: i) }
    }

    /// After vfork: what was borrowed is the parent's again.
    func returnMemoryToLender() {
        lender?.wakeAll()
        lender = nil
    }
}

extension Thread {
    /// The thread leaves its process, in the kernel, for good. `code`: its exit status, which counts if it is the last.
    func leave(code: UInt8 = 0) {
        if process.lender == nil || process.threads.count == 1 { leaveFutexes() }
        guard let i = process.threads.firstIndex(where: { $0 === self }) else { return }
        process.threads.remove(at: i)
        process.exitedUsage.user &+= userTime
        process.exitedUsage.system &+= systemTime
        process.threadEnded.wakeAll()
        if process.threads.isEmpty { process.finish(process.requestedEnding ?? .exited(code: code)) }
    }
}
