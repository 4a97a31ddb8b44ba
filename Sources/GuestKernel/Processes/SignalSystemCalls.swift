import GuestNucleus

/// Sending, masking, catching and awaiting signals (signal(7)).
/// - Returns: nil for a number that is not one of these.
func signalSystemCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno)
    -> Int?
{
    let space = thread.process.space
    switch call {
    case .rt_sigaction: return try setAction(arguments, thread)
    case .rt_sigprocmask: return try setMask(arguments, thread)
    case .rt_sigreturn:
        do throws(Errno) {
            return Int(bitPattern: UInt(try thread.returnFromSignal()))
        } catch {
            thread.registers.pointee.system_call = .max
            thread.force(SignalInfo(Signal.segmentationFault, code: SignalInfo.kernel))
            return 0
        }
    case .pause: try sleepUntilSignal()
    case .kill: return try kill(arguments, thread)
    case .rt_sigpending:
        guard arguments.b <= 8 else { throw .invalidArgument }
        let pending =
            (thread.signals.pending.bits | thread.process.signals.pending.bits) & thread.signals.blocked
        try space.store(pending, at: arguments.a)
        return 0
    case .rt_sigtimedwait: return try awaitSignal(arguments, thread)
    case .rt_sigqueueinfo, .rt_tgsigqueueinfo: return try queueInfo(call, arguments, thread)
    case .rt_sigsuspend:
        guard arguments.b == 8 else { throw .invalidArgument }
        try thread.replaceSignalMask(with: try space.load(UInt64.self, at: arguments.a))
        try sleepUntilSignal()
    case .sigaltstack: return try alternateStack(arguments, thread)
    case .tkill: return try signalThread(nil, arguments.a, arguments.b, thread)
    case .pidfd_send_signal: return try signalProcessFile(arguments, thread)
    case .tgkill:
        return try signalThread(Int32(truncatingIfNeeded: arguments.a), arguments.b, arguments.c, thread)
    default: return nil
    }
}

private func setAction(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    let signal = Int32(truncatingIfNeeded: arguments.a)
    guard Signal.isValid(signal), arguments.d == 8 else { throw .invalidArgument }
    let space = thread.process.space
    let old = thread.process.signals.actions[signal]
    if arguments.b != 0 {
        guard signal != Signal.kill, signal != Signal.stop else { throw .invalidArgument }
        let words = try space.load((UInt64, UInt64, UInt64, UInt64).self, at: arguments.b)
        thread.process.signals.actions[signal] = SignalAction(
            handler: words.0, flags: words.1 & SignalAction.knownFlags, restorer: words.2,
            mask: words.3 & ~Signal.unblockable)
        if thread.process.signals.actions.ignored & Signal.bit(signal) != 0 {
            thread.process.discardPending(Signal.bit(signal))
        } else {
            thread.process.timers?.resumeForgotten(signal)
        }
    }
    if arguments.c != 0 { try space.store((old.handler, old.flags, old.restorer, old.mask), at: arguments.c) }
    return 0
}

private func setMask(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    guard arguments.d == 8 else { throw .invalidArgument }
    let space = thread.process.space
    let old = thread.signals.blocked
    if arguments.b != 0 {
        let mask = try space.load(UInt64.self, at: arguments.b)
        switch arguments.a {
        case 0: thread.signals.blocked = (old | mask) & ~Signal.unblockable
        case 1: thread.signals.blocked = old & ~mask
        case 2: thread.signals.blocked = mask & ~Signal.unblockable
        default: throw .invalidArgument
        }
    }
    if arguments.c != 0 { try space.store(old, at: arguments.c) }
    return 0
}

// MARK: Sending

extension Credentials {
    /// kill(2): the superuser may signal all, others their own.
    fileprivate func maySignal(_ target: Credentials) -> Bool {
        has(.kill) || user == target.user || user == target.savedUser || effectiveUser == target.user
            || effectiveUser == target.savedUser
    }
}

private func kill(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    let id = Int32(truncatingIfNeeded: arguments.a)
    let signal = Int32(truncatingIfNeeded: arguments.b)
    guard signal == 0 || Signal.isValid(signal) else { throw .invalidArgument }
    let sender = thread.process
    var isFound = false
    var isAllowed = false
    for target in Processes.all {
        let isMeant: Bool =
            if id > 0 { target.id == id } else if id == 0 { target.group == sender.group } else if id == -1 {
                target !== sender && target !== Processes.first
            } else { target.group == 0 &- id }
        guard isMeant else { continue }
        isFound = true
        let isOwnSession = signal == Signal.resume && target.session == sender.session
        guard sender.credentials.maySignal(target.credentials) || isOwnSession else { continue }
        isAllowed = true
        if signal != 0 { target.receive(SignalInfo(signal, code: SignalInfo.user, from: sender)) }
    }
    if !isFound { throw .noSuchProcess }
    if !isAllowed { throw .notPermitted }
    return 0
}

private func signalThread(_ group: Int32?, _ id: UInt64, _ signal: UInt64, _ thread: Thread) throws(Errno)
    -> Int
{
    let signal = Int32(truncatingIfNeeded: signal)
    guard signal == 0 || Signal.isValid(signal), Int32(truncatingIfNeeded: id) > 0 else {
        throw .invalidArgument
    }
    let target = try findThread(Int32(truncatingIfNeeded: id), in: group)
    guard thread.process.credentials.maySignal(target.process.credentials) else { throw .notPermitted }
    if signal != 0 {
        guard target.receive(SignalInfo(signal, code: SignalInfo.thread, from: thread.process)) else {
            throw .wouldBlock
        }
    }
    return 0
}

private func findThread(_ id: Int32, in group: Int32?) throws(Errno) -> Thread {
    for process in Processes.all where group == nil || process.id == group {
        if let thread = process.threads.first(where: { $0.id == id }) { return thread }
    }
    throw .noSuchProcess
}

/// rt_sigqueueinfo and rt_tgsigqueueinfo: the sender writes the siginfo itself.
private func queueInfo(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno)
    -> Int
{
    let isToThread = call == .rt_tgsigqueueinfo
    let signal = Int32(truncatingIfNeeded: isToThread ? arguments.c : arguments.b)
    guard Signal.isValid(signal) else { throw .invalidArgument }
    let id = Int32(truncatingIfNeeded: arguments.a)
    let info = try loadInfo(
        signal, at: isToThread ? arguments.d : arguments.c, thread.process,
        isToItself: id == thread.process.id)
    if isToThread {
        let target = try findThread(Int32(truncatingIfNeeded: arguments.b), in: id)
        guard thread.process.credentials.maySignal(target.process.credentials) else { throw .notPermitted }
        guard target.receive(info) else { throw .wouldBlock }
    } else {
        guard let target = Processes.find(id) else { throw .noSuchProcess }
        guard thread.process.credentials.maySignal(target.credentials) else { throw .notPermitted }
        guard target.receive(info) else { throw .wouldBlock }
    }
    return 0
}

/// A siginfo_t that a program made. To others it must not look like the kernel's or kill's.
private func loadInfo(
    _ signal: Int32, at address: UInt64, _ sender: Process, isToItself: Bool
) throws(Errno) -> SignalInfo {
    let code = try sender.space.load(Int32.self, at: address &+ 8)
    guard code < 0 && code != SignalInfo.thread || isToItself else { throw .notPermitted }
    var info = SignalInfo(signal, code: code)
    for i in 0..<4 { info.detail[i] = try sender.space.load(UInt64.self, at: address &+ 16 &+ UInt64(i) * 8) }
    return info
}

/// pidfd_send_signal(2).
private func signalProcessFile(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    let signal = Int32(truncatingIfNeeded: arguments.b)
    guard signal == 0 || Signal.isValid(signal), arguments.d == 0 else { throw .invalidArgument }
    let sender = thread.process
    let file = try sender.files.file(Int32(truncatingIfNeeded: arguments.a))
    guard let target = file.asProcess ?? file.inode?.processOfDirectory else { throw .badDescriptor }
    guard Processes.find(target.id) === target else { throw .noSuchProcess }
    guard sender.credentials.maySignal(target.credentials) else { throw .notPermitted }
    if signal == 0 { return 0 }
    var info = SignalInfo(signal, code: SignalInfo.user, from: sender)
    if arguments.c != 0 {
        info = try loadInfo(signal, at: arguments.c, sender, isToItself: target === sender)
    }
    guard target.receive(info) else { throw .wouldBlock }
    return 0
}

// MARK: Waiting

/// pause and sigsuspend: over when a handler has run, whatever SA_RESTART says.
private func sleepUntilSignal() throws(Errno) -> Never {
    do throws(Errno) {
        while true { _ = try Scheduler.sleep(until: .max, interruptible: true) }
    } catch {
        throw .restartWithoutHandler
    }
}

/// rt_sigtimedwait(2).
private func awaitSignal(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    guard arguments.d == 8 else { throw .invalidArgument }
    let space = thread.process.space
    let wanted = try space.load(UInt64.self, at: arguments.a) & ~Signal.unblockable
    var deadline = UInt64.max
    if arguments.c != 0 { deadline = Clock.monotonic.addingClamped(try loadTimespec(space, arguments.c)) }
    thread.signals.awaited = wanted
    defer { thread.signals.awaited = 0 }
    while true {
        if let info = thread.takePending(wanted) {
            if arguments.b != 0 { try space.write(info.encoded(), to: arguments.b) }
            return Int(info.signal)
        }
        do throws(Errno) {
            if try !Scheduler.sleep(until: deadline, interruptible: true) { throw .wouldBlock }
        } catch {
            if error == .restart { throw .interrupted }
            throw error
        }
    }
}

private func alternateStack(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    let space = thread.process.space
    let isOn = thread.signals.alternateStack.contains(thread.registers.pointee.rsp)
    let new: (UInt64, UInt64, UInt64)? =
        arguments.a == 0 ? nil : try space.load((UInt64, UInt64, UInt64).self, at: arguments.a)
    if arguments.b != 0 { try thread.storeStack(at: arguments.b, in: space, isOnAlternate: isOn) }
    guard let new else { return 0 }
    if isOn { throw .notPermitted }
    let flags = new.1 & 0xFFFF_FFFF
    guard flags & ~0x8000_0003 == 0 else { throw .invalidArgument }
    if flags & 2 != 0 {
        thread.signals.alternateStack = AlternateStack()
        return 0
    }
    guard new.2 >= 2048 else { throw .noMemory }
    guard new.0 < AddressSpace.top, new.2 < AddressSpace.top - new.0 else { throw .noMemory }
    thread.signals.alternateStack = AlternateStack(start: new.0, size: new.2, disarms: flags >> 31 != 0)
    return 0
}
