import CGuestInit
import JobWire

/// How a process ended: wait(2)'s status.
struct ProcessEnd {
    private let status: Int32

    init(status: Int32) { self.status = status }

    /// nil: it ended by itself.
    var signal: UInt32? { status & 0x7f == 0 ? nil : UInt32(status & 0x7f) }
    var code: UInt32 { UInt32(status >> 8 & 0xff) }
}

/// The command while it runs: carries its streams, follows its window and reaps whatever ends.
struct JobRun: ~Copyable {
    let process: Int
    /// The session's, which has it as long as there is a job.
    private let children: Int
    private var control: ControlStream
    private var relays: Relays
    /// nil: nobody may ask to be saved, or somebody has.
    private var checkpoint: CheckpointFile?
    private var isControlOpen = true
    /// By stream: bytes that are on their way to the host, or to the job.
    private(set) var written = InlineArray<4, UInt64>(repeating: 0)

    /// - Parameter children: the number of what `Signals.start` returns.
    init(
        process: Int, _ children: Int, _ control: ControlStream, _ relays: consuming Relays,
        _ checkpoint: consuming CheckpointFile?
    ) {
        self.process = process
        self.children = children
        self.control = control
        self.relays = relays
        self.checkpoint = checkpoint
    }

    /// Waits for the command's end.
    /// - Returns: nil when a program has asked for its checkpoint.
    mutating func waitForEnd(onWindow: (HostMessage.WindowSize) -> Void) -> ProcessEnd? {
        control.takeReceived(onWindow)
        while true {
            var wanted = relays.all.map { $0.wanted }
            wanted.append((children, Poll.readable))
            // The host says something only about a window; at the end of its stream there is nothing to wait for.
            if isControlOpen { wanted.append((control.number, Poll.readable)) }
            let openedAt = wanted.count
            // Who has opened the file may read it at any time, and there is no event for that.
            let isCheckpointOpen = checkpoint?.isOpen ?? false
            if let number = checkpoint?.opened.number { wanted.append((number, Poll.readable)) }
            let ready = must("init: wait for the job") { () throws(Errno) in
                try Poll.wait(for: wanted, milliseconds: isCheckpointOpen ? 1 : nil)
            }
            let count = relays.all.count
            advance(ready)
            if isControlOpen && ready[count + 1] {
                isControlOpen = control.take(onWindow)
            }
            if ready[count] {
                Signals.take(children)
                if let end = reap() { return end }
            }
            if ready.count > openedAt {
                if ready[openedAt] { checkpoint?.noteOpen() }
                if isCheckpointOpen && checkpoint?.isRead() ?? false { return nil }
            }
        }
    }

    // MARK: To be saved

    /// A program has asked: nobody else may.
    borrowing func closeCheckpoint() {
        must("init: close /dev/checkpoint") { () throws(Errno) in try checkpoint?.close() }
    }

    /// The job stands still: carries to the host what init holds of its output, not what is in the pipes still, and ends
    /// every connection.
    mutating func disconnect() {
        while relays.all.contains(where: { $0.isHolding }) {
            let holding = relays.all.map { $0.isHolding }
            let wanted = relays.all.filter { $0.isHolding }.map { $0.wanted }
            must("init: wait for the streams") { () throws(Errno) in _ = try Poll.wait(for: wanted) }
            advance(holding)
        }
        control.queue(.checkpoint(.program))
        control.flush()
        for relay in relays.all { relay.takeTarget()?.closeAfterAnswer() }
        control.close()
    }

    /// In a restored machine: the same pipes go to new connections. A stream that was over before has no use for one.
    mutating func reconnect(_ host: consuming HostStreams) throws(Errno) {
        control = host.control
        isControlOpen = true
        written = InlineArray(repeating: 0)
        var output: Descriptor? = host.output
        var error: Descriptor? = host.error
        for relay in relays.all {
            guard let target = relay.stream == .output ? output.take() : error.take() else { continue }
            try relay.connect(to: target)
        }
    }

    /// The new job's input and arguments.
    /// - Parameters:
    ///   - socket: nil: the input stays at its end.
    ///   - input: the reading end of what the job reads.
    mutating func answer(
        _ arguments: [[UInt8]], _ socket: consuming Descriptor?, _ input: consuming Descriptor?
    ) throws(Errno) {
        if let socket = consume socket, let input = consume input {
            let place = Path(Text.bytes("/proc/self/fd/") + Text.decimal(UInt64(input.number)))
            let target = try Descriptor.open(place, OpenFlags.writeOnly)
            relays.all.append(try Relay(.input, from: socket, to: target))
        }
        var text: [UInt8] = []
        for argument in arguments { text += argument + [0] }
        // Without any, the file is at its end at once.
        guard let file = checkpoint.take(), !text.isEmpty else { return }
        relays.all.append(try Relay(.arguments, bytes: text, to: file.fifo))
    }

    /// Nothing of the job outlives its command.
    func endOthers() {
        while true {
            _ = try? LinuxCall.kill(-1, Signals.kill)
            var status: Int32 = 0
            let ended = try? withArgument(of: &status) { (status) throws(Errno) in
                try LinuxCall.wait4(-1, status, 0, 0)
            }
            if ended == nil { return }
        }
    }

    /// Carries what the job has written, to the last byte. Nobody writes any more, and what was not read is nobody's.
    mutating func drain() {
        relays.all.removeAll { $0.stream == .input || $0.stream == .arguments }
        while !relays.all.isEmpty {
            let wanted = relays.all.map { $0.wanted }
            advance(must("init: wait for the streams") { () throws(Errno) in try Poll.wait(for: wanted) })
        }
    }

    private mutating func advance(_ ready: [Bool]) {
        var over: [Int] = []
        for (index, relay) in relays.all.enumerated() where ready[index] {
            if !relay.advance(&written[relay.stream.rawValue]) { over.append(index) }
        }
        for index in over.reversed() { relays.all.remove(at: index) }
    }

    /// Takes every child that has ended; as process 1, init gets those whose parents are gone.
    /// - Returns: how the command ended, if it has.
    private func reap() -> ProcessEnd? {
        while true {
            var status: Int32 = 0
            let ended = try? withArgument(of: &status) { (status) throws(Errno) in
                try LinuxCall.wait4(-1, status, 1, 0)      // WNOHANG
            }
            guard let ended, ended > 0 else { return nil }
            if ended == process { return ProcessEnd(status: status) }
        }
    }
}
