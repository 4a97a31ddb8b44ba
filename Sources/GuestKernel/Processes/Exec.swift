import GuestNucleus

extension Process {
    /// Starts process 1: the job's command. Its descriptors are `files` as given.
    /// - Throws: what `ProgramLoader.load` throws.
    static func start(
        path: [UInt8], arguments: [[UInt8]], environment: [[UInt8]], files: FileTable,
        directories: FileSystemContext, credentials: Credentials
    ) throws(Errno) -> Process {
        let program = try ProgramLoader.load(
            path, arguments: arguments, environment: environment, in: directories, as: credentials)
        let process = Process(
            id: Processes.newID(), parent: nil, space: program.space, files: files, directories: directories)
        process.credentials = program.credentials
        process.name = program.name
        process.executable = RunningFile(program.inode)
        let thread = Thread(id: process.id, process: process)
        thread.registers.initialize(
            to: ProgramRegisters.fresh(entry: program.entry, stack: program.stackPointer))
        process.threads = [thread]
        Processes.all.append(process)
        Processes.first = process
        Counters.processes &+= 1
        thread.prepareStart()
        Scheduler.add(thread)
        return process
    }
}

extension Thread {
    /// execve(2). When it returns, the frame is the new program's; when it throws, nothing has changed.
    func execute(_ file: ExecutableName, arguments: [[UInt8]], environment: [[UInt8]]) throws(Errno) {
        let program = try ProgramLoader.load(
            file, arguments: arguments, environment: environment, in: process.directories,
            as: process.credentials)
        try endOtherThreads()
        leaveFutexes()
        if process.lender != nil { process.space = program.space } else { replaceSpace(program.space) }
        process.returnMemoryToLender()
        process.files = process.files.copy()
        process.files.closeOnExec()
        process.signals.actions = process.signals.actions.copy()
        process.signals.actions.resetHandlers()
        if program.credentials.effectiveUser != process.credentials.effectiveUser
            || program.credentials.effectiveGroup != process.credentials.effectiveGroup
        {
            process.parentDeathSignal = 0
        }
        process.credentials = program.credentials
        process.hasExecuted = true
        process.attributes.dumpable = 1
        ownName = nil
        process.name = program.name
        process.executable = RunningFile(program.inode)
        process.exitSignal = Signal.child
        process.timers?.endPOSIX()
        signals.alternateStack = AlternateStack()
        VectorState.reset(self)
        ProgramBase.fs = 0
        ProgramBase.gs = 0
        registers.pointee = ProgramRegisters.fresh(entry: program.entry, stack: program.stackPointer)
    }

    private func replaceSpace(_ new: AddressSpace) {
        new.maxResidentPages = max(new.maxResidentPages, process.space.maxResidentPages)
        process.space = new
    }

    /// The new program has one thread, and its number is the process's.
    private func endOtherThreads() throws(Errno) {
        if isKilled { throw .restart }  // another thread was faster
        for other in process.threads where other !== self {
            other.isKilled = true
            Scheduler.wake(other)
        }
        while process.threads.count > 1 {
            try process.threadEnded.wait(interruptible: false)
        }
        id = process.id
    }
}

/// execve, execveat.
func execSystemCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno)
    -> Int
{
    let space = thread.process.space
    let isAt = call == .execveat
    let path = try space.string(at: isAt ? arguments.b : arguments.a, limit: 4096)
    let file =
        isAt
        ? try executable(
            at: Int32(truncatingIfNeeded: arguments.a), path, flags: arguments.e, thread.process)
        : try ExecutableName(path, in: thread.process.directories, as: thread.process.credentials)
    var budget = InitialStack.maximumArgumentBytes
    let argv = try strings(space, at: isAt ? arguments.c : arguments.b, budget: &budget)
    let envp = try strings(space, at: isAt ? arguments.d : arguments.c, budget: &budget)
    try thread.execute(file, arguments: argv, environment: envp)
    return 0
}

/// What execveat(2) means: relative to a directory's descriptor, or the descriptor's own file (AT_EMPTY_PATH).
private func executable(
    at descriptor: Int32, _ path: [UInt8], flags: UInt64, _ process: Process
) throws(Errno) -> ExecutableName {
    guard flags & ~(FileCall.noFollow | FileCall.emptyPath) == 0 else { throw .invalidArgument }
    if path.isEmpty && flags & FileCall.emptyPath == 0 { throw .noSuchFile }
    let isHere = descriptor == FileCall.workingDirectory
    if path.isEmpty && isHere { throw .accessDenied }  // a directory
    let follows = flags & FileCall.noFollow == 0
    guard path.first == UInt8(ascii: "/") || isHere else {
        return try ExecutableName(descriptor: descriptor, path, of: process, followLast: follows)
    }
    return try ExecutableName(
        path, in: process.directories, as: process.credentials, followLast: follows)
}

/// A NULL-terminated list of strings of a program's.
private func strings(_ space: AddressSpace, at address: UInt64, budget: inout Int) throws(Errno) -> [[UInt8]]
{
    var list: [[UInt8]] = []
    if address == 0 { return list }
    while true {
        let pointer = try space.load(UInt64.self, at: address &+ UInt64(list.count) * 8)
        if pointer == 0 { return list }
        let string: [UInt8]
        do throws(Errno) {
            string = try space.string(at: pointer, limit: InitialStack.maximumStringBytes)
        } catch {
            throw error == .nameTooLong ? .argumentListTooLong : error
        }
        budget -= string.count + 9
        if budget < 0 { throw .argumentListTooLong }
        list.append(string)
    }
}
