import JobWire

/// What lies between the host's streams and the job's descriptors: pipes, or a terminal.
struct Plumbing: ~Copyable {
    let streams: StandardStreams
    let relays: Relays
    let terminal: JobTerminal?
    /// The stream that a job with a terminal has no use for; the host waits for its end all the same.
    let unused: Descriptor?
    /// The reading end of the job's input, which is at its end until a template is restored; see `JobRun.answer`.
    let closedInput: Descriptor?

    private init(
        _ streams: consuming StandardStreams, _ relays: consuming Relays, terminal: consuming JobTerminal?,
        unused: consuming Descriptor?, closedInput: consuming Descriptor? = nil
    ) {
        self.streams = streams
        self.relays = relays
        self.terminal = terminal
        self.unused = unused
        self.closedInput = closedInput
    }

    /// Of a job that is to be a template: its input is at its end.
    static func template(
        output: consuming Descriptor, error: consuming Descriptor
    ) throws(Errno) -> Plumbing {
        let outputPipe = try Pipe()
        let errorPipe = try Pipe()
        let relays = [
            try Relay(.output, from: outputPipe.reading, to: output),
            try Relay(.error, from: errorPipe.reading, to: error),
        ]
        let inputPipe = try Pipe()
        let input = inputPipe.reading
        let closedInput = try input.duplicate()
        let streams = StandardStreams(input: input, output: outputPipe.writing, error: errorPipe.writing)
        return Plumbing(streams, Relays(all: relays), terminal: nil, unused: nil, closedInput: closedInput)
    }

    /// - Parameter input: nil: the job's standard input is empty.
    static func pipes(
        input: consuming Descriptor?, output: consuming Descriptor, error: consuming Descriptor
    ) throws(Errno) -> Plumbing {
        let outputPipe = try Pipe()
        let errorPipe = try Pipe()
        var relays = [
            try Relay(.output, from: outputPipe.reading, to: output),
            try Relay(.error, from: errorPipe.reading, to: error),
        ]
        let jobsInput: Descriptor
        if let socket = consume input {
            let pipe = try Pipe()
            relays.append(try Relay(.input, from: socket, to: pipe.writing))
            jobsInput = pipe.reading
        } else {
            jobsInput = try Descriptor.open("/dev/null", OpenFlags.readOnly)
        }
        let streams = StandardStreams(
            input: jobsInput, output: outputPipe.writing, error: errorPipe.writing)
        return Plumbing(streams, Relays(all: relays), terminal: nil, unused: nil)
    }

    /// - Parameter input: nil: nobody types.
    static func terminal(
        of job: JobSpecification, input: consuming Descriptor?, output: consuming Descriptor,
        unused: consuming Descriptor
    ) throws(Errno) -> Plumbing {
        let terminal = try JobTerminal.open(owner: job.begin.user, job.windowSize)
        let streams = try terminal.streams()
        let relays = try terminal.relays(input: input, output: output)
        return Plumbing(streams, relays, terminal: terminal, unused: unused)
    }
}
