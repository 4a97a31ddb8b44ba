import CLinux
import Glibc
import JobRunner
import JobWire
import LinuxSystem
import SystemPackage

/// A batch from its first line to its last result. This thread reads, admits, judges retries and writes; each worker
/// runs one job at a time.
///
///     LineReader → BatchJob → (admission) → BatchWorker → ResultJSON → BatchOutput
final class BatchRun {
    /// A job that was read, with what it needs open as long as it runs.
    private struct Job {
        let position: Int
        let place: BatchOutput.Place
        let json: ResultJSON
        var request: JobRequest { json.request }
        let image: BatchResources.Image
        let kernel: BatchResources.Kernel
        let standardInput: SharedDescriptor?
        var attempts = 1

        /// What it may take of the host, in bytes: its guest's memory, its VMM's and the output that is kept; or, when they
        /// are gone, that output and its line of JSON.
        var memoryBytes: UInt64 {
            let limit = request.outputLimitBytes ?? RunOptions.defaultCaptureLimit
            let (kept, _) = limit.multipliedReportingOverflow(by: 2)
            let (line, isHuge) = limit.multipliedReportingOverflow(by: BatchRun.lineBytesPerByte)
            if isHuge { return UInt64.max / 4 }
            return max(request.memoryBytes + BatchRun.machineBytes + kept, line)
        }
    }

    private let options: BatchOptions
    private let resources = BatchResources()
    private let completions: Mailbox<BatchWorker.Completion>
    private let cancellation: EventFD
    private let signals: OwnedDescriptor
    private let reaper: Reaper
    private var reader: LineReader
    private var output: BatchOutput
    private var workers: [BatchWorker] = []
    private var idle: [Int] = []
    private var running: [Int: Job] = [:]
    private var memoryInUse: UInt64 = 0
    private let memoryTotal: UInt64
    /// The next job, read but not admitted yet.
    private var waiting: Job?
    private var position = 0
    private var isInputAtEnd = false
    private var isStopping = false
    private var isCancelled = false
    private var summary = BatchSummary()
    private let progress = ProgressLine()
    private let begun = monotonicNanoseconds()

    /// A VMM without its guest's memory (measured: 3 MiB and page tables; with room).
    private static let machineBytes: UInt64 = 16 << 20
    /// Both streams with their bytes, and as JSON: six bytes for each that is a control character, and base64 beside.
    private static let lineBytesPerByte: UInt64 = 17
    /// Results that wait for an earlier one: no more jobs are admitted beyond these.
    private static let maximumHeld = 4096
    private static let maximumHeldBytes = 64 << 20

    init(
        _ options: BatchOptions, input: FileDescriptor, runner: JobRunner, shells: ShellPool?, reaper: Reaper
    ) throws(BatchFailure) {
        self.options = options
        self.reaper = reaper
        reader = LineReader(input)
        output = try BatchOutput(
            path: options.outputPath, resumes: options.resumes, isOrdered: !options.isUnordered)
        let total = linux_physical_memory()
        memoryTotal = options.totalMemoryBytes ?? BatchResources.availableMemory(otherwise: total) / 10 * 9
        do throws(Errno) {
            completions = try Mailbox()
            cancellation = try EventFD()
            // Blocked before there are workers, so that only this thread takes them.
            signals = try OwnedDescriptor(checking: linux_stop_signals(0))
            let count = options.parallelJobs ?? max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
            for index in 0..<count {
                workers.append(
                    try BatchWorker(index: index, runner: runner, shells: shells, completions: completions))
                idle.append(index)
            }
        } catch {
            throw BatchFailure("preparing the batch: \(error)")
        }
    }

    /// - Returns: The exit status: 0 all succeeded, 1 not all, 130 and the like cancelled.
    func run() throws(BatchFailure) -> Int32 {
        var signal: CInt = 0
        while true {
            try admit()
            if running.isEmpty, isStopping || (isInputAtEnd && waiting == nil) { break }
            signal = try wait() ?? signal
            for completion in completions.take() { try complete(completion) }
            showProgress()
        }
        progress.clear()
        try output.flush()
        reaper.finish()
        if !options.isQuiet {
            let text = summary.text(
                nanoseconds: monotonicNanoseconds() - begun, alreadyDone: output.doneCount,
                failedBefore: output.failedCount, notRun: isStopping)
            Terminal.say("swiftlet: \(text)")
        }
        if isCancelled { return 128 + signal }
        return summary.failed + output.failedCount == 0 ? 0 : 1
    }

    /// Sleeps until something has happened. - Returns: A signal that asks to stop.
    private func wait() throws(BatchFailure) -> CInt? {
        let wantsInput = !isStopping && !isInputAtEnd && waiting == nil && !idle.isEmpty && hasRoom
        var descriptors = [
            pollfd(fd: completions.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
            pollfd(fd: signals.borrowed.rawValue, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wantsInput ? reader.descriptor.rawValue : -1, events: Int16(POLLIN), revents: 0),
        ]
        let ready = linux_poll_many(&descriptors, 3, UInt64.max)
        if ready < 0, ready != -EINTR { throw BatchFailure("waiting for jobs: \(Errno(rawValue: -ready))") }
        guard descriptors[1].revents != 0 else { return nil }
        let signal = linux_next_signal(signals.borrowed.rawValue)
        guard signal > 0 else { return nil }
        isStopping = true
        isCancelled = true
        cancellation.signal()
        // The next one ends this process at once; its VMMs go with it.
        linux_release_stop_signals()
        return signal
    }

    private func showProgress() {
        guard !options.isQuiet else { return }
        let seconds = Double(monotonicNanoseconds() - begun) / 1e9
        let rate = BatchSummary.decimal(Double(summary.jobs) / max(seconds, 0.001))
        progress.update(
            "\(summary.jobs) jobs", "\(rate)/s, \(summary.failed) failed, \(running.count) running")
    }
}

// MARK: - Admission

extension BatchRun {
    /// Whether results may wait for their turn in such numbers.
    private var hasRoom: Bool {
        position - output.nextPosition < Self.maximumHeld && output.heldBytes < Self.maximumHeldBytes
    }

    /// Starts jobs as far as workers and memory allow. A job that is larger than all memory runs alone.
    private func admit() throws(BatchFailure) {
        while !isStopping, !idle.isEmpty, hasRoom {
            if waiting == nil { waiting = try nextJob() }
            guard let job = waiting else { return }
            let inUse = memoryInUse + UInt64(output.heldBytes)
            guard running.isEmpty || inUse + job.memoryBytes <= memoryTotal else { return }
            guard let worker = idle.popLast() else { return }
            waiting = nil
            memoryInUse += job.memoryBytes
            start(job, on: worker)
        }
    }

    private func start(_ job: Job, on worker: Int) {
        running[worker] = job
        let (json, place) = (job.json, job.place)
        workers[worker].run(.init(request: job.request) { json.line(of: $0, place: place) })
    }

    /// The next job to run; nil if there is none now. Lines that are no jobs have their result at once.
    private func nextJob() throws(BatchFailure) -> Job? {
        while !isStopping {
            let next: LineReader.Next
            do throws(Errno) { next = try reader.next() } catch {
                throw BatchFailure("reading the jobs: \(error)")
            }
            switch next {
            case .notYet: return nil
            case .end:
                isInputAtEnd = true
                return nil
            case .tooLong(let number):
                let limit = LineReader.maximumBytes >> 20
                try refuse(
                    line: number, digest: 0, status: ExitStatus.usage, "it is longer than \(limit) MiB")
            case .line(let number, let bytes):
                let digest = BatchOutput.digest(of: bytes)
                if try output.hasResult(line: number, digest: digest) { continue }
                do throws(UsageError) {
                    return try job(line: number, digest: digest, bytes)
                } catch {
                    try refuse(line: number, digest: digest, status: ExitStatus.usage, error.description)
                }
            }
        }
        return nil
    }

    private func template(_ name: String) throws(UsageError) -> RestoredTemplate {
        do throws(BatchFailure) { return try resources.template(name) } catch {
            throw UsageError(error.text)
        }
    }

    /// - Throws: `UsageError` if the line is no job. What the host lacks for it is no fault of the line's and becomes its
    ///   result as well.
    private func job(line: UInt64, digest: UInt64, _ bytes: [UInt8]) throws(UsageError) -> Job {
        let parsed = try BatchJob(line: bytes, defaults: options.defaults)
        let given = parsed.given.union(options.given)
        var command = RunCommand(parsed.options, given: given, command: parsed.command, begun: begun)
        if let name = parsed.options.template { command = try command.restoring(template(name)) }
        let paths = try command.resolvedPaths()
        do throws(BatchFailure) {
            let kernel = try resources.kernel(command.options.kernel, initramfs: command.options.initramfs)
            if let misfit = command.misfit(of: kernel.kernel) { throw BatchFailure(misfit) }
            let image = try resources.image(command.options.image)
            if let restored = command.restored { try resources.check(restored, image, kernel) }
            var request = command.request(
                kernel: kernel.kernel, image: image.image.descriptor.borrowed, paths)
            let standardInput = try parsed.standardInput.map { text throws(BatchFailure) in
                try SharedDescriptor(holding: text)
            }
            request.standardInput = standardInput?.descriptor
            request.cancellation = cancellation.descriptor
            do throws(LaunchError) { request.disk = try command.scratchDisk() } catch {
                throw BatchFailure(error.description)
            }
            defer { position += 1 }
            let json = ResultJSON(
                options: command.options, request: request, imageDigest: image.image.digest,
                kernel: kernel.kernel, kernelDigest: kernel.digest)
            return Job(
                position: position, place: .init(line: line, digest: digest), json: json, image: image,
                kernel: kernel, standardInput: standardInput)
        } catch {
            throw UsageError(error.text)
        }
    }
}

// MARK: - Results

extension BatchRun {
    private func complete(_ completion: BatchWorker.Completion) throws(BatchFailure) {
        guard var job = running.removeValue(forKey: completion.worker) else { return }
        if Self.mayRetry(completion.outcome), job.attempts <= options.retries, !isStopping {
            job.attempts += 1
            return start(job, on: completion.worker)
        }
        idle.append(completion.worker)
        memoryInUse -= job.memoryBytes
        switch completion.outcome {
        case .success(let result):
            // Cancelled by us, it has no result: `--resume` runs it again.
            if isCancelled, result.verdict.reason == .cancelled {
                return try give(job.position, nil, failed: true)
            }
            summary.count(
                reason: result.verdict.reason.rawValue, status: result.verdict.status,
                wallMicroseconds: Phases(result.timeline).wall)
            try give(job.position, completion.line, failed: result.verdict.status != 0)
        case .failure(let error):
            try refuse(
                line: job.place.line, digest: job.place.digest, at: job.position,
                status: ExitStatus.ownFailure, error.description)
        }
    }

    /// Swiftlet's own fault, and no instruction of the guest has run.
    private static func mayRetry(_ outcome: Result<JobResult, LaunchError>) -> Bool {
        switch outcome {
        case .success(let result):
            [.startFailed, .vmmError].contains(result.verdict.reason) && result.timeline.guestEntered == 0
        case .failure(.jail), .failure(.system), .failure(.machine), .failure(.kvm): true
        case .failure: false
        }
    }

    private func give(_ position: Int, _ text: [UInt8]?, failed: Bool) throws(BatchFailure) {
        try output.deliver(position: position, text)
        if failed, options.failsFast { isStopping = true }
    }

    /// The result of a job that could not be run, and a line for the user.
    private func refuse(
        line: UInt64, digest: UInt64, at position: Int? = nil, status: Int32, _ problem: String
    ) throws(BatchFailure) {
        progress.clear()
        // Its words may be an attacker's: one line, without control characters, and no longer than a person reads.
        if !options.isQuiet { Terminal.say("swiftlet: line \(line): \(printable(Array(problem.utf8)))") }
        var json = JSONWriter()
        json.object {
            BatchOutput.Place(line: line, digest: digest).write(to: &$0)
            $0.number("status", status)
            $0.string("reason", Reason.startFailed.rawValue)
            $0.string("message", "line \(line): \(problem)")
        }
        json.raw("\n")
        summary.count(reason: Reason.startFailed.rawValue, status: status, wallMicroseconds: nil)
        let turn = position ?? self.position
        if position == nil { self.position += 1 }
        try give(turn, json.bytes, failed: true)
    }
}

/// A descriptor that lives as long as its job.
private final class SharedDescriptor {
    private let file: OwnedDescriptor
    var descriptor: FileDescriptor { file.borrowed }

    /// A file in memory with this content, to be read from its start.
    init(holding bytes: [UInt8]) throws(BatchFailure) {
        do throws(Errno) {
            let file = try OwnedDescriptor.memoryFile(name: "stdin")
            try file.borrowed.write(all: bytes)
            try file.borrowed.rewind()
            self.file = file
        } catch {
            throw BatchFailure("a standard input in memory: \(error)")
        }
    }
}
