import CLinux
import Glibc
import JobWire
import LinuxSystem
import SystemPackage

/// Produces the host's side of the control stream, piece by piece as the guest takes it: the job's specification, the
/// contents of its input files, `start`. At most about 200 KiB of it are in memory, whatever the size of the files.
struct JobSender: ~Copyable {
    /// Content of one data frame, in bytes: large enough that headers do not matter, small enough to keep in memory.
    private static let pieceBytes = 128 * 1024

    private let entries: [InputPlan.Entry]
    private var nextEntry = 0
    private let outputs: [JobRequest.OutputFile]
    private var files: InputReader
    private var buffer: [UInt8] = []
    private var sent = 0
    private var hasStarted = false
    /// Whether the machine has been sent anything.
    private(set) var hasSent = false
    /// To be told when the frames before it are complete; the job's specification comes first.
    private var windowSize: HostMessage.WindowSize?

    init(_ request: JobRequest, inputs: InputPlan) {
        entries = inputs.entries
        outputs = request.outputs
        files = InputReader(inputs)
        HostMessage.begin(
            .init(
                isInputConnected: request.standardInput != nil, isTerminal: request.hasTerminal,
                makesTemplate: request.template.isMaking,
                user: request.user, group: request.group, maximumProcesses: request.processLimit ?? 0,
                openFiles: request.openFiles?.soft ?? 0, openFilesHard: request.openFiles?.hard ?? 0)
        ).encode(to: &buffer)
        if request.hasTerminal, let size = request.hostTerminal?.size {
            HostMessage.windowSize(size).encode(to: &buffer)
        }
        for argument in request.arguments { HostMessage.argument(argument).encode(to: &buffer) }
        for variable in request.environment { HostMessage.environment(variable).encode(to: &buffer) }
        HostMessage.workingDirectory(request.workingDirectory).encode(to: &buffer)
        // World-writable like /tmp, so that a job with a user of its own can work there.
        HostMessage.directory(mode: 0o1777, path: Array("/job".utf8)).encode(to: &buffer)
    }

    var isDone: Bool { hasStarted && sent == buffer.count && windowSize == nil }

    /// The terminal's window has changed: the job is told once it has started.
    mutating func tell(_ size: HostMessage.WindowSize) { windowSize = size }

    /// Sends as much as the socket takes now.
    ///
    /// - Returns: false when the other side is gone; then the VMM's end says why.
    mutating func send(to socket: FileDescriptor) throws(InputProblem) -> Bool {
        while !isDone {
            if sent == buffer.count { try refill() }
            let result = buffer.withUnsafeBytes { bytes in
                linux_send(
                    socket.rawValue, bytes.baseAddress.map { $0 + sent }, bytes.count - sent,
                    CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL))
            }
            if result == -Int(EAGAIN) || result == -Int(EINTR) { return true }
            if result < 0 { return false }
            sent += result
            hasSent = true
        }
        return true
    }

    /// Puts the next piece of the stream into the empty buffer.
    private mutating func refill() throws(InputProblem) {
        buffer.removeAll(keepingCapacity: true)
        sent = 0
        if hasStarted, let size = windowSize {
            windowSize = nil
            return HostMessage.windowSize(size).encode(to: &buffer)
        }
        while buffer.count < Self.pieceBytes, !hasStarted {
            if files.remaining > 0 {
                try appendFilePiece()
            } else if nextEntry < entries.count {
                try append(entries[nextEntry])
                nextEntry += 1
            } else {
                for (index, output) in outputs.enumerated() {
                    HostMessage.output(index: UInt32(index), path: output.guestPath).encode(to: &buffer)
                }
                HostMessage.start.encode(to: &buffer)
                // One job, then off.
                HostMessage.powerOff.encode(to: &buffer)
                hasStarted = true
            }
        }
    }

    private mutating func append(_ entry: InputPlan.Entry) throws(InputProblem) {
        switch entry {
        case .directory(let mode, let path):
            HostMessage.directory(mode: mode, path: path).encode(to: &buffer)
        case .symlink(let target, let path):
            HostMessage.symlink(target: target, path: path).encode(to: &buffer)
        case .file(let source, let path):
            let (mode, size) = try files.begin(source)
            HostMessage.file(mode: mode, size: size, path: path).encode(to: &buffer)
        }
    }

    private mutating func appendFilePiece() throws(InputProblem) {
        let piece = try files.read(upTo: Self.pieceBytes)
        DataFrame.appendHeader(count: piece.count, to: &buffer)
        buffer += piece
    }
}
