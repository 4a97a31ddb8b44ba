import GuestNucleus
import JobWire

/// The job: what the kernel was booted for. Its side of docs/protocol.md §3.
///
///     connect · mount the root while the host answers · hello · read the job · process 1 · its end · report · power off
enum Job {
    // SAFETY: see Frames. Set at boot, before the job's thread runs.
    nonisolated(unsafe) private static var device: VsockDevice?
    nonisolated(unsafe) private static var controlConnection: VsockConnection?
    nonisolated(unsafe) private static var standardOutput: VsockConnection?
    nonisolated(unsafe) private static var standardError: VsockConnection?
    nonisolated(unsafe) private static var nonce = GuestMessage.Nonce(low: 0, high: 0)
    nonisolated(unsafe) private static var rootImage = swiftlet_memory_region(start: 0, size: 0)

    /// Keeps what the boot page says to the job.
    static func note(_ boot: UnsafeMutablePointer<swiftlet_boot_page>) {
        withUnsafeBytes(of: boot.pointee.nonce) { bytes in
            nonce = GuestMessage.Nonce(
                low: bytes.load(as: UInt64.self), high: bytes.load(fromByteOffset: 8, as: UInt64.self))
        }
        rootImage = boot.pointee.root_image
    }

    /// Begins the connections every job has, in one batch and before anything else is done: the host answers meanwhile.
    static func connect(_ device: VsockDevice) {
        self.device = device
        controlConnection = device.connect(to: JobPort.control, wide: true)
        standardOutput = device.connect(to: JobPort.standardOutput, wide: false)
        standardError = device.connect(to: JobPort.standardError, wide: false)
        device.publish()
    }

    /// The first kernel thread: fetches the job from the host, runs its command as process 1, reports, powers off.
    static func main() -> Never {
        mountRoot()
        guard let device, let controlConnection, let standardOutput, let standardError else {
            panic("no vsock device: nobody to get a job from")
        }
        let streams = JobStreams(
            device: device, control: JobControl(device, controlConnection),
            controlConnection: controlConnection,
            output: VsockStream(device, standardOutput, flags: OpenFlags.writeOnly),
            error: VsockStream(device, standardError, flags: OpenFlags.writeOnly))
        do throws(Errno) {
            try sayHello(streams.control)
            try run(streams)
            streams.control.shutDown()
        } catch {
            panic("the host ended the control stream before the job")
        }
        // What is in the transmit queue the host takes after the power is off, too (docs/machine.md): no need to wait.
        Platform.powerOff()
    }

    private static func sayHello(_ control: JobControl) throws(Errno) {
        control.queue(
            .hello(version: WireLimit.version, nonce: nonce, sinceEntryNanoseconds: Clock.sinceEntry))
        try control.flush()
    }

    private static func mountRoot() {
        do throws(ErofsImage.Refusal) {
            if rootImage.size > 0 {
                let image = MappedImage(start: rootImage.start, bytes: rootImage.size)
                try FileSystem.start(root: image, disk: Devices.disks.first)
            } else if let disk = Devices.disks.first {
                try FileSystem.start(root: BlockImage(disk), disk: Devices.disks.dropFirst().first)
            } else {
                panic("no root image: neither mapped nor on a block device")
            }
        } catch {
            panic(error.message)
        }
    }

    /// - Throws: `.brokenPipe` if the host is gone.
    private static func run(_ streams: JobStreams) throws(Errno) {
        var input: File?
        var terminal: JobTerminal?
        let control = streams.control
        var reader = JobInput(control)
        do throws(JobInput.Failure) {
            try reader.read { begin in
                if begin.makesTemplate { input = Checkpoint.prepare(streams.device) }
                guard begin.isInputConnected else { return }
                let connection = streams.device.connect(to: JobPort.standardInput, wide: true)
                streams.device.publish()
                input = VsockStream(streams.device, connection, flags: 0)
            }
            let command = JobCommand(reader.specification)
            if reader.specification.makesEmptyTemplate {
                input = nil
            } else if reader.specification.begin.isTerminal {
                terminal = try command.startOnTerminal(input: input, output: streams.output)
            } else {
                try command.start(input: input, output: streams.output, error: streams.error)
            }
        } catch {
            return try report(error, control)
        }
        input = nil
        if reader.specification.makesEmptyTemplate { return try saveThenRun(streams) }
        var outputs = reader.specification.outputs
        try JobCommand.tellStart(control)
        if reader.specification.begin.makesTemplate, try JobCommand.waitForCheckpoint() {
            guard let resumed = try saveThenResume(streams) else { return }
            outputs = resumed
            try JobCommand.tellStart(control)
        }
        let facts = try JobCommand.waitForEnd(nonce: nonce, control, terminal)
        try terminal?.finish()
        try finish(streams, facts, outputs)
    }

    private static func report(_ failure: JobInput.Failure, _ control: JobControl) throws(Errno) {
        control.queue(.failed(stage: failure.stage, errno: failure.errno.code, about: failure.about))
        try control.flush()
    }

    /// Saves the booted kernel. A restored one has a whole job before it.
    private static func saveThenRun(_ streams: JobStreams) throws(Errno) {
        try Checkpoint.save(.kernel, streams)
        try greet(streams)
        Scheduler.holdsPrograms = false
        try run(streams)
    }

    /// Saves the program that has asked for it. In a restored machine it goes on when the new job is known.
    /// - Returns: the new job's outputs; nil if it could not begin, which the host knows then.
    private static func saveThenResume(_ streams: JobStreams) throws(Errno) -> [JobSpecification.Output]? {
        try Checkpoint.save(.program, streams)
        try greet(streams)
        var reader = JobInput(streams.control, isResumption: true)
        do throws(JobInput.Failure) {
            try reader.read { begin in
                if begin.isInputConnected { Checkpoint.connectInput(streams.device) }
            }
            if reader.specification.isTooLong {
                throw JobInput.Failure(stage: .exec, errno: .argumentListTooLong, about: [])
            }
        } catch {
            try report(error, streams.control)
            return nil
        }
        JobCommand(reader.specification).limitFirst()
        Checkpoint.answer(reader.specification)
        return reader.specification.outputs
    }

    private static func greet(_ streams: JobStreams) throws(Errno) {
        streams.reconnect()
        try sayHello(streams.control)
        streams.control.queue(.resumed(Checkpoint.resumption))
        try streams.control.flush()
    }

    private static func finish(
        _ streams: JobStreams, _ facts: GuestMessage.ExitReport, _ outputs: [JobSpecification.Output]
    ) throws(Errno) {
        let control = streams.control
        var report = facts
        streams.device.shutDown(streams.output.connection, [.send, .receive])
        streams.device.shutDown(streams.error.connection, [.send, .receive])
        report.standardOutputBytes = streams.output.bytesWritten
        report.standardErrorBytes = streams.error.bytesWritten
        let sender = JobOutput(control: control)
        sender.queueUnsupported()
        control.queue(.exited(report))
        try sender.send(outputs)
        control.queue(.finished)
        try control.flush()
        try control.waitForPowerOff()
    }
}
