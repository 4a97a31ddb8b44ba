import GuestNucleus

/// Exceptions, for Linux's `si_code` and the like.
enum ExceptionVector: UInt32 {
    case divideError = 0
    case debug = 1
    case breakpoint = 3
    case overflow = 4
    case boundRange = 5
    case invalidOpcode = 6
    case noCoprocessor = 7
    case doubleFault = 8
    case segmentNotPresent = 11
    case stackFault = 12
    case generalProtection = 13
    case pageFault = 14
    case floatingPoint = 16
    case alignment = 17
    case vectorFloatingPoint = 19
}

/// What brought a program into the kernel. Its registers are at the top of its thread's kernel stack.
enum Arrival {
    case systemCall
    case pageFault(Trap)
    case exception(Trap)
    case interrupt(vector: UInt32)
}

/// An exception as the processor tells it; also what a signal's handler is told (struct sigcontext: trapno, err, cr2), of the
/// last one that became a signal.
struct Trap {
    var vector: UInt32 = 0
    var error: UInt64 = 0
    /// CR2 of a page fault.
    var address: UInt64 = 0

    /// What a page fault's error code says was tried (AMD64 APM vol. 2 §8.4.2).
    var access: Access { error & 2 != 0 ? .write : error & 16 != 0 ? .execute : .read }
}

// The ways in (system_calls.S, exceptions.S, interrupts.S). When one returns, the registers are resumed. A thread that has
// ended leaves from here, where nothing on its stack holds a reference any more.

@c func kernel_system_call(_ registers: UnsafeMutablePointer<program_registers>) {
    if !serve(.systemCall, registers) { Scheduler.exitCurrent() }
}

@c func kernel_exception(
    _ vector: UInt32, _ error: UInt64, _ registers: UnsafeMutablePointer<program_registers>
) {
    let isPageFault = vector == ExceptionVector.pageFault.rawValue
    let trap = Trap(
        vector: vector, error: error, address: isPageFault ? processor().pointee.fault_address : 0)
    if KernelRegion.isText(registers.pointee.rip) { kernelTrapped(trap, registers) }
    if !serve(isPageFault ? .pageFault(trap) : .exception(trap), registers) { Scheduler.exitCurrent() }
}

/// Of a program's, or one that met the kernel and is served on the way out.
@c func kernel_interrupt(_ vector: UInt32) {
    if Counters.isInsideKernel { processor().pointee.served_inside &+= 1 }
    if !serve(.interrupt(vector: vector), Scheduler.current.registers) { Scheduler.exitCurrent() }
}

/// - Returns: false when the thread has ended.
@inline(never)
private func serve(_ arrival: Arrival, _ registers: UnsafeMutablePointer<program_registers>) -> Bool {
    let thread: Thread = Scheduler.current
    Counters.lastEntry = Clock.monotonic
    thread.userTime &+= Counters.lastEntry &- Counters.lastResume
    switch arrival {
    case .systemCall:
        serveSystemCall(registers, thread)
    case .pageFault(let trap):
        Counters.pageFaults &+= 1
        servePageFault(trap, thread)
    case .exception(let trap):
        thread.raiseException(trap, at: registers.pointee.rip)
    case .interrupt(let vector):
        Counters.interrupts &+= 1
        Interrupts.handle(vector: vector)
    }
    return returnToProgram(thread)
}

/// RCX and R11 are what `syscall` left there, or what a program that jumped to the entry put there itself: what `iretq` or
/// the jump back would refuse must not get into the registers.
private func serveSystemCall(_ registers: UnsafeMutablePointer<program_registers>, _ thread: Thread) {
    Counters.systemCalls &+= 1
    registers.pointee.rflags = ProgramRegisters.sanitized(flags: registers.pointee.rflags)
    guard ProgramRegisters.isCodeAddress(registers.pointee.rip) else {
        registers.pointee.system_call = .max
        registers.pointee.rip = 0
        return thread.force(SignalInfo(Signal.segmentationFault, code: SignalInfo.kernel))
    }
    registers.pointee.rax = SystemCalls.serve(registers)
}

private func servePageFault(_ trap: Trap, _ thread: Thread) {
    do throws(AddressSpace.FaultFailure) {
        try thread.process.space.resolve(trap.address, trap.access)
    } catch {
        thread.raiseMemoryFault(error, trap)
    }
}

/// Last thing before a program goes on: timers, signals, somebody else's turn, the program's vector registers and memory.
/// - Returns: false when the thread has ended instead.
func returnToProgram(_ thread: Thread) -> Bool {
    Timers.expire()
    if Scheduler.isSliceOver { Scheduler.endSlice() }
    if Frames.isShort {
        Frames.isShort = false
        OutOfMemory.endLargest(inFavourOf: thread)
    }
    if !thread.deliverSignals() { return false }
    VectorState.claim(for: thread)
    LoadedSpace.enter(thread.process.space)
    Scheduler.armTimer()
    Counters.lastResume = Clock.monotonic
    if Counters.firstResume == 0 { Counters.firstResume = Counters.lastResume }
    thread.systemTime &+= Counters.lastResume &- Counters.lastEntry
    return true
}

/// An exception in the kernel's own code: a bug of ours, or a program's that jumped there. It ends the VM.
private func kernelTrapped(_ trap: Trap, _ registers: UnsafeMutablePointer<program_registers>) {
    var text = PanicText()
    text.add("the kernel trapped: vector ")
    text.add(hex: UInt64(trap.vector))
    text.add(" error ")
    text.add(hex: trap.error)
    text.add(" rip ")
    text.add(hex: registers.pointee.rip)
    text.add(" address ")
    text.add(hex: trap.address)
    text.add(" rsp ")
    text.add(hex: registers.pointee.rsp)
    Platform.panic(text)
}
