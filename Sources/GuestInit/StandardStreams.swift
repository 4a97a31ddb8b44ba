/// The job's ends of its three standard streams.
struct StandardStreams: ~Copyable {
    private let input: Descriptor
    private let output: Descriptor
    /// nil: the same as `output`, which is a terminal then.
    private let error: Descriptor?

    init(input: consuming Descriptor, output: consuming Descriptor, error: consuming Descriptor?) {
        self.input = input
        self.output = output
        self.error = consume error
    }

    static func duplicating(terminal: borrowing Descriptor) throws(Errno) -> StandardStreams {
        let input = try terminal.duplicate()
        let output = try terminal.duplicate()
        return StandardStreams(input: input, output: output, error: nil)
    }

    /// In the job's process, which leads a session: makes them descriptors 0, 1 and 2, and a terminal that of the session.
    borrowing func become() throws(Errno) {
        try LinuxCall.dup2(input.number, 0)
        try LinuxCall.dup2(output.number, 1)
        switch error {
        case .some(let error): try LinuxCall.dup2(error.number, 2)
        case .none:
            try LinuxCall.dup2(output.number, 2)
            try LinuxCall.ioctl(0, 0x540e, 0)      // TIOCSCTTY
        }
    }
}
