/// Sessions, process groups and their terminal (credentials(7), setpgid(2)).
extension Processes {
    /// Sends a signal of the kernel's own to every process of a group.
    static func send(_ signal: Int32, toGroup group: Int32) {
        for process in all where process.group == group { sendSignal(signal, toProcess: process) }
    }

    /// Whether nobody is left who could continue a stopped process of this group: no member's parent is in another group
    /// of the same session.
    static func isOrphaned(_ group: Int32) -> Bool {
        for process in all where process.group == group && process.ending == nil {
            if let parent = process.parent, parent.group != group, parent.session == process.session {
                return false
            }
        }
        return true
    }

    /// A group that has become orphaned with stopped processes in it is told so and set going (exit(3)).
    static func endOrphanedGroup(_ group: Int32) {
        guard isOrphaned(group), all.contains(where: { $0.group == group && $0.isStopped }) else { return }
        send(Signal.hangUp, toGroup: group)
        send(Signal.resume, toGroup: group)
    }

    // MARK: Terminals

    /// The terminal's other side has gone: the session's leader is told, and nobody has the terminal any more.
    static func hangUp(_ terminal: Terminal) {
        let session = terminal.session
        guard session != 0 else { return }
        let group = terminal.foregroundGroup
        forgetTerminal(terminal)
        guard let leader = find(session), leader.ending == nil else { return }
        leader.lostForegroundGroup = group
        sendSignal(Signal.hangUp, toProcess: leader)
        sendSignal(Signal.resume, toProcess: leader)
    }

    /// No process has it as its controlling terminal any more.
    static func forgetTerminal(_ terminal: Terminal) {
        for process in all where process.terminal === terminal { process.terminal = nil }
        terminal.session = 0
        terminal.foregroundGroup = 0
    }
}

extension Process {
    /// Makes `terminal` the controlling terminal of this process's session, which it leads.
    func take(_ terminal: Terminal) {
        terminal.session = session
        terminal.foregroundGroup = group
        self.terminal = terminal
    }

    /// The process gives up its controlling terminal; if it leads the session, the whole session does, and the group in the
    /// foreground is told.
    func leaveTerminal(isEnding: Bool) {
        guard session == id else {
            terminal = nil
            return
        }
        let group = terminal?.foregroundGroup ?? lostForegroundGroup
        let hadTerminal = terminal != nil
        lostForegroundGroup = 0
        if let terminal { Processes.forgetTerminal(terminal) }
        guard group != 0 else { return }
        Processes.send(Signal.hangUp, toGroup: group)
        if !(isEnding && hadTerminal) { Processes.send(Signal.resume, toGroup: group) }
    }
}
