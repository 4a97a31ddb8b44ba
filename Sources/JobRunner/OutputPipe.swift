import CLinux
import Glibc
import LinuxSystem
import SystemPackage

/// One output stream of a prepared machine, which ends in a pipe of ours: from the take on its bytes go to the caller's
/// descriptor. The relay's thread begins with the first byte, so a job without output has none.
struct OutputPipe: ~Copyable {
    private var reading: OwnedDescriptor?
    private var relay: StreamRelay?
    private let sink: FileDescriptor
    private let limit: UInt64
    private let changed: Mailbox<Void>
    /// Why no relay could begin.
    private var failure: Errno?
    /// What the VMM said of the stream's end, until all of it has been passed on.
    var closing: StreamResult?
    var isClosing: Bool { closing != nil }

    init(
        _ reading: consuming OwnedDescriptor, to sink: FileDescriptor, limit: UInt64?, changed: Mailbox<Void>
    ) {
        self.reading = .some(reading)
        self.sink = sink
        self.limit = limit ?? .max
        self.changed = changed
    }

    /// For poll, until the first byte or the end; then -1, which poll skips.
    var descriptor: CInt {
        switch reading {
        case .some(let pipe): pipe.borrowed.rawValue
        case .none: -1
        }
    }

    var progress: StreamRelay.Progress {
        if let relay { return relay.progress }
        var progress = StreamRelay.Progress()
        progress.hasEnded = descriptor < 0
        progress.writeErrno = failure?.rawValue ?? 0
        return progress
    }

    /// `poll` found something: the first byte, or the end of a stream that had none.
    mutating func begin() {
        guard let pipe = reading.take() else { return }
        let events = linux_poll(pipe.borrowed.rawValue, CInt(POLLIN), 0)
        guard events > 0, events & CInt(POLLIN) != 0 else {
            if events == 0 { reading = .some(pipe) }
            return
        }
        do throws(Errno) {
            let target = try OwnedDescriptor(checking: linux_dup_cloexec(sink.rawValue, 3))
            relay = try StreamRelay(from: pipe, to: target, limit: limit, changed: changed)
        } catch {
            failure = error
        }
    }

    /// No byte waits: the relay has ended, or the pipe is empty and never had one.
    var isPassedOn: Bool {
        if let relay { return relay.progress.hasEnded }
        let number = descriptor
        if number < 0 { return true }
        return linux_poll(number, CInt(POLLIN), 0) & CInt(POLLIN) == 0
    }

    /// How the stream ended, once the VMM has said so and the last byte is where it belongs.
    mutating func settled() -> StreamResult? {
        let progress = progress
        guard var result = closing, progress.hasEnded else { return nil }
        closing = nil
        if result.errno == 0 { result.errno = progress.writeErrno }
        result.bytes = progress.passed
        return result
    }
}
