import GuestNucleus

/// The machine's devices. (Owned by the devices part.)
enum Devices {
    /// How long to look at the queues before the processor is halted, in nanoseconds. Waking a halted vCPU costs 50 to 100 µs
    /// on a ring-deprivileged KVM and an answer of the host's usually takes less; a spin costs it processor time.
    private static let spin: UInt64 = 50_000

    // SAFETY: see Frames.
    nonisolated(unsafe) private static var blocks: [VirtioBlock] = []
    /// In the order of the boot page: the root image's disk first, if it is not mapped, then scratch disks.
    static var disks: [BlockDevice] { blocks.map { $0 } }
    nonisolated(unsafe) private(set) static var vsock: VsockDevice?

    /// Finds and starts the drivers, and begins the job's connections. Needs memory only, no interrupts. The entropy device
    /// stays as it is: the boot page has seeded the generator.
    static func start(_ boot: UnsafeMutablePointer<swiftlet_boot_page>) throws(Errno) {
        Job.note(boot)
        withUnsafeMutableBytes(of: &boot.pointee.entropy) { bytes in
            guard let seed = bytes.baseAddress else { return }
            Random.start(seed: seed)
        }
        var failure: Errno?
        withUnsafeBytes(of: &boot.pointee.devices) { raw in
            let entries = raw.bindMemory(to: swiftlet_device.self)
            let count = min(Int(boot.pointee.device_count), entries.count)
            do throws(Errno) {
                // The job's connections first: the host answers while the rest starts.
                for number in 0..<count { try startVsock(number, entries[number]) }
                for number in 0..<count { try startBlock(number, entries[number]) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private static func startVsock(_ number: Int, _ entry: swiftlet_device) throws(Errno) {
        guard entry.device_id == VirtioDevice.Kind.vsock.rawValue, vsock == nil else { return }
        let device = try VsockDevice(number: number, entry)
        vsock = device
        Job.connect(device)
    }

    private static func startBlock(_ number: Int, _ entry: swiftlet_device) throws(Errno) {
        guard entry.device_id == VirtioDevice.Kind.block.rawValue else { return }
        blocks.append(try VirtioBlock(number: number, entry))
    }

    /// Takes over the devices of a restored machine, which has no disks.
    static func restart(_ boot: UnsafeMutablePointer<swiftlet_boot_page>) throws(Errno) {
        guard let vsock, blocks.isEmpty else { throw .noSuchDevice }
        var failure: Errno?
        withUnsafeBytes(of: &boot.pointee.devices) { raw in
            let entries = raw.bindMemory(to: swiftlet_device.self)
            let count = min(Int(boot.pointee.device_count), entries.count)
            do throws(Errno) {
                let kind = VirtioDevice.Kind.vsock.rawValue
                guard let entry = entries.prefix(count).first(where: { $0.device_id == kind }) else {
                    throw .noSuchDevice
                }
                try vsock.restart(entry)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// To be called when the processor can take interrupts. What came before is found by `poll`.
    static func connectInterrupts() {
        vsock?.connectInterrupt()
        for disk in blocks { disk.connectInterrupt() }
    }

    /// Looks at the device queues without an interrupt, before the processor goes idle; for a short while, if somebody waits
    /// for a device's answer.
    /// - Returns: whether anything was done, so that threads may be runnable.
    static func poll() -> Bool {
        if pollOnce() { return true }
        guard isAnswerAwaited else { return false }
        let end = min(Clock.monotonic + spin, Timers.nextDeadline)
        while Clock.monotonic < end {
            if hasUsed { return pollOnce() }
            cpu_pause()
        }
        return false
    }

    private static var isAnswerAwaited: Bool {
        if let vsock, vsock.isAwaited { return true }
        for disk in blocks where disk.isBusy { return true }
        return false
    }

    private static var hasUsed: Bool {
        if let vsock, vsock.hasUsed { return true }
        for disk in blocks where disk.hasUsed { return true }
        return false
    }

    private static func pollOnce() -> Bool {
        var didAnything = vsock?.poll() ?? false
        for disk in blocks where disk.poll() { didAnything = true }
        return didAnything
    }
}
