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
    private let process: Int
    private let children: Descriptor
    private let control: ControlStream
    private var relays: Relays
    private var isControlOpen = true
    /// By stream: bytes that are on their way to the host, or to the job.
    private(set) var written = InlineArray<3, UInt64>(repeating: 0)

    /// - Parameter children: from `Signals.start`.
    init(
        process: Int, _ children: consuming Descriptor, _ control: ControlStream, _ relays: consuming Relays
    ) {
        self.process = process
        self.children = children
        self.control = control
        self.relays = relays
    }

    /// Waits for the command's end.
    mutating func waitForEnd(onWindow: (HostMessage.WindowSize) -> Void) -> ProcessEnd {
        while true {
            var wanted = relays.all.map { $0.wanted }
            wanted.append((children.number, Poll.readable))
            // The host says something only about a window; at the end of its stream there is nothing to wait for.
            if isControlOpen { wanted.append((control.number, Poll.readable)) }
            let ready = must("init: wait for the job") { () throws(Errno) in try Poll.wait(for: wanted) }
            let count = relays.all.count
            advance(ready)
            if isControlOpen && ready[count + 1] {
                isControlOpen = control.take { message in
                    guard case .windowSize(let size) = message else {
                        panic("protocol error: a message out of order")
                    }
                    onWindow(size)
                }
            }
            if ready[count] {
                Signals.take(children)
                if let end = reap() { return end }
            }
        }
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
        relays.all.removeAll { $0.stream == .input }
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
