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
        try startProcessor(boot)
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

private func startProcessor(_ boot: UnsafeMutablePointer<swiftlet_boot_page>) throws(Errno) {
    // SAFETY: the boot page's address of the nucleus's frame page is never 0.
    NucleusFrame.page = PhysicalMemory.words(boot.pointee.nucleus_frame)
    PageTable.nucleusEntry = boot.pointee.nucleus_pml4_entry
    Interrupts.start(idt: boot.pointee.nucleus_idt)
    if !nucleus_probe_syscall() {
        // Ring-deprivileged: `syscall` jumps to LSTAR without leaving ring 3, so LSTAR is a `hlt` that traps.
        let stub = try Frames.allocate()
        PhysicalMemory.pointer(stub).storeBytes(of: 0xF4, as: UInt8.self)
        PageTable.stubFrame = stub
        pointSystemCallsAtStub()
    }
    VectorState.start()
}

private func pointSystemCallsAtStub() { nucleus_write_msr(0xC000_0082, UInt64(PROGRAM_STUB)) }

/// The processor's own state that is not in memory, in a restored machine: of the same kind as the saved one's, the launcher
/// has seen to that.
func restartProcessor() {
    Interrupts.switchOn()
    Timers.fired()
    if PageTable.stubFrame != 0 { pointSystemCallsAtStub() }
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
