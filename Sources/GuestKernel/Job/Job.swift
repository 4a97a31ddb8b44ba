import GuestNucleus
import JobWire

/// The job: what the kernel was booted for. (Owned by the devices part.)
enum Job {
    /// Begins the connections every job has, before anything else is done: the host answers meanwhile.
    static func connect(_ device: VsockDevice) {
    }

    /// The first kernel thread: fetches the job from the host, runs its command as process 1, reports, powers off.
    static func main() -> Never {
        Platform.log("swiftlet: the kernel is up\n")
        Platform.powerOff()
    }
}
