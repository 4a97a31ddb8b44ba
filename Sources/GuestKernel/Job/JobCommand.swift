import GuestNucleus
import JobWire

/// Process 1: the job's command, from its specification to its end.
struct JobCommand {
    private let specification: JobSpecification

    init(_ specification: JobSpecification) { self.specification = specification }

    // MARK: The start

    /// Starts the command with the three standard streams.
    /// - Parameter input: nil: the job's standard input is empty.
    func start(input: File?, output: File, error: File) throws(JobInput.Failure) {
        if specification.isTooLong { throw execFailure(.argumentListTooLong) }
        let directories = FileSystemContext()
        let credentials = specification.credentials
        try attempt(.workingDirectory, about: specification.workingDirectory) { () throws(Errno) in
            let directory = try FileSystem.lookup(
                specification.workingDirectory, in: directories, as: credentials)
            guard directory.isDirectory else { throw .notDirectory }
            guard credentials.may(.execute, directory) else { throw .accessDenied }
            directories.workingDirectory = directory
        }
        let files = FileTable()
        try attempt(.outOfMemory, about: []) { () throws(Errno) in
            var first = input
            if first == nil {
                first = try FileSystem.open(
                    Text.bytes("/dev/null"), flags: 0, in: directories, as: Credentials())
            }
            if let first { _ = try files.add(first, closeOnExec: false) }
            _ = try files.add(output, closeOnExec: false)
            _ = try files.add(error, closeOnExec: false)
        }
        try startFirst(files, directories, credentials)
    }

    /// Starts the command on a terminal of its own, as the leader of the session that has it.
    /// - Parameter input: what is typed there; nil: nothing.
    func startOnTerminal(input: File?, output: VsockStream) throws(JobInput.Failure) -> JobTerminal {
        var made: JobTerminal?
        var file: File?
        try attempt(.outOfMemory, about: []) { () throws(Errno) in
            let terminal = try JobTerminal(input: input, output: output, owner: specification.credentials)
            if let size = specification.windowSize { terminal.setWindow(size) }
            file = try terminal.open()
            made = terminal
        }
        guard let terminal = made, let file else { panic("a terminal that is neither made nor refused") }
        try start(input: file, output: file, error: file)
        guard let process = Processes.first else { panic("the job's process was lost") }
        terminal.start(for: process)
        return terminal
    }

    /// execvp(3): the first candidate that is there; one that may not be executed is remembered, not fatal.
    private func startFirst(
        _ files: FileTable, _ directories: FileSystemContext, _ credentials: Credentials
    ) throws(JobInput.Failure) {
        var failure = Errno.noSuchFile
        for path in specification.candidates {
            do throws(Errno) {
                _ = try FileSystem.executable(path, in: directories, as: credentials)
                let process = try Process.start(
                    path: path, arguments: specification.arguments, environment: specification.environment,
                    files: files, directories: directories, credentials: credentials)
                return limit(process)
            } catch {
                switch error {
                case .noSuchFile, .notDirectory: continue
                case .accessDenied: failure = error
                default: throw execFailure(error)
                }
            }
        }
        throw execFailure(failure)
    }

    /// A restored job's limits, for the program that goes on.
    func limitFirst() {
        if let process = Processes.first { limit(process) }
    }

    /// The job's own limits, which its RLIMIT_NPROC and RLIMIT_NOFILE show.
    private func limit(_ process: Process) {
        if specification.begin.openFiles != 0 {
            process.limits.soft[7] = UInt64(specification.begin.openFiles)
            process.limits.hard[7] = UInt64(specification.begin.openFilesHard)
        }
        let maximum = UInt64(specification.begin.maximumProcesses)
        if maximum == 0 { return }
        Processes.maximumThreads = Int(min(maximum, UInt64(Processes.maximumThreads)))
        process.limits.soft[6] = maximum
        process.limits.hard[6] = maximum
    }

    private func execFailure(_ error: Errno) -> JobInput.Failure {
        JobInput.Failure(
            stage: error == .noMemory ? .outOfMemory : .exec, errno: error,
            about: specification.arguments.first ?? [])
    }

    private func attempt(
        _ stage: GuestMessage.FailureStage, about: [UInt8], _ body: () throws(Errno) -> Void
    ) throws(JobInput.Failure) {
        do throws(Errno) {
            try body()
        } catch {
            throw JobInput.Failure(
                stage: error == .noMemory ? .outOfMemory : stage, errno: error, about: about)
        }
    }

    // MARK: The end

    /// Tells the host when the command has begun.
    static func tellStart(_ control: JobControl) throws(Errno) {
        guard let process = Processes.first else { panic("the job's process was lost") }
        // The command runs first; what it was like to start is known when it gives the processor back.
        Scheduler.yieldToAll()
        control.queue(.started(sinceEntryNanoseconds: Counters.firstResume &- Clock.entered))
        if process.ending == nil { try control.flush() }
    }

    /// Waits for the command's end and ends what it left behind.
    static func waitForEnd(
        nonce: GuestMessage.Nonce, _ control: JobControl, _ terminal: JobTerminal?
    ) throws(Errno) -> GuestMessage.ExitReport {
        guard let process = Processes.first else { panic("the job's process was lost") }
        if let terminal { try followWindow(of: terminal, until: process, control) }
        while process.ending == nil { try process.ended.wait() }
        try endOthers()
        return report(on: process, nonce)
    }

    /// Waits until a program asks for its checkpoint.
    /// - Returns: false if the command has ended first.
    static func waitForCheckpoint() throws(Errno) -> Bool {
        guard let process = Processes.first else { panic("the job's process was lost") }
        while process.ending == nil && !Checkpoint.isRequested {
            _ = try WaitQueue.waitAny([process.ended, Checkpoint.requested])
        }
        return process.ending == nil
    }

    /// Takes the host's window sizes while the command runs.
    private static func followWindow(
        of terminal: JobTerminal, until process: Process, _ control: JobControl
    ) throws(Errno) {
        while let size = try control.nextWindow(until: process) { terminal.setWindow(size) }
    }

    /// Nothing of the job outlives its command.
    private static func endOthers() throws(Errno) {
        for process in Processes.all where process.id > 0 && process.ending == nil {
            sendSignal(Signal.kill, toProcess: process)
        }
        while let process = Processes.all.first(where: { $0.id > 0 && $0.ending == nil }) {
            try process.ended.wait()
        }
    }

    private static func report(on process: Process, _ nonce: GuestMessage.Nonce) -> GuestMessage.ExitReport {
        var report: GuestMessage.ExitReport
        switch process.ending {
        case .exited(let code)?:
            report = .init(nonce: nonce, kind: .exited, code: UInt32(code))
        case .signaled(let signal, _)?:
            report = .init(
                nonce: nonce, kind: process.ranOutOfMemory ? .outOfMemory : .signaled, code: UInt32(signal))
        case nil: panic("the job ended without an end")
        }
        let usage = usage()
        report.userNanoseconds = usage.user &- Checkpoint.usageBefore.user
        report.systemNanoseconds = usage.system &- Checkpoint.usageBefore.system
        report.maximumResidentBytes = usage.maxResidentPages * pageSize
        report.pageFaults = Counters.pageFaults
        report.pageTableWrites = Counters.pageTableWrites
        report.systemCalls = Counters.systemCalls
        report.processesCreated = Counters.processes
        report.processesRefused = Counters.processesRefused
        report.diskRefused = Counters.diskRefused
        return report
    }

    /// All that the job's programs have used so far.
    static func usage() -> Usage {
        var usage = Usage()
        for process in Processes.all where process.id > 0 {
            usage.add(process.usage)
            usage.add(process.childUsage)
        }
        return usage
    }
}
