import CGuestInit
import JobWire

/// The job's terminal, when it is asked for one (`swiftlet run -t`): a pseudo-terminal whose master is init's.
struct JobTerminal: ~Copyable {
    private let master: Descriptor
    /// Held until the job is over, so that a job that closes its terminal for a while does not end it.
    private let programsSide: Descriptor

    static func open(owner user: UInt32, _ size: HostMessage.WindowSize?) throws(Errno) -> JobTerminal {
        let flags = OpenFlags.readWrite | OpenFlags.noControllingTerminal
        let master = try Descriptor.open("/dev/ptmx", flags)
        var (unlock, number): (Int32, UInt32) = (0, 0)
        try withArgument(of: &unlock) { (unlock) throws(Errno) in
            try LinuxCall.ioctl(master.number, 0x4004_5431, unlock)       // TIOCSPTLCK
        }
        try withArgument(of: &number) { (number) throws(Errno) in
            try LinuxCall.ioctl(master.number, 0x8004_5430, number)       // TIOCGPTN
        }
        let programsSide = try Descriptor.open(
            Path(Text.bytes("/dev/pts/") + Text.decimal(UInt64(number))), flags)
        try LinuxCall.fchown(programsSide.number, Int(user), -1)
        let terminal = JobTerminal(master, programsSide)
        if let size { terminal.setWindow(size) }
        return terminal
    }

    private init(_ master: consuming Descriptor, _ programsSide: consuming Descriptor) {
        self.master = master
        self.programsSide = programsSide
    }

    borrowing func streams() throws(Errno) -> StandardStreams { try .duplicating(terminal: programsSide) }

    /// What is typed goes to it; nil: nobody types. What it shows goes to `output`.
    borrowing func relays(
        input: consuming Descriptor?, output: consuming Descriptor
    ) throws(Errno) -> Relays {
        var relays = [try Relay(.output, from: try master.duplicate(), to: output)]
        if let input = consume input {
            relays.append(try Relay(.input, from: input, to: try master.duplicate()))
        }
        return Relays(all: relays)
    }

    borrowing func setWindow(_ size: HostMessage.WindowSize) {
        var window = linux_winsize(
            rows: size.rows, columns: size.columns, width: size.width, height: size.height)
        _ = try? withArgument(of: &window) { (window) throws(Errno) in
            try LinuxCall.ioctl(master.number, 0x5414, window)     // TIOCSWINSZ
        }
    }
}
