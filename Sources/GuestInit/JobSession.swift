import JobWire

/// One job, from the first word with the host to the last (docs/protocol.md §3).
///
///     connect · hello · read the job · start the command · carry its streams · its end · report
struct JobSession: ~Copyable {
    private let sockets: JobSockets
    private let nonce: GuestMessage.Nonce
    private let clock: Clock
    private let groups: ControlGroups
    private let children: Descriptor
    private let hasDisk: Bool

    /// - Parameter children: from `Signals.start`.
    init(
        _ sockets: JobSockets, _ nonce: GuestMessage.Nonce, _ clock: Clock,
        _ groups: consuming ControlGroups, _ children: consuming Descriptor, hasDisk: Bool
    ) {
        self.sockets = sockets
        self.nonce = nonce
        self.clock = clock
        self.groups = groups
        self.children = children
        self.hasDisk = hasDisk
    }

    /// Returns when the host has all there is to know of the job.
    consuming func run() {
        let sockets = self.sockets
        let output = connect(JobPort.standardOutput)
        let error = connect(JobPort.standardError)
        let socket = must("init: no connection to the host over vsock") { () throws(Errno) in
            try sockets.connectControl()
        }
        let last = must("init: duplicate the control stream") { () throws(Errno) in try socket.duplicate() }
        let control = ControlStream(socket)
        control.queue(
            .hello(version: WireLimit.version, nonce: nonce, sinceEntryNanoseconds: clock.sinceEntry))
        control.flush()
        do throws(JobFailure) {
            try runJob(control, output, error)
        } catch {
            control.queue(.failed(stage: error.stage, errno: error.errno.code, about: error.about))
            control.flush()
        }
        last.closeAfterAnswer()
    }

    private borrowing func connect(_ port: UInt32) -> Descriptor {
        let sockets = self.sockets
        return must("init: no connection to the host over vsock") { () throws(Errno) in
            try sockets.connect(port)
        }
    }

    private consuming func runJob(
        _ control: ControlStream, _ output: consuming Descriptor, _ error: consuming Descriptor
    ) throws(JobFailure) {
        var reader = JobReader(control)
        var input: Descriptor?
        let sockets = self.sockets
        try reader.read { begin in
            guard begin.isInputConnected else { return }
            input = must("init: no connection to the host over vsock") { () throws(Errno) in
                try sockets.connect(JobPort.standardInput)
            }
        }
        let job = reader.specification
        let command = JobCommand(job)
        let report = must("init: read /proc") { () throws(Errno) in try JobReport.begin() }
        let plumbing: Plumbing
        do throws(Errno) {
            plumbing = job.begin.isTerminal
                ? try Plumbing.terminal(of: job, input: input, output: output, unused: error)
                : try Plumbing.pipes(input: input, output: output, error: error)
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
