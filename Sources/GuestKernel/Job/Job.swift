import GuestNucleus
import JobWire

/// The job: what the kernel was booted for. (Owned by the devices part.)
enum Job {
    // SAFETY: see Frames. Set at boot, before the job's thread runs.
    nonisolated(unsafe) private static var device: VsockDevice?
    nonisolated(unsafe) private static var controlConnection: VsockConnection?
    nonisolated(unsafe) private static var standardOutput: VsockConnection?
    nonisolated(unsafe) private static var standardError: VsockConnection?

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
        Platform.log("swiftlet: the kernel is up\n")
        Platform.powerOff()
    }
}
