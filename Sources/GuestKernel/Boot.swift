import GuestNucleus

/// The kernel's first Swift, on the boot stack, in ring 3.
@c func kernel_main(_ boot: UnsafeMutablePointer<swiftlet_boot_page>) {
    Clock.start(tsc: read_tsc(), frequency: boot.pointee.tsc_frequency, wallClock: boot.pointee.wall_clock)
    guard boot.pointee.magic == UInt64(SWIFTLET_BOOT_MAGIC),
        boot.pointee.version == UInt32(SWIFTLET_BOOT_VERSION)
    else { panic("boot page of another version") }
    do throws(Errno) {
        startMemory(boot)
        try Platform.start()
        // Before the processor's own tables, and so without interrupts: the host answers while the rest starts.
        try Devices.start(boot)
        startProcessor(boot)
        Devices.connectInterrupts()
    } catch {
        var text = PanicText()
        text.add("boot failed: errno ")
        text.add(decimal: Int(error.code))
        Platform.panic(text)
    }
    KernelThread.startFirst()
}

private func startMemory(_ boot: UnsafeMutablePointer<swiftlet_boot_page>) {
    let low = boot.pointee.memory.0
    let high = boot.pointee.memory.1
    Frames.start(
        low: (low.start, low.size), high: (high.start, high.size), freeStart: boot.pointee.free_start)
}

private func startProcessor(_ boot: UnsafeMutablePointer<swiftlet_boot_page>) {
    let tables = UInt64(SWIFTLET_NUCLEUS_TSS) & (pageSize - 1)
    processor().pointee.task_state = PhysicalMemory.physmap + boot.pointee.nucleus_tables + tables
    set_kernel_stack_top(processor().pointee.stack_top)
    Interrupts.start(idt: boot.pointee.nucleus_idt)
    SystemCallEntry.entersRing0 = nucleus_probe_syscall()
    SystemCallEntry.set()
    VectorState.start()
}

/// Where `syscall` goes, in the processor's own registers (AMD64 APM vol. 2 §6.1.1).
private enum SystemCallEntry {
    private static let lstar: UInt32 = 0xC000_0082
    private static let sfmask: UInt32 = 0xC000_0084
    /// Trap, interrupt, direction and nested-task flag, privilege level for ports, alignment check: off in ring 0.
    private static let ring0Mask: UInt64 = 0x4_7700

    // SAFETY: set once, at boot (see Frames).
    /// True on a hardware KVM. Otherwise it goes on in ring 3, with interrupts on: the VMM's mask leaves them
    /// alone, because ring 3 could not unmask them.
    nonisolated(unsafe) static var entersRing0 = false

    static func set() {
        nucleus_write_msr(lstar, entersRing0 ? nucleus_system_call_address() : system_call_address())
        if entersRing0 { nucleus_write_msr(sfmask, ring0Mask) }
    }
}

/// The processor's own state that is not in memory, in a restored machine: of the same kind as the saved one's, the launcher
/// has seen to that.
func restartProcessor() {
    Interrupts.switchOn()
    Timers.fired()
    LoadedSpace.restart()
    SystemCallEntry.set()
}

/// Threads without a program, for the kernel's own work that must be able to wait. The job's is the first; when its process
/// has begun it waits for its end. A job with a terminal has two more (JobTerminal).
enum KernelThread {
    static func startFirst() -> Never {
        do throws(Errno) {
            let process = Process(
                id: 0, parent: nil, space: try AddressSpace(), files: FileTable(),
                directories: FileSystemContext())
            let thread = Thread(id: 0, process: process)
            process.threads = [thread]
            thread.prepareStart(at: kernel_job_thread)
            Scheduler.start(thread)
        } catch {
            panic("no memory for the first thread")
        }
    }

    /// Another one, for a kernel thread to start; `entry` begins with `Scheduler.arrived` and never returns.
    static func start(_ entry: @convention(c) () -> Void) {
        let thread = Thread(id: 0, process: Scheduler.current.process)
        thread.process.threads.append(thread)
        thread.prepareStart(at: entry)
        Scheduler.add(thread)
    }
}

@c func kernel_job_thread() {
    Scheduler.arrived()
    Job.main()
}
