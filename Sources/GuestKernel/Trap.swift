import GuestNucleus

/// What brought a program into the kernel, for Linux's `si_code` and the like.
enum ExceptionVector: UInt64 {
    case divideError = 0, debug = 1, breakpoint = 3, overflow = 4, boundRange = 5, invalidOpcode = 6
    case noCoprocessor = 7, doubleFault = 8, segmentNotPresent = 11, stackFault = 12, generalProtection = 13
    case pageFault = 14, floatingPoint = 16, alignment = 17, vectorFloatingPoint = 19
}

/// Counts for the job's report.
enum Counters {
    // SAFETY: see Frames.
    nonisolated(unsafe) static var systemCalls: UInt64 = 0
    nonisolated(unsafe) static var pageFaults: UInt64 = 0
    /// Entries of programs' page tables written, all levels.
    nonisolated(unsafe) static var pageTableWrites: UInt64 = 0
    nonisolated(unsafe) static var interrupts: UInt64 = 0
    nonisolated(unsafe) static var processes: UInt64 = 0
    /// Refused by the job's own limits: new threads, and blocks of a full scratch disk.
    nonisolated(unsafe) static var processesRefused: UInt64 = 0
    nonisolated(unsafe) static var diskRefused: UInt64 = 0
    /// `Clock.monotonic` when the last entry came in, and when a program last went on: for user and system time.
    nonisolated(unsafe) static var lastEntry: UInt64 = 0
    nonisolated(unsafe) static var lastResume: UInt64 = 0
    /// `Clock.monotonic` when the first program was about to run its first instruction.
    nonisolated(unsafe) static var firstResume: UInt64 = 0

    /// A restored machine's job counts from nothing.
    static func restart() {
        systemCalls = 0
        pageFaults = 0
        pageTableWrites = 0
        interrupts = 0
        processes = 0
        processesRefused = 0
        diskRefused = 0
        firstResume = 0
    }
}

/// Every entry from the nucleus. When it returns, the frame is resumed. A thread that has ended leaves from here, where
/// nothing on its stack holds a reference any more.
@c func kernel_trap(_ frame: UnsafeMutablePointer<trap_frame>) {
    if kernel_itself_trapped() { kernelTrapped(frame) }
    if !serveTrap(frame) { Scheduler.exitCurrent() }
}

/// - Returns: false when the thread has ended.
@inline(never)
private func serveTrap(_ frame: UnsafeMutablePointer<trap_frame>) -> Bool {
    let thread: Thread = Scheduler.current
    Counters.lastEntry = Clock.monotonic
    thread.userTime &+= Counters.lastEntry &- Counters.lastResume

    let vector = frame.pointee.vector
    if vector == UInt64(VECTOR_SYSCALL) || isStubTrap(frame) {
        serveSystemCall(frame, thread)
    } else if vector >= UInt64(VECTOR_FIRST_INTERRUPT) {
        Counters.interrupts &+= 1
        Interrupts.handle(vector: vector)
    } else if vector == ExceptionVector.pageFault.rawValue {
        Counters.pageFaults &+= 1
        servePageFault(frame, thread)
    } else {
        thread.raiseException(vector: vector, frame)
    }
    return returnToProgram(thread)
}

/// RCX and R11 are what `syscall` left there, or what a program that jumped to the stub page put there itself: what
/// `iretq` would refuse, or what would take the processor away from the kernel, must not get into the frame.
private func serveSystemCall(_ frame: UnsafeMutablePointer<trap_frame>, _ thread: Thread) {
    frame.pointee.rip = frame.pointee.rcx
    frame.pointee.rflags = ProgramRegisters.sanitized(flags: frame.pointee.r11)
    guard ProgramRegisters.isCodeAddress(frame.pointee.rcx) else {
        frame.pointee.rip = 0
        return thread.force(SignalInfo(Signal.segmentationFault, code: SignalInfo.kernel))
    }
    frame.pointee.system_call = frame.pointee.rax
    Counters.systemCalls &+= 1
    frame.pointee.rax = SystemCalls.serve(frame)
}

/// The `hlt` at PROGRAM_STUB: how a `syscall` arrives on a ring-deprivileged KVM.
private func isStubTrap(_ frame: UnsafeMutablePointer<trap_frame>) -> Bool {
    frame.pointee.vector == ExceptionVector.generalProtection.rawValue
        && frame.pointee.rip == UInt64(PROGRAM_STUB)
}

private func servePageFault(_ frame: UnsafeMutablePointer<trap_frame>, _ thread: Thread) {
    let error = frame.pointee.error
    let access: Access = error & 2 != 0 ? .write : error & 16 != 0 ? .execute : .read
    do throws(AddressSpace.FaultFailure) {
        try thread.process.space.resolve(frame.pointee.cr2, access)
    } catch {
        thread.raiseMemoryFault(error, at: frame.pointee.cr2)
    }
}

/// Last thing before a program goes on: timers, signals, somebody else's turn, the program's vector registers.
/// - Returns: false when the thread has ended instead.
func returnToProgram(_ thread: Thread) -> Bool {
    Timers.expire()
    if Scheduler.isSliceOver { Scheduler.yield() }
    if Frames.isShort {
        Frames.isShort = false
        OutOfMemory.endLargest(inFavourOf: thread)
    }
    if !thread.deliverSignals() { return false }
    VectorState.claim(for: thread)
    Scheduler.armTimer()
    Counters.lastResume = Clock.monotonic
    if Counters.firstResume == 0 { Counters.firstResume = Counters.lastResume }
    thread.systemTime &+= Counters.lastResume &- Counters.lastEntry
    return true
}

/// A trap while the kernel itself ran: the probe's, or a bug of ours, which ends the VM.
private func kernelTrapped(_ frame: UnsafeMutablePointer<trap_frame>) {
    let vector = frame.pointee.vector
    if is_probing() {
        kernel_probe_returned(vector == UInt64(VECTOR_SYSCALL))
    }
    var text = PanicText()
    text.add("the kernel trapped: vector ")
    text.add(hex: vector)
    text.add(" error ")
    text.add(hex: frame.pointee.error)
    text.add(" rip ")
    text.add(hex: frame.pointee.rip)
    text.add(" address ")
    text.add(hex: frame.pointee.cr2)
    text.add(" rsp ")
    text.add(hex: frame.pointee.rsp)
    text.add(" cs ")
    text.add(hex: frame.pointee.cs)
    Platform.panic(text)
}
