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

    private var remoteControl: OwnedDescriptor?
    private var remoteEvents: OwnedDescriptor?
    private var remoteOutput: OwnedDescriptor?
    private var remoteError: OwnedDescriptor?

    init(_ request: JobRequest) throws(Errno) {
        var generator = SystemRandomNumberGenerator()
        nonce = GuestMessage.Nonce(low: generator.next(), high: generator.next())
        let controlPair = try SocketPair(type: CInt(SOCK_STREAM.rawValue))
        let eventsPair = try SocketPair(type: CInt(SOCK_SEQPACKET.rawValue))
        control = controlPair.first
        remoteControl = .some(controlPair.second)
        events = eventsPair.first
        remoteEvents = .some(eventsPair.second)
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

    /// Starts the VMM with the other ends and closes them here: from then on its end is our end of file.
    func launch(
        _ request: JobRequest, kvm: FileDescriptor, _ start: MachineStarter
    ) throws(LaunchError) -> MachineProcess {
        var machine = MachineStart()
        machine.pass("--kvm", kvm)
        machine.pass("--kernel", request.kernel)
        machine.memoryBytes = request.memoryBytes
        machine.pass("--memory", "\(request.memoryBytes)")
        if let remoteEvents = remoteEvents?.borrowed { machine.pass("--events", remoteEvents) }
        machine.pass("--nonce", nonce.hexadecimal)
        machine.pass("--root", request.image)
        if request.rootTransport != .pmem { machine.pass("--root-transport", request.rootTransport.rawValue) }
        switch request.template {
        case .none: break
        case .making(let memory): machine.pass("--save", memory)
        case .restoring(let file): machine.pass("--restore", file)
        }
        let rootRates = request.rootRates.argument
        if !rootRates.isEmpty { machine.pass("--root-rates", rootRates) }
        if let disk = request.disk { machine.passDisk(disk.descriptor, rates: request.diskRates.argument) }
        if let remoteControl = remoteControl?.borrowed {
            machine.passStream(JobPort.control, remoteControl, limit: nil)
        }
        if let input = request.standardInput {
            machine.passStream(JobPort.standardInput, input, limit: nil, rate: request.streamRate)
        }
        if let sink = Self.sink(request.standardOutput) ?? remoteOutput?.borrowed {
            machine.passStream(
                JobPort.standardOutput, sink, limit: request.outputLimitBytes, rate: request.streamRate)
        }
        if let sink = Self.sink(request.standardError) ?? remoteError?.borrowed {
            machine.passStream(
                JobPort.standardError, sink, limit: request.outputLimitBytes, rate: request.streamRate)
        }
        let process = try start(machine)
        remoteControl = nil
        remoteEvents = nil
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
        guard output != nil, output?.isAtEnd == false else { return -1 }
        return output?.reading.borrowed.rawValue ?? -1
    }

    var errorDescriptor: CInt {
        guard error != nil, error?.isAtEnd == false else { return -1 }
        return error?.reading.borrowed.rawValue ?? -1
    }

    func drainCaptured() {
        output?.drain()
        error?.drain()
    }

    /// Nil: not captured.
    var capturedOutput: [UInt8]? { output?.bytes }
    var capturedError: [UInt8]? { error?.bytes }
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
