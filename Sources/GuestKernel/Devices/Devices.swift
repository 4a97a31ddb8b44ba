import GuestNucleus

/// The machine's devices. (Owned by the devices part.)
enum Devices {
    /// Finds and starts the drivers.
    static func start(_ boot: UnsafePointer<swiftlet_boot_page>) throws(Errno) {}

    /// Looks at the device queues without an interrupt, before the processor goes idle.
    /// - Returns: whether anything was done, so that threads may be runnable.
    static func poll() -> Bool { false }
}
