import GuestNucleus

/// The job: what the kernel was booted for. (Owned by the devices part.)
enum Job {
    /// The first kernel thread: fetches the job from the host, runs its command as process 1, reports, powers off.
    static func main() -> Never {
        Platform.log("swiftlet: the kernel is up\n")
        Platform.powerOff()
    }
}
