/// System calls on processes and threads.
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
    case .process_vm_readv, .process_vm_writev: return try processMemoryCall(call, arguments, thread.process)
    case .getrandom: return try randomSystemCall(call, arguments, thread)
    case .signalfd: return try signalFileCall(arguments, flags: 0, thread.process)
    case .signalfd4: return try signalFileCall(arguments, flags: arguments.d, thread.process)
    case .pidfd_getfd: return try getDescriptor(arguments, thread.process)
    case .kcmp: return try compareProcesses(arguments, thread.process)
    case .pidfd_open: return try openProcess(arguments, thread.process)
    default: return nil
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
    if target !== process && target.hasExecuted { throw .accessDenied }
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
