/// Who a process is and on what machine: user and group numbers, capabilities, uname, sysinfo, limits and usage.
/// - Returns: nil for a number that is not one of these.
func identitySystemCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno)
    -> Int?
{
    let process = thread.process
    let space = process.space
    switch call {
    case .getpid: return Int(process.id)
    case .getppid: return Int(process.parent?.id ?? 0)
    case .gettid: return Int(thread.id)
    case .set_tid_address:
        thread.clearChildTID = arguments.a
        return Int(thread.id)
    case .uname:
        try space.write(SystemName.utsname(), to: arguments.a)
        return 0
    case .sethostname, .setdomainname:
        guard process.credentials.has(.administer) else { throw .notPermitted }
        guard arguments.b <= 64 else { throw .invalidArgument }
        // BOUNDED: by 64, just before.
        let name = try space.read(from: arguments.a, count: Int(arguments.b))
        if call == .sethostname { SystemName.host = name }
        return 0
    case .sysinfo: return try systemInformation(space, arguments.a)
    case .syslog: throw .notPermitted
    case .personality:
        let old = process.attributes.personality
        let wanted = UInt32(truncatingIfNeeded: arguments.a)
        if wanted != .max { process.attributes.personality = wanted }
        return Int(old)
    case .arch_prctl: return try architectureControl(arguments, thread)
    case .getrlimit, .getrusage, .setrlimit, .prlimit64: return try limitCall(call, arguments, thread)
    case .getuid, .getgid, .setuid, .setgid, .geteuid, .getegid, .setreuid, .setregid, .getgroups, .setgroups,
        .setresuid, .getresuid, .setresgid, .getresgid, .setfsuid, .setfsgid:
        return try userCall(call, arguments, process)
    case .capget: return try getCapabilities(arguments, process)
    case .capset: return try setCapabilities(arguments, process)
    default: return nil
    }
}

/// What uname(2) says. The release is that of a Linux whose system calls the kernel follows.
enum SystemName {
    // SAFETY: the kernel is single-threaded (see Frames).
    nonisolated(unsafe) static var host: [UInt8] = Array("swiftlet".utf8)

    static let system: StaticString = "Linux"
    static let release: StaticString = "6.12.0-swiftlet"
    static let version: StaticString = "#1 tiny kernel"
    static let machine: StaticString = "x86_64"

    /// struct new_utsname: six fields of 65 bytes.
    static func utsname() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(390)
        append(system, to: &bytes)
        append(host, to: &bytes)
        append(release, to: &bytes)
        append(version, to: &bytes)
        append(machine, to: &bytes)
        append(Array("(none)".utf8), to: &bytes)
        return bytes
    }

    private static func append(_ text: StaticString, to bytes: inout [UInt8]) {
        append(Array(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)), to: &bytes)
    }

    private static func append(_ text: [UInt8], to bytes: inout [UInt8]) {
        let field = text.prefix(64)
        bytes.append(contentsOf: field)
        for _ in field.count..<65 { bytes.append(0) }
    }
}

/// struct sysinfo, 112 bytes, memory in bytes.
private func systemInformation(_ space: AddressSpace, _ address: UInt64) throws(Errno) -> Int {
    var words = [UInt64](repeating: 0, count: 14)
    words[0] = Clock.monotonic / 1_000_000_000
    words[4] = Frames.total * pageSize
    words[5] = Frames.available * pageSize
    words[10] = UInt64(Processes.all.count) & 0xFFFF
    words[13] = 1  // mem_unit, in the low half
    var bytes: [UInt8] = []
    for word in words {
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift * 8))) }
    }
    try space.write(bytes, to: address)
    return 0
}

/// arch_prctl(2): the FS and GS bases are the running thread's registers.
private func architectureControl(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    switch arguments.a {
    case 0x1001, 0x1002:
        guard arguments.b < AddressSpace.top else { throw .notPermitted }
        if arguments.a == 0x1002 { ProgramBase.fs = arguments.b } else { ProgramBase.gs = arguments.b }
        return 0
    case 0x1003:
        try thread.process.space.store(ProgramBase.fs, at: arguments.b)
        return 0
    case 0x1004:
        try thread.process.space.store(ProgramBase.gs, at: arguments.b)
        return 0
    default: throw .invalidArgument  // ARCH_CET_STATUS and others that glibc tries
    }
}

// MARK: Users and groups

private func userCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ process: Process) throws(Errno)
    -> Int?
{
    let a = UInt32(truncatingIfNeeded: arguments.a)
    let b = UInt32(truncatingIfNeeded: arguments.b)
    let c = UInt32(truncatingIfNeeded: arguments.c)
    let now = process.credentials
    switch call {
    case .getuid: return Int(now.user)
    case .getgid: return Int(now.group)
    case .geteuid: return Int(now.effectiveUser)
    case .getegid: return Int(now.effectiveGroup)
    case .setuid:
        guard a != .max else { throw .invalidArgument }
        let isFree = now.has(.setUser)
        guard isFree || a == now.user || a == now.savedUser else { throw .notPermitted }
        try process.setUsers(isFree ? a : .max, a, isFree ? a : .max)
    case .setgid:
        guard a != .max else { throw .invalidArgument }
        let isFree = now.has(.setGroup)
        guard isFree || a == now.group || a == now.savedGroup else { throw .notPermitted }
        try process.setGroups(isFree ? a : .max, a, isFree ? a : .max)
    case .setreuid:
        let isOwn = a == .max || a == now.user || a == now.effectiveUser
        guard isOwn || now.has(.setUser) else { throw .notPermitted }
        let isChanged = a != .max || (b != .max && b != now.user)
        try process.setUsers(a, b, isChanged ? (b != .max ? b : now.effectiveUser) : .max)
    case .setregid:
        let isOwn = a == .max || a == now.group || a == now.effectiveGroup
        guard isOwn || now.has(.setGroup) else { throw .notPermitted }
        let isChanged = a != .max || (b != .max && b != now.group)
        try process.setGroups(a, b, isChanged ? (b != .max ? b : now.effectiveGroup) : .max)
    case .setresuid: try process.setUsers(a, b, c)
    case .setresgid: try process.setGroups(a, b, c)
    case .getresuid:
        try storeThree(process.space, arguments, now.user, now.effectiveUser, now.savedUser)
    case .getresgid:
        try storeThree(process.space, arguments, now.group, now.effectiveGroup, now.savedGroup)
    case .getgroups:
        if arguments.a == 0 { return now.groups.count }
        guard arguments.a >= UInt64(now.groups.count) else { throw .invalidArgument }
        for (i, group) in now.groups.enumerated() {
            try process.space.store(group, at: arguments.b &+ UInt64(i) * 4)
        }
        return now.groups.count
    case .setgroups:
        guard now.has(.setGroup) else { throw .notPermitted }
        guard arguments.a <= 65536 else { throw .invalidArgument }
        var groups: [UInt32] = []
        for i in 0..<arguments.a {
            groups.append(try process.space.load(UInt32.self, at: arguments.b &+ i * 4))
        }
        process.credentials.groups = groups
    case .setfsuid:
        process.credentials.setFileUser(a)
        return Int(now.fileUser)
    case .setfsgid:
        process.credentials.setFileGroup(a)
        return Int(now.fileGroup)
    default: return nil
    }
    return 0
}

private func storeThree(
    _ space: AddressSpace, _ arguments: SystemCallArguments, _ a: UInt32, _ b: UInt32, _ c: UInt32
) throws(Errno) {
    try space.store(a, at: arguments.a)
    try space.store(b, at: arguments.b)
    try space.store(c, at: arguments.c)
}

extension Process {
    /// setresuid(2): UInt32.max leaves one as it is; the unprivileged may choose among those they have.
    fileprivate func setUsers(_ real: UInt32, _ effective: UInt32, _ saved: UInt32) throws(Errno) {
        let now = credentials
        for wanted in [real, effective, saved] where wanted != .max && !now.has(.setUser) {
            guard [now.user, now.effectiveUser, now.savedUser].contains(wanted) else { throw .notPermitted }
        }
        credentials.setUsers(real, effective, saved)
    }

    fileprivate func setGroups(_ real: UInt32, _ effective: UInt32, _ saved: UInt32) throws(Errno) {
        let now = credentials
        for wanted in [real, effective, saved] where wanted != .max && !now.has(.setGroup) {
            guard [now.group, now.effectiveGroup, now.savedGroup].contains(wanted) else {
                throw .notPermitted
            }
        }
        credentials.setGroups(real, effective, saved)
    }
}

// MARK: Limits and usage

private func limitCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno)
    -> Int
{
    let space = thread.process.space
    switch call {
    case .getrlimit:
        try storeLimit(thread.process, arguments.a, at: arguments.b)
        return 0
    case .setrlimit:
        try loadLimit(thread.process, arguments.a, from: arguments.b)
        return 0
    case .getrusage: return try resourceUsage(arguments, thread)
    default:  // prlimit64
        let id = Int32(truncatingIfNeeded: arguments.a)
        guard let process = id == 0 ? thread.process : Processes.find(id) else { throw .noSuchProcess }
        guard arguments.b < 16 else { throw .invalidArgument }
        // BOUNDED: by the 16 limits, just before.
        let old = (process.limits.soft[Int(arguments.b)], process.limits.hard[Int(arguments.b)])
        if arguments.c != 0 { try loadLimit(process, arguments.b, from: arguments.c, in: space) }
        if arguments.d != 0 { try space.store(old, at: arguments.d) }
        return 0
    }
}

private func storeLimit(_ process: Process, _ resource: UInt64, at address: UInt64) throws(Errno) {
    guard resource < 16 else { throw .invalidArgument }
    try process.space.store(
        (process.limits.soft[Int(resource)], process.limits.hard[Int(resource)]), at: address)
}

private func loadLimit(
    _ process: Process, _ resource: UInt64, from address: UInt64, in space: AddressSpace? = nil
) throws(Errno) {
    guard resource < 16 else { throw .invalidArgument }
    let space = space ?? process.space
    let soft = try space.load(UInt64.self, at: address)
    let hard = try space.load(UInt64.self, at: address &+ 8)
    guard soft <= hard else { throw .invalidArgument }
    if hard > process.limits.hard[Int(resource)] && !process.credentials.has(.exceedResources) {
        throw .notPermitted
    }
    process.limits.soft[Int(resource)] = soft
    process.limits.hard[Int(resource)] = hard
    if resource == 0 { process.watchCPULimit() }
}

/// getrusage(2): struct rusage, 144 bytes.
private func resourceUsage(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    let usage: Usage
    switch Int32(truncatingIfNeeded: arguments.a) {
    case 0: usage = thread.process.usage
    case -1: usage = thread.process.childUsage
    case 1:
        usage = Usage(
            user: thread.userTime, system: thread.systemTime,
            maxResidentPages: thread.process.space.maxResidentPages)
    default: throw .invalidArgument
    }
    try storeUsage(thread.process.space, usage, at: arguments.b)
    return 0
}

/// Also wait4(2)'s last argument.
func storeUsage(_ space: AddressSpace, _ usage: Usage, at address: UInt64) throws(Errno) {
    try space.write([UInt8](repeating: 0, count: 144), to: address)
    try space.store(
        (
            usage.user / 1_000_000_000, usage.user / 1000 % 1_000_000, usage.system / 1_000_000_000,
            usage.system / 1000 % 1_000_000, usage.maxResidentPages * (pageSize / 1024)
        ), at: address)
}
