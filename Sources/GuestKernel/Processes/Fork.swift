import GuestNucleus

/// CLONE_ flags of clone(2).
struct CloneFlags: OptionSet {
    let rawValue: UInt64
    static let memory = CloneFlags(rawValue: 0x100)
    static let fileSystem = CloneFlags(rawValue: 0x200)
    static let files = CloneFlags(rawValue: 0x400)
    static let signalHandlers = CloneFlags(rawValue: 0x800)
    static let processDescriptor = CloneFlags(rawValue: 0x1000)
    static let vfork = CloneFlags(rawValue: 0x4000)
    static let parent = CloneFlags(rawValue: 0x8000)
    static let thread = CloneFlags(rawValue: 0x1_0000)
    static let setTLS = CloneFlags(rawValue: 0x8_0000)
    static let parentSetTID = CloneFlags(rawValue: 0x10_0000)
    static let childClearTID = CloneFlags(rawValue: 0x20_0000)
    static let childSetTID = CloneFlags(rawValue: 0x100_0000)
    static let clearSignalHandlers = CloneFlags(rawValue: 0x1_0000_0000)
    /// Namespaces, ptrace, cgroups: not here.
    static let unsupported = CloneFlags(rawValue: 0x2_7E02_2000)
}

/// What fork, vfork, clone and clone3 come down to.
struct CloneRequest {
    var flags: CloneFlags
    var exitSignal: Int32
    /// 0: the parent's.
    var stackPointer: UInt64 = 0
    var tls: UInt64 = 0
    var parentTID: UInt64 = 0
    var childTID: UInt64 = 0
    /// Where CLONE_PIDFD puts the new process's descriptor.
    var processDescriptor: UInt64 = 0
}

extension Thread {
    /// Frames a new process or thread may cost at once: its kernel stack and first page tables, with some to spare.
    private static let framesForClone: UInt64 = 64

    /// clone(2).
    /// - Returns: the number of the new thread or process.
    /// - Throws: `.invalidArgument`, `.wouldBlock` at the process limit, `.noMemory`.
    func clone(_ request: CloneRequest) throws(Errno) -> Int {
        let flags = request.flags
        if !flags.isDisjoint(with: .unsupported) {
            SystemCalls.countUnsupported(.clone)
            throw .invalidArgument
        }
        if flags.contains(.thread) && !flags.contains(.signalHandlers) { throw .invalidArgument }
        if flags.contains(.signalHandlers) && !flags.contains(.memory) { throw .invalidArgument }
        guard request.stackPointer < AddressSpace.top, request.tls < AddressSpace.top else {
            throw .invalidArgument
        }
        guard Processes.threadCount() < Processes.maximumThreads else {
            Counters.processesRefused &+= 1
            throw .wouldBlock
        }
        // RLIMIT_NPROC bounds a user's processes together, the superuser's not.
        if !process.credentials.has(.exceedResources) {
            let own = Processes.threadCount(of: process.credentials.user)
            guard UInt64(own) < process.limits.soft[6] else { throw .wouldBlock }
        }
        guard Frames.available > Self.framesForClone + Frames.total / 64 else { throw .noMemory }

        let id = Processes.newID()
        let owner = flags.contains(.thread) ? process : try newProcess(id, request)
        let child = Thread(id: id, process: owner)
        child.registers.initialize(to: registers.pointee)
        child.registers.pointee.rax = 0
        child.registers.pointee.system_call = .max
        if request.stackPointer != 0 { child.registers.pointee.rsp = request.stackPointer }
        child.fsBase = flags.contains(.setTLS) ? request.tls : ProgramBase.fs
        child.gsBase = ProgramBase.gs
        child.signals.blocked = signals.blocked
        if owner === process { child.ownName = name }
        child.scheduling = scheduling.inherited
        if !flags.contains(.memory) || flags.contains(.vfork) {
            child.signals.alternateStack = signals.alternateStack
        }
        VectorState.inherit(from: self, to: child)
        if flags.contains(.processDescriptor) { try openDescriptor(of: owner, at: request.processDescriptor) }
        if flags.contains(.childClearTID) { child.clearChildTID = request.childTID }
        if flags.contains(.parentSetTID) { try process.space.store(id, at: request.parentTID) }
        if flags.contains(.childSetTID) { _ = try? owner.space.store(id, at: request.childTID) }
        owner.threads.append(child)
        if owner !== process { enroll(owner, flags) }
        child.prepareStart()
        let lent = flags.contains(.vfork) ? WaitQueue() : nil
        if owner !== process { owner.lender = lent }
        Scheduler.add(child)
        if lent != nil { waitForLoan(of: owner) }
        return Int(id)
    }

    /// CLONE_PIDFD.
    private func openDescriptor(of child: Process, at address: UInt64) throws(Errno) {
        guard child !== process else { throw .invalidArgument }
        let limit = Int(min(process.limits.soft[7], 1 << 20))
        let file = ProcessFile(child, flags: 0)
        let descriptor = try process.files.add(file, closeOnExec: true, limit: limit)
        do throws(Errno) {
            try process.space.store(descriptor, at: address)
        } catch {
            try process.files.close(descriptor)
            throw error
        }
    }

    private func newProcess(_ id: Int32, _ request: CloneRequest) throws(Errno) -> Process {
        let flags = request.flags
        let space = flags.contains(.memory) ? process.space : try process.space.copyOnWriteClone()
        let child = Process(
            id: id, parent: flags.contains(.parent) ? process.parent : process, space: space,
            files: flags.contains(.files) ? process.files : process.files.copy(),
            directories: flags.contains(.fileSystem) ? process.directories : process.directories.copy())
        child.group = process.group
        child.session = process.session
        child.terminal = process.terminal
        child.credentials = process.credentials
        child.limits = process.limits
        child.attributes = process.attributes
        child.name = name
        child.executable = process.executable
        child.exitSignal = request.exitSignal
        child.signals.actions =
            flags.contains(.signalHandlers) ? process.signals.actions : process.signals.actions.copy()
        if flags.contains(.clearSignalHandlers) { child.signals.actions.resetAll() }
        child.watchCPULimit()
        return child
    }

    private func enroll(_ child: Process, _ flags: CloneFlags) {
        Processes.all.append(child)
        child.parent?.children.append(child)
        Counters.processes &+= 1
    }

    /// vfork(2): the parent goes on when the child has executed something or ended; nothing but its own end stops that.
    private func waitForLoan(of child: Process) {
        while let queue = child.lender {
            do throws(Errno) { try queue.wait(interruptible: false) } catch { return }
        }
    }
}

extension Processes {
    // SAFETY: the kernel is single-threaded (see Frames). Set once, before process 1 runs.
    /// For the whole job, whoever its programs are.
    nonisolated(unsafe) static var maximumThreads = 8192

    /// Threads, and zombies, which have none but cost memory too.
    /// - Parameter user: whose; nil: all.
    static func threadCount(of user: UInt32? = nil) -> Int {
        var count = 0
        for process in all where user == nil || process.credentials.user == user {
            count += max(1, process.threads.count)
        }
        return count
    }
}

/// fork, vfork, clone, clone3.
func cloneSystemCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno)
    -> Int
{
    switch call {
    case .fork: return try thread.clone(CloneRequest(flags: [], exitSignal: Signal.child))
    case .vfork: return try thread.clone(CloneRequest(flags: [.vfork, .memory], exitSignal: Signal.child))
    case .clone:
        let flags = CloneFlags(rawValue: arguments.a & 0xFFFF_FF00)
        // One argument would have to take both.
        if flags.isSuperset(of: [.processDescriptor, .parentSetTID]) { throw .invalidArgument }
        return try thread.clone(
            CloneRequest(
                flags: flags, exitSignal: Int32(arguments.a & 0xFF), stackPointer: arguments.b,
                tls: arguments.e, parentTID: arguments.c, childTID: arguments.d,
                processDescriptor: arguments.c))
    default:
        // clone3: struct clone_args, 8-byte fields.
        guard arguments.b >= 64, arguments.b <= 4096 else { throw .invalidArgument }
        let space = thread.process.space
        var words: [UInt64] = []
        for i in 0..<8 as Range<UInt64> {
            words.append(try space.load(UInt64.self, at: arguments.a &+ i * 8))
        }
        guard words[4] <= 64, words[5] <= AddressSpace.top, words[6] <= AddressSpace.top else {
            throw .invalidArgument
        }
        return try thread.clone(
            CloneRequest(
                flags: CloneFlags(rawValue: words[0]), exitSignal: Int32(words[4]),
                stackPointer: words[5] == 0 ? 0 : words[5] + words[6], tls: words[7], parentTID: words[3],
                childTID: words[2], processDescriptor: words[1]))
    }
}
