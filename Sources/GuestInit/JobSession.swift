import JobWire

/// One job, from the first word with the host to the last (docs/protocol.md §3).
///
///     connect · hello · read the job · start the command · carry its streams · its end · report
///
/// A job that is there to be saved: the machine is, at once if it has no command, else when a program asks. A restored one
/// has a whole new job before it, or goes on with what the new one brings.
struct JobSession: ~Copyable {
    private let sockets: JobSockets
    private let checkpoint: Checkpoint
    private var nonce: GuestMessage.Nonce
    private var clock: Clock
    private let groups: ControlGroups
    private let children: Descriptor
    private let hasDisk: Bool

    /// - Parameter children: from `Signals.start`.
    init(
        _ sockets: JobSockets, _ checkpoint: Checkpoint, _ nonce: GuestMessage.Nonce, _ clock: Clock,
        _ groups: consuming ControlGroups, _ children: consuming Descriptor, hasDisk: Bool
    ) {
        self.sockets = sockets
        self.checkpoint = checkpoint
        self.nonce = nonce
        self.clock = clock
        self.groups = groups
        self.children = children
        self.hasDisk = hasDisk
    }

    /// Returns when the host has all there is to know of the job.
    consuming func run() { run(isRestored: false) }

    private consuming func run(isRestored: Bool) {
        let host = HostStreams(sockets)
        var control = host.control
        greet(control, isRestored: isRestored)
        do throws(JobFailure) {
            var reader = JobReader(control)
            let input = try read(&reader)
            if reader.specification.makesEmptyTemplate {
                host.control.queue(.checkpoint(.kernel))
                host.end()
                save()
                return run(isRestored: true)
            }
            try runJob(reader.specification, input, host, &control)
        } catch {
            control.queue(.failed(stage: error.stage, errno: error.errno.code, about: error.about))
        }
        control.close()
    }

    private borrowing func greet(_ control: ControlStream, isRestored: Bool) {
        control.queue(
            .hello(version: WireLimit.version, nonce: nonce, sinceEntryNanoseconds: clock.sinceEntry))
        // Nothing of it can have failed: that would have been a panic.
        if isRestored {
            let done = GuestMessage.Resumption(
                isReseeded: true, isClockStepped: true, isIdentityNew: true, wallClock: Clock.realtime)
            control.queue(.resumed(done))
        }
        control.flush()
    }

    /// - Returns: the connection of the job's standard input, if it has one.
    private borrowing func read(_ reader: inout JobReader) throws(JobFailure) -> Descriptor? {
        var input: Descriptor?
        let sockets = self.sockets
        try reader.read { begin in
            guard begin.isInputConnected else { return }
            input = HostStreams.connect(sockets, JobPort.standardInput)
        }
        return input
    }

    /// Saves the machine, which has no connection any more. Goes on in a restored one.
    private mutating func save() {
        let restored = checkpoint.save()
        (nonce, clock) = (restored.nonce, restored.clock)
    }

    /// - Parameter control: becomes that of a restored machine.
    private mutating func runJob(
        _ job: JobSpecification, _ input: consuming Descriptor?, _ host: consuming HostStreams,
        _ control: inout ControlStream
    ) throws(JobFailure) {
        var report = must("init: read /proc") { () throws(Errno) in try JobReport.begin() }
        let plumbing = try plumb(job, input, host)
        let file = job.begin.makesTemplate ? makeCheckpointFile() : nil
        let process = try JobCommand(job).start(plumbing.streams, groups)
        tellStart(control)
        // The job's ends are the job's alone from here on.
        _ = consume plumbing.streams
        var terminal = plumbing.terminal
        var run = JobRun(process: process, children.number, control, plumbing.relays, file)
        var outputs = job.outputs
        var end = run.waitForEnd { size in terminal?.setWindow(size) }
        if end == nil {
            outputs = try saveThenResume(&run, plumbing.closedInput, &report, &control)
            end = run.waitForEnd { _ in }
        }
        guard let end else { panic("init: asked twice") }
        run.endOthers()
        terminal = nil
        run.drain()
        var facts = report.make(end, nonce, groups)
        facts.standardOutputBytes = run.written[Relay.Stream.output.rawValue]
        facts.standardErrorBytes = run.written[Relay.Stream.error.rawValue]
        if hasDisk && ScratchDisk.isFull("/") { facts.diskRefused = 1 }
        control.queue(.exited(facts))
        OutputFiles.send(outputs, to: control)
        control.queue(.finished)
        control.flush()
        control.waitForPowerOff()
    }

    private borrowing func plumb(
        _ job: JobSpecification, _ input: consuming Descriptor?, _ host: consuming HostStreams
    ) throws(JobFailure) -> Plumbing {
        do throws(Errno) {
            if job.begin.makesTemplate {
                return try Plumbing.template(output: host.output, error: host.error)
            }
            return job.begin.isTerminal
                ? try Plumbing.terminal(of: job, input: input, output: host.output, unused: host.error)
                : try Plumbing.pipes(input: input, output: host.output, error: host.error)
        } catch {
            throw JobFailure(.outOfMemory, error, about: [])
        }
    }

    private borrowing func makeCheckpointFile() -> CheckpointFile {
        let path = checkpoint.file
        return must("init: make /dev/checkpoint") { () throws(Errno) in try CheckpointFile.make(path) }
    }

    private borrowing func tellStart(_ control: ControlStream) {
        control.queue(.started(sinceEntryNanoseconds: clock.sinceEntry))
        control.flush()
    }

    /// Saves the machine with the program that has asked. In a restored one it goes on when the new job is known.
    /// - Returns: the new job's outputs.
    private mutating func saveThenResume(
        _ run: inout JobRun, _ closedInput: consuming Descriptor?, _ report: inout JobReport,
        _ control: inout ControlStream
    ) throws(JobFailure) -> [JobSpecification.Output] {
        run.closeCheckpoint()
        groups.freeze()
        run.disconnect()
        save()
        let host = HostStreams(sockets)
        control = host.control
        greet(control, isRestored: true)
        var reader = JobReader(control, isResumption: true)
        let input = try read(&reader)
        let job = reader.specification
        if job.isTooLong { throw JobFailure(.exec, .argumentListTooLong, about: []) }
        try JobCommand(job).limitRunning(run.process, groups)
        do throws(Errno) {
            try run.reconnect(host)
            try run.answer(job.arguments, input, closedInput)
        } catch {
            throw JobFailure(.outOfMemory, error, about: [])
        }
        report.restart(groups)
        groups.thaw()
        tellStart(control)
        return job.outputs
    }
}
