/// System calls on processes and threads; signals and what else is about processes follow.
/// - Returns: nil for a number that is not one of these.
func processSystemCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno)
    -> Int?
{
    switch call {
    case .clone, .fork, .vfork, .clone3: return try cloneSystemCall(call, arguments, thread)
    case .execve, .execveat: return try execSystemCall(call, arguments, thread)
    case .exit:  // this thread
        thread.isKilled = true
        if thread.process.threads.count == 1 {
            thread.process.requestEnd(.exited(code: UInt8(truncatingIfNeeded: arguments.a)))
        }
        return 0
    case .exit_group:
        thread.process.requestEnd(.exited(code: UInt8(truncatingIfNeeded: arguments.a)))
        return 0
    case .wait4, .waitid: return try waitSystemCall(call, arguments, thread)
    case .setpgid, .getpgrp, .setsid, .getpgid, .getsid:
        return try groupSystemCall(call, arguments, thread.process)
    case .prctl: return try processControl(arguments, thread)
    case .getrandom: return try randomSystemCall(call, arguments, thread)
    case .signalfd: return try signalFileCall(arguments, flags: 0, thread.process)
    case .signalfd4: return try signalFileCall(arguments, flags: arguments.d, thread.process)
    case .pidfd_open: return try openProcess(arguments, thread.process)
    default: return try signalSystemCall(call, arguments, thread)
    }
}

/// setpgid, getpgrp, setsid, getpgid, getsid (credentials(7)).
private func groupSystemCall(
    _ call: SystemCall, _ arguments: SystemCallArguments, _ process: Process
) throws(Errno) -> Int {
    let id = Int32(truncatingIfNeeded: arguments.a)
    switch call {
    case .getpgrp: return Int(process.group)
    case .setsid:
        // Not for a group's leader, nor where a group of that number lives on without it.
        if Processes.all.contains(where: { $0.group == process.id }) { throw .notPermitted }
        process.session = process.id
        process.group = process.id
        process.terminal = nil
        return Int(process.id)
    case .getpgid, .getsid:
        guard let target = id == 0 ? process : Processes.find(id) else { throw .noSuchProcess }
        return Int(call == .getpgid ? target.group : target.session)
    default: return try setGroup(id, Int32(truncatingIfNeeded: arguments.b), process)
    }
}

private func setGroup(_ id: Int32, _ group: Int32, _ process: Process) throws(Errno) -> Int {
    guard group >= 0 else { throw .invalidArgument }
    guard let target = id == 0 ? process : Processes.find(id), target === process || target.parent === process
    else {
        throw .noSuchProcess
    }
    guard target.session == process.session, target.session != target.id else { throw .notPermitted }
    let wanted = group == 0 ? target.id : group
    if wanted != target.id {
        guard Processes.all.contains(where: { $0.group == wanted && $0.session == process.session }) else {
            throw .notPermitted
        }
    }
    target.group = wanted
    return 0
}

/// prctl(2), as far as programs ask at start-up; the rest is refused and counted.
private func processControl(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    let process = thread.process
    switch arguments.a {
    case 1:  // PR_SET_PDEATHSIG
        let signal = Int32(truncatingIfNeeded: arguments.b)
        guard signal == 0 || Signal.isValid(signal) else { throw .invalidArgument }
        process.parentDeathSignal = signal
        return 0
    case 2:
        try process.space.store(process.parentDeathSignal, at: arguments.b)
        return 0
    case 3: return 1  // PR_GET_DUMPABLE
    case 4: return 0
    case 15:  // PR_SET_NAME
        let name = try process.space.read(from: arguments.b, count: 16)
        process.name = Array(name.prefix { $0 != 0 }.prefix(15))
        return 0
    case 16:
        var name = process.name
        while name.count < 16 { name.append(0) }
        try process.space.write(name, to: arguments.b)
        return 0
    case 23: return arguments.b <= 40 ? 1 : try refuse()  // PR_CAPBSET_READ
    case 29, 30: return 0  // timer slack
    case 36: return arguments.b == 0 ? 0 : try refuse()  // PR_SET_CHILD_SUBREAPER
    case 37:
        try process.space.store(Int32(0), at: arguments.b)
        return 0
    case 38: return 0  // PR_SET_NO_NEW_PRIVS: there is nothing to gain
    case 39: return 1
    case 0x5356_4D41: return 0  // PR_SET_VMA: names for mappings
    default: return try refuse()
    }
}

private func refuse() throws(Errno) -> Int {
    SystemCalls.countUnsupported(.prctl)
    throw .invalidArgument
}
