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
        let control = JobControl(device, controlConnection)
        do throws(Errno) {
            control.queue(
                .hello(version: WireLimit.version, nonce: nonce, sinceEntryNanoseconds: Clock.monotonic))
            try control.flush()
            let output = VsockStream(device, standardOutput, flags: OpenFlags.writeOnly)
            let error = VsockStream(device, standardError, flags: OpenFlags.writeOnly)
            try run(device, control, output, error)
            control.shutDown()
        } catch {
            panic("the host ended the control stream before the job")
        }
        // What is in the transmit queue the host takes after the power is off, too (docs/machine.md): no need to wait.
        Platform.powerOff()
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
    private static func run(
        _ device: VsockDevice, _ control: JobControl, _ output: VsockStream, _ error: VsockStream
    ) throws(Errno) {
        var input: File?
        var terminal: JobTerminal?
        var reader = JobInput(control)
        do throws(JobInput.Failure) {
            try reader.read { begin in
                guard begin.isInputConnected else { return }
                let connection = device.connect(to: JobPort.standardInput, wide: true)
                device.publish()
                input = VsockStream(device, connection, flags: 0)
            }
            let command = JobCommand(reader.specification)
            if reader.specification.begin.isTerminal {
                terminal = try command.startOnTerminal(input: input, output: output)
            } else {
                try command.start(input: input, output: output, error: error)
            }
        } catch {
            control.queue(.failed(stage: error.stage, errno: error.errno.code, about: error.about))
            return try control.flush()
        }
        input = nil
        let report = try JobCommand.waitForEnd(nonce: nonce, control, terminal)
        try terminal?.finish()
        try finish(control, report, reader.specification.outputs, output, error, device)
    }

    private static func finish(
        _ control: JobControl, _ facts: GuestMessage.ExitReport, _ outputs: [JobSpecification.Output],
        _ output: VsockStream, _ error: VsockStream, _ device: VsockDevice
    ) throws(Errno) {
        var report = facts
        device.shutDown(output.connection, [.send, .receive])
        device.shutDown(error.connection, [.send, .receive])
        report.standardOutputBytes = output.bytesWritten
        report.standardErrorBytes = error.bytesWritten
        let sender = JobOutput(control: control)
        sender.queueUnsupported()
        control.queue(.exited(report))
        try sender.send(outputs)
        control.queue(.finished)
        try control.flush()
    }
}
