/// A thread's policy and priorities (sched(7)), as it and its children read them back. The scheduler goes by nice values and
/// SCHED_IDLE; real-time policies are kept, and choose nothing.
struct SchedulingParameters {
    static let other: UInt32 = 0
    static let fifo: UInt32 = 1
    static let roundRobin: UInt32 = 2
    static let batch: UInt32 = 3
    static let idle: UInt32 = 5
    static let resetOnFork: UInt32 = 0x4000_0000
    static let niceRange: ClosedRange<Int32> = -20...19
    static let realTimeRange: ClosedRange<Int32> = 1...99

    var policy = Self.other
    var priority: Int32 = 0
    var nice: Int32 = 0
    var resetsOnFork = false
    /// ioprio_set(2): class and level; 0 is none, which follows `nice`.
    var ioPriority: UInt32 = 0

    /// What a child begins with.
    var inherited: SchedulingParameters {
        guard resetsOnFork else { return self }
        return SchedulingParameters(nice: max(nice, 0), ioPriority: ioPriority)
    }

    /// How fast virtual time passes: as fast as real time at nice 0, a quarter faster with each nice value more, so that two
    /// neighbours have the processor as 5 to 4. SCHED_IDLE has what would be nice 26.
    func virtualTime(_ time: UInt64) -> UInt64 {
        let steps = policy == Self.idle ? 26 : nice
        if steps == 0 { return time }
        var scaled = time
        for _ in 0..<abs(steps) { scaled = steps > 0 ? scaled &+ scaled / 4 : scaled / 5 &* 4 }
        return scaled
    }

    static func isRealTime(_ policy: UInt32) -> Bool { policy == fifo || policy == roundRobin }

    /// The priorities of a policy.
    /// - Throws: `.invalidArgument` for a policy that is none.
    static func priorities(of policy: UInt32) throws(Errno) -> ClosedRange<Int32> {
        switch policy {
        case fifo, roundRobin: realTimeRange
        case other, batch, idle: 0...0
        default: throw .invalidArgument
        }
    }
}

/// sched_*(2), getpriority(2) and their like, on one processor.
/// - Returns: nil for a call that is not one of these.
func schedulingCall(
    _ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread
) throws(Errno) -> Int? {
    let space = thread.process.space
    switch call {
    case .getpriority, .setpriority: return try nicenessCall(call, arguments, thread)
    case .ioprio_get, .ioprio_set: return try ioPriorityCall(call, arguments, thread)
    case .sched_setscheduler, .sched_setparam, .sched_getscheduler, .sched_getparam, .sched_setattr,
        .sched_getattr:
        return try policyCall(call, arguments, thread)
    case .sched_get_priority_max, .sched_get_priority_min:
        let priorities = try SchedulingParameters.priorities(of: UInt32(truncatingIfNeeded: arguments.a))
        return Int(call == .sched_get_priority_max ? priorities.upperBound : priorities.lowerBound)
    case .sched_rr_get_interval:
        let target = try schedulingTarget(arguments.a, thread)
        let isUnlimited = target.scheduling.policy == SchedulingParameters.fifo
        try storeTimespec(space, isUnlimited ? 0 : Scheduler.timeslice, at: arguments.b)
        return 0
    case .sched_setaffinity:
        let target = try affinityTarget(arguments.a, thread)
        let mask = arguments.b == 0 ? 0 : try space.load(UInt8.self, at: arguments.c)
        try thread.checkMaySchedule(target)
        guard mask & 1 != 0 else { throw .invalidArgument }
        return 0
    case .sched_getaffinity:  // processor 0
        guard arguments.b >= 8, arguments.b % 8 == 0 else { throw .invalidArgument }
        _ = try affinityTarget(arguments.a, thread)
        try space.store(UInt64(1), at: arguments.c)
        return 8
    case .getcpu:
        if arguments.a != 0 { try space.store(UInt32(0), at: arguments.a) }
        if arguments.b != 0 { try space.store(UInt32(0), at: arguments.b) }
        return 0
    default: return nil
    }
}

/// The thread that a sched_*(2) call means; 0 is the caller.
private func schedulingTarget(_ argument: UInt64, _ thread: Thread) throws(Errno) -> Thread {
    guard Int32(truncatingIfNeeded: argument) >= 0 else { throw .invalidArgument }
    return try affinityTarget(argument, thread)
}

/// The affinity calls do not tell a negative number from one that nobody has.
private func affinityTarget(_ argument: UInt64, _ thread: Thread) throws(Errno) -> Thread {
    let id = Int32(truncatingIfNeeded: argument)
    if id == 0 { return thread }
    for process in Processes.all {
        if let found = process.threads.first(where: { $0.id == id }) { return found }
    }
    throw .noSuchProcess
}

extension Thread {
    /// - Throws: `.notPermitted` if `target` is another user's.
    fileprivate func checkMaySchedule(_ target: Thread) throws(Errno) {
        let (mine, other) = (process.credentials, target.process.credentials)
        guard mine.has(.raisePriority) || [other.user, other.effectiveUser].contains(mine.effectiveUser)
        else {
            throw .notPermitted
        }
    }
}

// MARK: Niceness

/// getpriority(2), setpriority(2): of a thread, a process group or a user.
private func nicenessCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread)
    throws(Errno)
    -> Int
{
    let targets = try nicenessTargets(UInt32(truncatingIfNeeded: arguments.a), arguments.b, thread)
    guard !targets.isEmpty else { throw .noSuchProcess }
    if call == .getpriority {
        // The system call's own scale is 40…1, so that an answer is never a negative number.
        return targets.map { Int(20 - $0.scheduling.nice) }.max() ?? 20
    }
    let range = SchedulingParameters.niceRange
    let wanted = min(max(Int32(truncatingIfNeeded: arguments.c), range.lowerBound), range.upperBound)
    for target in targets {
        try thread.checkMaySchedule(target)
        let mayRaise = UInt64(20 - wanted) <= target.process.limits.soft[13]  // RLIMIT_NICE
        guard wanted >= target.scheduling.nice || thread.process.credentials.has(.raisePriority) || mayRaise
        else {
            throw .accessDenied
        }
        target.scheduling.nice = wanted
    }
    return 0
}

/// ioprio_get(2), ioprio_set(2): what a thread, a process group or a user asks of disks. Kept, and nothing is chosen by it.
private func ioPriorityCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread)
    throws(Errno)
    -> Int
{
    // IOPRIO_WHO_PROCESS is 1 where PRIO_PROCESS is 0.
    let kind = UInt32(truncatingIfNeeded: arguments.a) &- 1
    if call == .ioprio_set {
        let wanted = UInt32(truncatingIfNeeded: arguments.c)
        let level = wanted & 0x1fff
        switch wanted >> 13 {
        case 0: guard level == 0 else { throw .invalidArgument }
        case 1:
            guard thread.process.credentials.has(.raisePriority) else { throw .notPermitted }
            guard level < 8 else { throw .invalidArgument }
        case 2: guard level < 8 else { throw .invalidArgument }
        case 3: break
        default: throw .invalidArgument
        }
        let targets = try nicenessTargets(kind, arguments.b, thread)
        guard !targets.isEmpty else { throw .noSuchProcess }
        for target in targets {
            try thread.checkMaySchedule(target)
            target.scheduling.ioPriority = wanted
        }
        return 0
    }
    let targets = try nicenessTargets(kind, arguments.b, thread)
    if kind == 0, let target = targets.first { return Int(target.scheduling.ioPriority) }
    // Of several the best one, counting best effort at the level of its niceness for who set none.
    let effective = targets.map { target in
        let set = target.scheduling.ioPriority
        return set != 0 ? Int(set) : 2 << 13 | Int(target.scheduling.nice + 20) / 5
    }
    guard let best = effective.min() else { throw .noSuchProcess }
    return best
}

/// The threads that `kind` (PRIO_PROCESS, PRIO_PGRP, PRIO_USER) and the number `who` mean.
private func nicenessTargets(_ kind: UInt32, _ who: UInt64, _ thread: Thread) throws(Errno) -> [Thread] {
    let number = Int32(truncatingIfNeeded: who)
    switch kind {
    case 0: return [try affinityTarget(who, thread)]
    case 1:
        let group = number == 0 ? thread.process.group : number
        return Processes.all.filter { $0.group == group }.flatMap { $0.threads }
    case 2:
        let user = number == 0 ? thread.process.credentials.user : UInt32(bitPattern: number)
        return Processes.all.filter { $0.credentials.user == user }.flatMap { $0.threads }
    default: throw .invalidArgument
    }
}

// MARK: Policy

private func policyCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno)
    -> Int
{
    let space = thread.process.space
    if call != .sched_getscheduler && arguments.b == 0 && call != .sched_setscheduler {
        throw .invalidArgument
    }
    let target = try schedulingTarget(arguments.a, thread)
    let now = target.scheduling
    let flag = now.resetsOnFork ? SchedulingParameters.resetOnFork : 0
    switch call {
    case .sched_getscheduler: return Int(now.policy | flag)
    case .sched_getparam:
        try space.store(now.priority, at: arguments.b)
        return 0
    case .sched_getattr: return try storeAttributes(now, arguments, space)
    case .sched_setparam:
        var new = now
        new.priority = try space.load(Int32.self, at: arguments.b)
        try thread.setScheduling(of: target, to: new)
    case .sched_setattr:
        try thread.setScheduling(of: target, to: try loadAttributes(arguments, space))
    default:  // sched_setscheduler
        guard arguments.c != 0 else { throw .invalidArgument }
        let policy = UInt32(truncatingIfNeeded: arguments.b)
        let new = SchedulingParameters(
            policy: policy & ~SchedulingParameters.resetOnFork,
            priority: try space.load(Int32.self, at: arguments.c), nice: now.nice,
            resetsOnFork: policy & SchedulingParameters.resetOnFork != 0)
        try thread.setScheduling(of: target, to: new)
    }
    return 0
}

extension Thread {
    fileprivate func setScheduling(of target: Thread, to new: SchedulingParameters) throws(Errno) {
        guard try SchedulingParameters.priorities(of: new.policy).contains(new.priority) else {
            throw .invalidArgument
        }
        try checkMaySchedule(target)
        if !process.credentials.has(.raisePriority) {
            let (old, limits) = (target.scheduling, target.process.limits)
            if SchedulingParameters.isRealTime(new.policy) && UInt64(new.priority) > limits.soft[14] {
                throw .notPermitted  // RLIMIT_RTPRIO
            }
            if new.nice < old.nice && UInt64(20 - new.nice) > limits.soft[13] { throw .notPermitted }
            if old.resetsOnFork && !new.resetsOnFork { throw .notPermitted }
        }
        target.scheduling = new
    }
}

/// struct sched_attr, version 0: size, policy, flags, nice, priority, and three times of SCHED_DEADLINE.
private let attributeBytes: UInt64 = 48

private func storeAttributes(
    _ now: SchedulingParameters, _ arguments: SystemCallArguments, _ space: AddressSpace
) throws(Errno) -> Int {
    guard arguments.c >= attributeBytes, arguments.c <= pageSize, arguments.d == 0 else {
        throw .invalidArgument
    }
    try space.store(
        (
            UInt32(attributeBytes), now.policy, UInt64(now.resetsOnFork ? 1 : 0), now.nice, now.priority,
            UInt64(0), UInt64(0), UInt64(0)
        ), at: arguments.b)
    return 0
}

private func loadAttributes(
    _ arguments: SystemCallArguments, _ space: AddressSpace
) throws(Errno) -> SchedulingParameters {
    let (size, policy) = try space.load((UInt32, UInt32).self, at: arguments.b)
    // Size 0 means version 0; a longer one may hold what is not known here, and says so in Linux's way.
    guard size == 0 || UInt64(size) == attributeBytes else {
        try space.store(UInt32(attributeBytes), at: arguments.b)
        throw .argumentListTooLong
    }
    let flags = try space.load(UInt64.self, at: arguments.b &+ 8)
    let (nice, priority) = try space.load((Int32, UInt32).self, at: arguments.b &+ 16)
    guard arguments.c == 0, flags & ~1 == 0, let priority = Int32(exactly: priority) else {
        throw .invalidArgument
    }
    let range = SchedulingParameters.niceRange
    return SchedulingParameters(
        policy: policy, priority: priority, nice: min(max(nice, range.lowerBound), range.upperBound),
        resetsOnFork: flags & 1 != 0)
}
