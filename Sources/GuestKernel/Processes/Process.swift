/// A process: what its threads share. Kept in `Processes.all` until its parent has waited for it.
final class Process {
    enum Ending {
        case exited(code: UInt8)
        case signaled(signal: Int32, coreDumped: Bool)

        /// As wait(2) shows it.
        var waitStatus: Int32 {
            switch self {
            case .exited(let code): Int32(code) << 8
            case .signaled(let signal, let coreDumped): signal | (coreDumped ? 0x80 : 0)
            }
        }
    }

    /// What wait(2) reports besides an end.
    enum JobEvent {
        case stopped(signal: Int32)
        case continued
    }

    let id: Int32
    var parent: Process?
    var children: [Process] = []
    var threads: [Thread] = []
    var group: Int32
    var session: Int32

    var space: AddressSpace
    var files: FileTable
    var directories: FileSystemContext
    var credentials = Credentials()
    var signals = ProcessSignals()
    var limits = ResourceLimits()

    /// Set when the last thread has gone; the process is then a zombie until it is waited for.
    var ending: Ending?
    /// Interval timers, POSIX timers and the CPU-time limit, once there are any.
    var timers: ProcessTimers?
    /// Set when its end is decided; its threads end one by one, at their next return to the program.
    var requestedEnding: Ending?
    /// Whether it ended because the guest had no memory left for it.
    var ranOutOfMemory = false
    /// SIGSTOP and its like hold its threads, in `continued`, until SIGCONT.
    var isStopped = false
    let continued = WaitQueue()
    /// What wait(2) has not told the parent yet.
    var jobEvent: JobEvent?
    /// The controlling terminal; and for a session's leader whose terminal has hung up, the group that was in the
    /// foreground.
    var terminal: Terminal?
    var lostForegroundGroup: Int32 = 0
    /// What its end sends to the parent; 0: nothing.
    var exitSignal: Int32 = Signal.child
    /// PR_SET_PDEATHSIG: what the parent's end sends to this process; 0: nothing.
    var parentDeathSignal: Int32 = 0
    /// PR_SET_CHILD_SUBREAPER: descendants without a parent become its children.
    var isSubreaper = false
    var attributes = ProcessAttributes()
    /// Whether it has executed a program of its own since its parent made it.
    var hasExecuted = false
    /// Woken when a thread of this process has gone.
    let threadEnded = WaitQueue()
    /// The process borrows its parent's memory, which waits here for it to exec or exit (vfork).
    var lender: WaitQueue?
    /// Woken when a child ends, stops or continues.
    let childEvents = WaitQueue()
    /// Woken when this process ends (pidfd, the job's end).
    let ended = WaitQueue()

    /// Its changes to System V semaphores that its end takes back.
    var semaphoreUndo = SemaphoreUndo()
    /// What was written to /proc/PID/oom_score_adj (OutOfMemory.swift).
    var outOfMemoryAdjustment: Int64 = 0
    /// `Clock.monotonic` when it was made, for /proc/PID/stat.
    let started = Clock.monotonic
    /// comm, at most 15 bytes.
    var name: [UInt8] = []
    /// What it runs; nil: nothing any more.
    var executable: RunningFile?
    /// Times and peak memory of waited-for descendants.
    var childUsage = Usage()
    /// What read(2) and write(2) and their like have moved, for /proc/PID/io.
    var transfers = Transfers()
    /// Times of threads that are gone.
    var exitedUsage = Usage()

    init(id: Int32, parent: Process?, space: AddressSpace, files: FileTable, directories: FileSystemContext) {
        self.id = id
        self.parent = parent
        self.space = space
        self.files = files
        self.directories = directories
        group = parent?.group ?? id
        session = parent?.session ?? id
    }

    /// Whether a number is this process's own, of one of its threads, or what it is counted by.
    fileprivate func uses(_ number: Int32) -> Bool {
        id == number || group == number || session == number || threads.contains { $0.id == number }
    }

    var usage: Usage {
        var sum = exitedUsage
        for thread in threads {
            sum.user &+= thread.userTime
            sum.system &+= thread.systemTime
        }
        sum.maxResidentPages = max(sum.maxResidentPages, space.maxResidentPages)
        return sum
    }
}

/// Nanoseconds and pages, for getrusage(2), times(2) and the job's report.
struct Usage {
    var user: UInt64 = 0
    var system: UInt64 = 0
    var maxResidentPages: UInt64 = 0

    mutating func add(_ other: Usage) {
        user &+= other.user
        system &+= other.system
        maxResidentPages = max(maxResidentPages, other.maxResidentPages)
    }
}

/// How often a process has read and written, and how much.
struct Transfers {
    var reads: UInt64 = 0
    var writes: UInt64 = 0
    var bytesRead: UInt64 = 0
    var bytesWritten: UInt64 = 0
}

/// User and group identities (credentials(7)).
struct Credentials {
    private(set) var user: UInt32 = 0
    private(set) var effectiveUser: UInt32 = 0
    private(set) var savedUser: UInt32 = 0
    private(set) var group: UInt32 = 0
    private(set) var effectiveGroup: UInt32 = 0
    private(set) var savedGroup: UInt32 = 0
    /// Who it is to files: the effective identities, but for setfsuid(2) and setfsgid(2).
    private(set) var fileUser: UInt32 = 0
    private(set) var fileGroup: UInt32 = 0
    var groups: [UInt32] = []
    /// PR_SET_NO_NEW_PRIVS: a set-user-ID program is a program like others.
    var hasNoNewPrivileges = false
    var capabilities = Capabilities()

    /// The superuser's.
    init() {}

    /// A user's in every respect, and no more than a user's.
    init(user: UInt32, group: UInt32) {
        setUsers(user, user, user)
        setGroups(group, group, group)
    }

    func has(_ capability: Capability) -> Bool { capabilities.effective >> capability.rawValue & 1 == 1 }

    private var isPartlyRoot: Bool { user == 0 || effectiveUser == 0 || savedUser == 0 }

    /// setresuid(2), of who may: UInt32.max leaves one as it is.
    mutating func setUsers(_ real: UInt32, _ effective: UInt32, _ saved: UInt32) {
        let (wasRoot, before) = (isPartlyRoot, effectiveUser)
        if real != .max { user = real }
        if effective != .max { effectiveUser = effective }
        if saved != .max { savedUser = saved }
        fileUser = effectiveUser
        capabilities.usersChanged(wasRoot: wasRoot, isRoot: isPartlyRoot, effective: before, effectiveUser)
    }

    mutating func setGroups(_ real: UInt32, _ effective: UInt32, _ saved: UInt32) {
        if real != .max { group = real }
        if effective != .max { effectiveGroup = effective }
        if saved != .max { savedGroup = saved }
        fileGroup = effectiveGroup
    }

    /// setfsuid(2): one of those that the process has, if it may not choose others.
    mutating func setFileUser(_ wanted: UInt32) {
        let isOwn = [user, effectiveUser, savedUser, fileUser].contains(wanted)
        guard wanted != .max, isOwn || has(.setUser) else { return }
        capabilities.fileUserChanged(from: fileUser, to: wanted)
        fileUser = wanted
    }

    mutating func setFileGroup(_ wanted: UInt32) {
        let isOwn = [group, effectiveGroup, savedGroup, fileGroup].contains(wanted)
        guard wanted != .max, isOwn || has(.setGroup) else { return }
        fileGroup = wanted
    }

    /// The same person as access(2) sees it: with the real identities, and the power that goes with them.
    var real: Credentials {
        var real = self
        real.fileUser = user
        real.fileGroup = group
        if !capabilities.secureBits.contains(.noFixup) {
            real.capabilities.effective = user == 0 ? capabilities.permitted : 0
        }
        return real
    }

    /// What a program begins with: its file's set-user-ID and set-group-ID bits count, and the effective identities are
    /// saved (execve(2), credentials(7)).
    func executing(_ program: Inode) -> Credentials {
        var new = self
        let owner = program.ownership
        if !hasNoNewPrivileges {
            if owner.permissions & 0o4000 != 0 { new.effectiveUser = owner.user }
            if owner.permissions & 0o2010 == 0o2010 { new.effectiveGroup = owner.group }
        }
        new.savedUser = new.effectiveUser
        new.savedGroup = new.effectiveGroup
        new.fileUser = new.effectiveUser
        new.fileGroup = new.effectiveGroup
        let isSetID = new.effectiveUser != user || new.effectiveGroup != group
        new.capabilities = capabilities.executing(
            user: user, effectiveUser: new.effectiveUser, isSetID: isSetID)
        return new
    }
}

/// getrlimit(2): soft and hard, by RLIMIT_ number.
struct ResourceLimits {
    static let infinity = UInt64.max
    var soft = [UInt64](repeating: infinity, count: 16)
    var hard = [UInt64](repeating: infinity, count: 16)

    init() {
        soft[3] = 8 << 20  // RLIMIT_STACK
        soft[4] = 0  // RLIMIT_CORE
        soft[7] = 1024  // RLIMIT_NOFILE
        hard[7] = 1_048_576
        soft[6] = 4096  // RLIMIT_NPROC
        hard[6] = 4096
        soft[11] = UInt64(PendingSignals.maximumQueued)  // RLIMIT_SIGPENDING
        hard[11] = UInt64(PendingSignals.maximumQueued)
        soft[8] = 8 << 20          // RLIMIT_MEMLOCK
        hard[8] = 8 << 20
        for resource in [13, 14] {  // RLIMIT_NICE, RLIMIT_RTPRIO
            soft[resource] = 0
            hard[resource] = 0
        }
    }
}

/// The process table.
enum Processes {
    // SAFETY: the kernel is single-threaded (see Frames).
    nonisolated(unsafe) static var all: [Process] = []
    nonisolated(unsafe) private static var lastID: Int32 = 0
    /// Process 1: the job's command. Its end is the job's end.
    nonisolated(unsafe) static var first: Process?

    /// A process or thread number nobody has. After the last one come those that are free again, as on Linux.
    static func newID() -> Int32 {
        repeat {
            if lastID >= lastNumber {
                lastID = firstAgain
                hasBegunAnew = true
            } else {
                lastID += 1
            }
        } while hasBegunAnew && all.contains { $0.uses(lastID) }
        return lastID
    }

    /// Linux's PID_MAX_LIMIT, and its RESERVED_PIDS.
    static let lastNumber: Int32 = 1 << 22
    static let firstAgain: Int32 = 300
    nonisolated(unsafe) private static var hasBegunAnew = false
    #if !SWIFTLET_GUEST
    /// For the unit tests: as if so many numbers had been given out.
    static func giveOutNumbers(to last: Int32) { lastID = last }
    #endif

    static func find(_ id: Int32) -> Process? { all.first { $0.id == id } }
}
