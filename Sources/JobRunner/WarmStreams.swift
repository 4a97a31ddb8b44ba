import CLinux
import JobWire
import LinuxSystem
import SystemPackage

/// The standard streams of a job on a machine that was prepared before it: pipes of ours, and the caller's streams that
/// they are joined with.
final class WarmStreams {
    /// Hears when a relay has ended.
    let changed: Mailbox<Void>
    /// The pipe that feeds the job, and what the job's input comes from; until the program runs, and if it has one.
    private var input: OwnedDescriptor?
    private let source: FileDescriptor?
    private var inputRelay: StreamRelay?
    /// Nil: kept in memory (`CapturedStream`).
    var output: OutputPipe?
    var error: OutputPipe?

    /// - Parameter source: Nil: the job's input is empty.
    init(input: consuming OwnedDescriptor, from source: FileDescriptor?) throws(Errno) {
        changed = try Mailbox()
        self.input = source == nil ? nil : .some(input)
        self.source = source
    }

    /// The job's program runs. Not before: a machine that fails may not have taken anything of the caller's input.
    func beginInput() throws(Errno) {
        guard let source, let pipe = input.take() else { return }
        let own = try OwnedDescriptor(checking: linux_dup_cloexec(source.rawValue, 3))
        inputRelay = try StreamRelay(from: own, to: pipe, changed: changed)
    }

    /// Why the input cannot be read any more; nil: it can, or has ended.
    var inputFailure: Errno? {
        guard let errno = inputRelay?.progress.readErrno, errno != 0 else { return nil }
        return Errno(rawValue: errno)
    }

    /// The VMM has reported a stream's end. - Returns: false if the stream is kept in memory.
    func close(port: UInt32, _ result: StreamResult) -> Bool {
        switch port {
        case JobPort.standardOutput where output != nil: output?.closing = result
        case JobPort.standardError where error != nil: error?.closing = result
        default: return false
        }
        return true
    }

    /// The VMM has reported an end of a stream of which not all is passed on.
    var isClosing: Bool {
        output?.isClosing == true || error?.isClosing == true
    }

    var isOverLimit: Bool {
        output?.progress.isOverLimit == true || error?.progress.isOverLimit == true
    }

    /// Whether all that came has been passed on, or cannot be.
    var isPassedOn: Bool {
        output?.isPassedOn != false && error?.isPassedOn != false
    }
}
