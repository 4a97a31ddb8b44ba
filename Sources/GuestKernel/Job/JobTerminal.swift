import GuestNucleus
import JobWire

/// The job's terminal, when it is asked for one (`swiftlet run -t`): a pseudo-terminal whose master is the kernel's own. Two
/// kernel threads carry its bytes, one from the host's standard input, one to its standard output.
final class JobTerminal {
    // SAFETY: see Frames. One for the job; its threads find it here, because a thread begins without arguments.
    nonisolated(unsafe) private static var current: JobTerminal?
    private static let pieceBytes = 4096

    private let master: TerminalMaster
    private let output: VsockStream
    private let input: File?
    private var isOutputDone = false
    private let outputDone = WaitQueue()

    /// - Parameter input: nil: nobody types.
    init(input: File?, output: VsockStream, owner: Credentials) throws(Errno) {
        self.input = input
        self.output = output
        master = try PseudoTerminals.open(nil, flags: 0, owner: owner)
        master.terminal.isLocked = false
    }

    /// The programs' side, for the job's three standard descriptors.
    func open() throws(Errno) -> File {
        try master.terminal.inode.open(flags: OpenFlags.readWrite | OpenFlags.noControllingTerminal)
    }

    func setWindow(_ size: HostMessage.WindowSize) {
        master.terminal.setWindow(
            WindowSize(rows: size.rows, columns: size.columns, width: size.width, height: size.height))
    }

    /// Makes it the terminal of process 1's session and begins to carry bytes.
    func start(for process: Process) {
        process.take(master.terminal)
        Self.current = self
        KernelThread.start(kernel_terminal_output_thread)
        if input != nil { KernelThread.start(kernel_terminal_input_thread) }
    }

    /// All programs have ended: waits until what they wrote is on its way to the host.
    func finish() throws(Errno) {
        master.terminal.endPrograms()
        while !isOutputDone { try outputDone.wait() }
        Self.current = nil
    }

    // MARK: The two threads

    fileprivate static func carryOutput() {
        guard let terminal = current else { return }
        _ = try? terminal.carry(from: terminal.master, to: terminal.output)
        terminal.isOutputDone = true
        terminal.outputDone.wakeAll()
    }

    fileprivate static func carryInput() {
        guard let terminal = current, let input = terminal.input else { return }
        _ = try? terminal.carry(from: input, to: terminal.master)
    }

    /// Until the source ends or the target takes no more.
    private func carry(from source: File, to target: File) throws(Errno) {
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 16)
        defer { piece.deallocate() }
        while true {
            var room = IOBuffer(kernel: UnsafeRawBufferPointer(piece))
            let count = try source.read(&room, at: nil)
            if count == 0 { return }
            var rest = IOBuffer(kernel: UnsafeRawBufferPointer(rebasing: piece[0..<count]))
            while rest.remaining > 0 { _ = try target.write(&rest, at: nil) }
        }
    }
}

@c func kernel_terminal_output_thread() {
    Scheduler.arrived()
    JobTerminal.carryOutput()
    Scheduler.exitCurrent()
}

@c func kernel_terminal_input_thread() {
    Scheduler.arrived()
    JobTerminal.carryInput()
    Scheduler.exitCurrent()
}
