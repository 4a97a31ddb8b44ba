import CGuestInit
import JobWire

/// Starts the job's command in a process of its own.
struct JobCommand {
    private let specification: JobSpecification
    private let candidates: [Path]
    private let directory: Path
    private let arguments: StringVector
    private let environment: StringVector

    init(_ specification: JobSpecification) {
        self.specification = specification
        candidates = specification.candidates.map { Path($0) }
        directory = Path(specification.workingDirectory)
        arguments = StringVector(specification.arguments)
        environment = StringVector(specification.environment)
    }

    /// What the command's process says when it could not become the command.
    private struct Complaint {
        var stage: UInt32 = 0
        var errno: Int32 = 0
    }

    /// Returns when the command runs.
    /// - Parameter streams: for its descriptors 0, 1 and 2.
    /// - Returns: its process.
    func start(
        _ streams: borrowing StandardStreams, _ groups: borrowing ControlGroups
    ) throws(JobFailure) -> Int {
        if specification.isTooLong { throw execFailure(.argumentListTooLong) }
        var process = 0
        var complaint = Complaint()
        do throws(Errno) {
            if specification.begin.maximumProcesses != 0 {
                try groups.setLimit(specification.begin.maximumProcesses)
            }
            let pipe = try Pipe()
            process = try LinuxCall.fork()
            if process == 0 { become(streams, groups, pipe.writing) }
            // Our writing end goes, or the read below never ends.
            let reading = pipe.reading
            _ = consume pipe.writing
            let isComplaint = try withArgument(of: &complaint) { (complaint) throws(Errno) in
                try LinuxCall.read(reading.number, complaint, MemoryLayout<Complaint>.size) > 0
            }
            if !isComplaint { return process }
        } catch {
            throw JobFailure(.outOfMemory, error, about: [])
        }
        let errno = Errno(code: complaint.errno)
        if complaint.stage == GuestMessage.FailureStage.workingDirectory.rawValue {
            throw JobFailure(.workingDirectory, errno, about: specification.workingDirectory)
        }
        throw execFailure(errno)
    }

    private func execFailure(_ error: Errno) -> JobFailure {
        JobFailure(.exec, error, about: specification.arguments.first ?? [])
    }

    // MARK: In the command's process

    /// Does not return.
    /// - Parameter complaints: closed by a successful exec.
    private func become(
        _ streams: borrowing StandardStreams, _ groups: borrowing ControlGroups,
        _ complaints: borrowing Descriptor
    ) {
        var complaint = Complaint()
        do throws(Errno) {
            complaint.stage = GuestMessage.FailureStage.exec.rawValue
            try LinuxCall.setsid()
            try streams.become()
            try groups.join()
            exposeToMemoryKiller()
            try limit()
            try takeIdentity()
            complaint.stage = GuestMessage.FailureStage.workingDirectory.rawValue
            try Mount.changeDirectory(directory)
            complaint.stage = GuestMessage.FailureStage.exec.rawValue
            try LinuxCall.umask(0o022)
            try Signals.unblockAll()
            try execute()
        } catch {
            complaint.errno = error.code
        }
        _ = try? withArgument(of: &complaint) { (text) throws(Errno) in
            try LinuxCall.write(complaints.number, text, MemoryLayout<Complaint>.size)
        }
        while true { _ = try? LinuxCall.exit_group(127) }
    }

    /// execvp(3): the first candidate that is there; one that may not be executed is remembered, not fatal.
    private func execute() throws(Errno) {
        var failure = Errno.noSuchFile
        for candidate in candidates {
            do throws(Errno) {
                try candidate.withArgument { (path) throws(Errno) in
                    try LinuxCall.execve(path, arguments.argument, environment.argument)
                }
            } catch {
                switch error {
                case .noSuchFile, .notDirectory: continue
                case .accessDenied: failure = error
                default: throw error
                }
            }
        }
        throw failure
    }

    /// Init itself is never killed for want of memory; the job is.
    private func exposeToMemoryKiller() {
        guard let file = try? Descriptor.open("/proc/self/oom_score_adj", OpenFlags.writeOnly) else { return }
        _ = try? file.writeAll([UInt8(ascii: "0")])
    }

    private func limit() throws(Errno) {
        // The tiny kernel's. Linux's own: at most 4096 files for process 1, and pending signals by its memory, 950 in
        // 256 MiB (RLIMIT_SIGPENDING).
        if specification.begin.openFiles == 0 { _ = try? Self.limit(0, 7, soft: 1024, hard: 1 << 20) }
        _ = try? Self.limit(0, 11, soft: 16384, hard: 16384)
        try Self.limit(0, specification.begin)
    }

    /// Holds a restored job, which runs already, to what the new job may.
    /// - Parameter process: the command's.
    func limitRunning(_ process: Int, _ groups: borrowing ControlGroups) throws(JobFailure) {
        let begin = specification.begin
        do throws(Errno) {
            if begin.maximumProcesses != 0 { try groups.setLimit(begin.maximumProcesses) }
            for process in groups.processes(process) { try Self.limit(process, begin) }
        } catch {
            throw JobFailure(.exec, error, about: [])
        }
    }

    /// - Parameter process: 0: the one that calls this.
    private static func limit(_ process: Int, _ begin: HostMessage.Begin) throws(Errno) {
        if begin.openFiles != 0 {
            // RLIMIT_NOFILE
            try limit(process, 7, soft: UInt64(begin.openFiles), hard: UInt64(begin.openFilesHard))
        }
        if begin.maximumProcesses != 0 {
            let maximum = UInt64(begin.maximumProcesses)
            try limit(process, 6, soft: maximum, hard: maximum)      // RLIMIT_NPROC
        }
    }

    private static func limit(_ process: Int, _ resource: Int, soft: UInt64, hard: UInt64) throws(Errno) {
        var limit = linux_rlimit(soft: soft, hard: hard)
        try withArgument(of: &limit) { (limit) throws(Errno) in
            try LinuxCall.prlimit64(process, resource, limit, 0)
        }
    }

    private func takeIdentity() throws(Errno) {
        #if SWIFTLET_GUEST
            // The machine's memory and the kernel's modules are not for the job's superuser (PR_CAPBSET_DROP:
            // CAP_SYS_MODULE, CAP_SYS_RAWIO).
            for capability in [16, 17] { try LinuxCall.prctl(24, capability) }
            try LinuxCall.setgroups(0, 0)
        #endif
        let (user, group) = (Int(specification.begin.user), Int(specification.begin.group))
        try LinuxCall.setresgid(group, group, group)
        try LinuxCall.setresuid(user, user, user)
    }
}
