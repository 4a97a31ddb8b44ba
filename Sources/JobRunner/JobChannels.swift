import CLinux
import Glibc
import JobWire
import LinuxSystem
import SystemPackage

/// What connects a job's VMM with us: our ends, and until the VMM has started, its ends.
final class JobChannels {
    let control: OwnedDescriptor
    let events: OwnedDescriptor
    /// Names this boot of this machine: reports that do not are not the job's.
    let nonce: GuestMessage.Nonce
    private var output: CapturedStream?
    private var error: CapturedStream?
    /// Our ends of a prepared machine's pipes until it has a job; then what is made of them.
    private var pipes: Pipes?
    private var warm: WarmStreams?

    private var remoteControl: OwnedDescriptor?
    private var remoteEvents: OwnedDescriptor?
    private var remoteInput: OwnedDescriptor?
    private var remoteOutput: OwnedDescriptor?
    private var remoteError: OwnedDescriptor?

    /// Our ends of the standard streams of a machine whose job is not known yet.
    struct Pipes: ~Copyable {
        var input: OwnedDescriptor
        var output: OwnedDescriptor
        var error: OwnedDescriptor
    }

    private init(_ pipes: consuming Pipes?) throws(Errno) {
        var generator = SystemRandomNumberGenerator()
        nonce = GuestMessage.Nonce(low: generator.next(), high: generator.next())
        let controlPair = try SocketPair(type: CInt(SOCK_STREAM.rawValue))
        let eventsPair = try SocketPair(type: CInt(SOCK_SEQPACKET.rawValue))
        control = controlPair.first
        remoteControl = .some(controlPair.second)
        events = eventsPair.first
        remoteEvents = .some(eventsPair.second)
        self.pipes = pipes
    }

    /// Of a machine for this job.
    convenience init(_ request: JobRequest) throws(Errno) {
        try self.init(nil as Pipes?)
        let limit = request.outputLimitBytes ?? 0
        if case .captured = request.standardOutput {
            let pipe = try Pipe()
            output = try CapturedStream(pipe.reading, limit: limit)
            remoteOutput = .some(pipe.writing)
        }
        if case .captured = request.standardError {
            let pipe = try Pipe()
            error = try CapturedStream(pipe.reading, limit: limit)
            remoteError = .some(pipe.writing)
        }
    }

    /// Of a machine whose job is not known yet.
    static func ofUnknownJob() throws(Errno) -> JobChannels {
        let input = try Pipe()
        let output = try Pipe()
        let error = try Pipe()
        let channels = try JobChannels(
            Pipes(input: input.writing, output: output.reading, error: error.reading))
        channels.remoteInput = .some(input.reading)
        channels.remoteOutput = .some(output.writing)
        channels.remoteError = .some(error.writing)
        return channels
    }

    /// Of a machine that another process has prepared.
    init(
        control: consuming OwnedDescriptor, events: consuming OwnedDescriptor, nonce: GuestMessage.Nonce,
        pipes: consuming Pipes
    ) {
        self.control = control
        self.events = events
        self.nonce = nonce
        self.pipes = .some(pipes)
    }

    /// For the process that gets this machine: control, events, and the standard streams' ends.
    var descriptors: [FileDescriptor] {
        [control.borrowed, events.borrowed]
            + [pipes?.input.borrowed, pipes?.output.borrowed, pipes?.error.borrowed].compactMap { $0 }
    }

    /// The prepared machine's job is known: its streams have their other ends from here on.
    func connect(_ request: JobRequest) throws(Errno) {
        guard let pipes = pipes.take() else { return }
        let limit = request.outputLimitBytes
        let streams = try WarmStreams(input: pipes.input, from: request.standardInput)
        switch request.standardOutput {
        case .captured: output = try CapturedStream(pipes.output, limit: limit ?? 0)
        case .descriptor(let sink):
            streams.output = OutputPipe(pipes.output, to: sink, limit: limit, changed: streams.changed)
        }
        switch request.standardError {
        case .captured: error = try CapturedStream(pipes.error, limit: limit ?? 0)
        case .descriptor(let sink):
            streams.error = OutputPipe(pipes.error, to: sink, limit: limit, changed: streams.changed)
        }
        warm = streams
    }

    /// Nil: the VMM has the caller's streams itself.
    var warmStreams: WarmStreams? { warm }

    /// Whether more than the output limit has come to a stream that is kept.
    var isCapturedOverLimit: Bool { output?.isOverLimit == true || error?.isOverLimit == true }

    /// Starts the VMM for this job with the other ends and closes them here: from then on its end is our end of file.
    func launch(
        _ request: JobRequest, kvm: FileDescriptor, _ start: MachineStarter
    ) throws(LaunchError) -> MachineProcess {
        var machine = MachineStart(request.shape, kvm: kvm)
        if let disk = request.disk { machine.passDisk(disk.descriptor, rates: request.diskRates.argument) }
        let sinks = [request.standardOutput, request.standardError].map(Self.sink)
        return try launch(
            machine, input: request.standardInput, output: sinks[0], error: sinks[1],
            limit: request.outputLimitBytes, rate: request.streamRate, start)
    }

    /// Starts the VMM of a machine whose job is not known yet.
    func launch(
        _ shape: MachineShape, kvm: FileDescriptor, _ start: MachineStarter
    ) throws(LaunchError) -> MachineProcess {
        try launch(
            MachineStart(shape, kvm: kvm), input: remoteInput?.borrowed, output: nil, error: nil, limit: nil,
            rate: shape.streamRate, start)
    }

    private func launch(
        _ start: MachineStart, input: FileDescriptor?, output: FileDescriptor?, error: FileDescriptor?,
        limit: UInt64?, rate: UInt64?, _ starter: MachineStarter
    ) throws(LaunchError) -> MachineProcess {
        var machine = start
        if let remoteEvents = remoteEvents?.borrowed { machine.pass("--events", remoteEvents) }
        machine.pass("--nonce", nonce.hexadecimal)
        if let remoteControl = remoteControl?.borrowed {
            machine.passStream(JobPort.control, remoteControl, limit: nil)
        }
        if let input { machine.passStream(JobPort.standardInput, input, limit: nil, rate: rate) }
        if let sink = output ?? remoteOutput?.borrowed {
            machine.passStream(JobPort.standardOutput, sink, limit: limit, rate: rate)
        }
        if let sink = error ?? remoteError?.borrowed {
            machine.passStream(JobPort.standardError, sink, limit: limit, rate: rate)
        }
        let process = try starter(machine)
        remoteControl = nil
        remoteEvents = nil
        remoteInput = nil
        remoteOutput = nil
        remoteError = nil
        return process
    }

    private static func sink(_ sink: JobRequest.OutputSink) -> FileDescriptor? {
        if case .descriptor(let descriptor) = sink { return descriptor }
        return nil
    }

    /// For poll: the captured stream's descriptor while there is more to come, else -1, which poll skips.
    var outputDescriptor: CInt {
        guard output != nil, output?.isAtEnd == false, output?.isOverLimit == false else { return -1 }
        return output?.reading.borrowed.rawValue ?? -1
    }

    var errorDescriptor: CInt {
        guard error != nil, error?.isAtEnd == false, error?.isOverLimit == false else { return -1 }
        return error?.reading.borrowed.rawValue ?? -1
    }

    func drainCaptured() {
        output?.drain()
        error?.drain()
    }

    /// What is known here of what has arrived, whatever the VMM had the time to say.
    func count(_ outputResult: inout StreamResult, _ errorResult: inout StreamResult) {
        outputResult.captured = output?.bytes
        errorResult.captured = error?.bytes
        if output?.isOverLimit == true { outputResult.isCut = true }
        if error?.isOverLimit == true { errorResult.isCut = true }
        if let progress = warm?.output?.progress { outputResult.note(progress) }
        if let progress = warm?.error?.progress { errorResult.note(progress) }
    }
}

extension GuestMessage.Nonce {
    /// Its 16 bytes in order.
    var hexadecimal: String {
        [low, high].map { half in
            let digits = String(half.byteSwapped, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
