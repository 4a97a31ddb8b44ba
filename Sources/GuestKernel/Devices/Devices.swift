import GuestNucleus

/// The machine's devices. (Owned by the devices part.)
enum Devices {
    // SAFETY: see Frames.
    /// In the order of the boot page: the root image's disk first, if it is not mapped, then scratch disks.
    nonisolated(unsafe) private(set) static var disks: [BlockDevice] = []

    /// Finds and starts the drivers.
    static func start(_ boot: UnsafeMutablePointer<swiftlet_boot_page>) throws(Errno) {
        withUnsafeMutableBytes(of: &boot.pointee.entropy) { bytes in
            guard let seed = bytes.baseAddress else { return }
            Random.start(seed: seed)
        }
    }

    /// Looks at the device queues without an interrupt, before the processor goes idle.
    /// - Returns: whether anything was done, so that threads may be runnable.
    static func poll() -> Bool { false }
}
