import JobWire

/// One job, from the first word with the host to the last (docs/protocol.md §3).
///
///     connect · hello · read the job · start the command · carry its streams · its end · report
///
/// A job without a command is there to be saved: the machine is, and a restored one has a whole job before it.
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
        let control = host.control
        greet(control, isRestored: isRestored)
        do throws(JobFailure) {
            var reader = JobReader(control)
            let input = try read(&reader)
            if reader.specification.makesEmptyTemplate {
                save(.kernel, host)
                return run(isRestored: true)
            }
            try runJob(reader.specification, input, host)
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
            control.queue(
                .resumed(
                    .init(isReseeded: true, isClockStepped: true, isIdentityNew: true, wallClock: Clock.realtime)))
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

    /// Saves the machine. Goes on in a restored one.
    private mutating func save(_ kind: GuestMessage.Checkpoint, _ host: consuming HostStreams) {
        host.control.queue(.checkpoint(kind))
        host.end()
        let restored = checkpoint.save()
        (nonce, clock) = (restored.nonce, restored.clock)
    }

    private consuming func runJob(
        _ job: JobSpecification, _ input: consuming Descriptor?, _ host: consuming HostStreams
    ) throws(JobFailure) {
        let control = host.control
        let command = JobCommand(job)
        let report = must("init: read /proc") { () throws(Errno) in try JobReport.begin() }
        let plumbing: Plumbing
        do throws(Errno) {
            plumbing = job.begin.isTerminal
                ? try Plumbing.terminal(of: job, input: input, output: host.output, unused: host.error)
                : try Plumbing.pipes(input: input, output: host.output, error: host.error)
        } catch {
            throw JobFailure(.outOfMemory, error, about: [])
        }
        let process = try command.start(plumbing.streams, groups)
        control.queue(.started(sinceEntryNanoseconds: clock.sinceEntry))
        control.flush()
        // The job's ends are the job's alone from here on.
        _ = consume plumbing.streams
        var terminal = plumbing.terminal
        var run = JobRun(process: process, children, control, plumbing.relays)
        let end = run.waitForEnd { size in terminal?.setWindow(size) }
        run.endOthers()
        terminal = nil
        run.drain()
        var facts = report.make(end, nonce, refused: groups.refused())
        facts.standardOutputBytes = run.written[Relay.Stream.output.rawValue]
        facts.standardErrorBytes = run.written[Relay.Stream.error.rawValue]
        if hasDisk && ScratchDisk.isFull("/") { facts.diskRefused = 1 }
        control.queue(.exited(facts))
        JobFiles.send(job.outputs, to: control)
        control.queue(.finished)
        control.flush()
    }
}
