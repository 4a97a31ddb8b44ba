import GuestNucleus

/// A thread of a program: its registers at the top of its kernel stack while it is in the kernel, its place in the kernel
/// (the stack pointer) while it waits.
final class Thread {
    enum State { case runnable, waiting, exited }

    static let stackBytes: UInt64 = 32 << 10

    /// Its number; changes only when it takes over its process in exec.
    var id: Int32
    let process: Process
    var state = State.runnable

    // Kernel side.
    let stack: UnsafeMutableRawPointer
    var savedStackPointer: UInt64 = 0
    var stackTop: UInt64 { UInt64(UInt(bitPattern: stack)) + Self.stackBytes }
    /// The program's registers, valid while the thread is in the kernel.
    var registers: UnsafeMutablePointer<program_registers> {
        // SAFETY: the stack is Thread.stackBytes large and its top is where every way into the kernel puts them.
        (stack + Int(Self.stackBytes)).assumingMemoryBound(to: program_registers.self) - 1
    }
    /// The last exception of its program, for signal handlers.
    var trap = Trap()

    // Processor state that is not in the frame.
    var fsBase: UInt64 = 0
    var gsBase: UInt64 = 0
    /// XSAVE area, made when the thread first has to give the processor's vector registers to another.
    var vectorState: UnsafeMutableRawPointer?

    // Waiting.
    var deadline = UInt64.max
    var didTimeOut = false
    /// Bumped by every wake-up; tells a waiter of several queues that it was woken at all.
    var wakeups: UInt32 = 0

    // Signals (Processes/Signals.swift).
    var signals = ThreadSignals()
    /// Ends at its next return to the program, because another thread of its process executes a new one.
    var isKilled = false
    /// When a relative wait that is being restarted was to end; see `Errno.restartWithoutHandler`.
    var restartDeadline: UInt64?

    /// PR_SET_NAME; nil: the process's, as for its first thread always.
    var ownName: [UInt8]?

    // Threads library.
    var clearChildTID: UInt64 = 0
    var robustList: UInt64 = 0

    var scheduling = SchedulingParameters()
    /// What it has had of the processor, as the scheduler counts it (Scheduler).
    var virtualTime: UInt64 = 0

    // Accounting, in nanoseconds.
    var userTime: UInt64 = 0
    var systemTime: UInt64 = 0

    init(id: Int32, process: Process) {
        self.id = id
        self.process = process
        stack = UnsafeMutableRawPointer.allocate(byteCount: Int(Self.stackBytes), alignment: 4096)
    }

    deinit {
        stack.deallocate()
        if let vectorState { VectorState.deallocate(vectorState) }
    }

    /// comm, at most 15 bytes.
    var name: [UInt8] {
        get { ownName ?? process.name }
        set { if id == process.id { process.name = newValue } else { ownName = newValue } }
    }

    /// Lets the thread begin at `entry`; thread_trampoline resumes `registers`, a kernel thread has a function of its own.
    func prepareStart(at entry: @convention(c) () -> Void = thread_trampoline) {
        // What context_switch pops: six callee-saved registers, then the return address; 16-byte aligned as at a call.
        // SAFETY: 7 words below the registers are inside the stack.
        let top = UnsafeMutablePointer<UInt64>(OpaquePointer(registers)) - 1
        top[0] = UInt64(UInt(bitPattern: unsafeBitCast(entry, to: UnsafeRawPointer.self)))
        for i in 1...6 { top[-i] = 0 }
        savedStackPointer = UInt64(UInt(bitPattern: top - 6))
    }
}

/// The running program's FS and GS bases, which are in the processor: the kernel does not use them.
enum ProgramBase {
    static var fs: UInt64 {
        get { read_fs_base() }
        set { write_fs_base(newValue) }
    }
    static var gs: UInt64 {
        get { read_gs_base() }
        set { write_gs_base(newValue) }
    }
}

/// The processor's x87, SSE and AVX registers. The kernel does not use them, so they stay the program's through any trap
/// and are saved only when another thread is about to run in their place.
enum VectorState {
    // SAFETY: see Frames.
    nonisolated(unsafe) private(set) static var bytes = 4096
    /// What an area has, numbered as in XCR0: x87, SSE, AVX, AVX-512, where the processor has them. A ring-deprivileged KVM
    /// leaves its guest the host's XCR0, with AMX's 8 KiB of tiles in it that CPUID says nothing of. Those, and protection
    /// keys, begin anew whenever a thread has its turn.
    nonisolated(unsafe) private(set) static var components: UInt64 = 3
    /// Whose registers the processor holds.
    nonisolated(unsafe) static var owner: Thread?
    /// A fresh program's registers, as XRSTOR wants them.
    nonisolated(unsafe) private static var initial: UnsafeMutableRawPointer?

    static func start() {
        (components, bytes) = layout()
        let area = allocate()
        // FCW and MXCSR of the System V ABI; XSTATE_BV says which components the area holds: x87 and SSE.
        area.storeBytes(of: 0x37F, toByteOffset: 0, as: UInt16.self)
        area.storeBytes(of: 0x1F80, toByteOffset: 24, as: UInt32.self)
        area.storeBytes(of: 3, toByteOffset: 512, as: UInt64.self)
        initial = area
    }

    /// Of the standard format (Intel SDM vol. 1 §13.4).
    private static func layout() -> (components: UInt64, bytes: Int) {
        let kept: UInt64 = 0xE7
        let protectionKeys: UInt64 = 1 << 9
        let state = cpuid(0xD, 0)
        let told = UInt64(state.edx) << 32 | UInt64(state.eax)
        let components = read_xcr0() & told & kept
        if told & ~(kept | protectionKeys) == 0 { return (components, Int(state.ebx)) }
        // EBX is for all of XCR0.
        var bytes = 512 + 64
        for index in 2..<8 as Range<UInt32> where components >> UInt64(index) & 1 == 1 {
            let component = cpuid(0xD, index)
            bytes = max(bytes, Int(component.ebx) + Int(component.eax))
        }
        return (components, bytes)
    }

    static func allocate() -> UnsafeMutableRawPointer {
        let area = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        wide_zero(area, UInt64(bytes))
        return area
    }

    static func deallocate(_ area: UnsafeMutableRawPointer) { area.deallocate() }

    /// Before `thread` goes on in ring 3: the registers become its own.
    static func claim(for thread: Thread) {
        if owner === thread { return }
        saveOwner()
        restore_vector_state(thread.vectorState ?? initial)
        owner = thread
    }

    /// Puts the registers into their owner's area, where a signal frame or a fork can read them.
    static func saveOwner() {
        guard let old = owner else { return }
        if old.vectorState == nil { old.vectorState = allocate() }
        save_vector_state(old.vectorState, components)
    }

    /// The thread's registers in memory, up to date.
    static func area(of thread: Thread) -> UnsafeMutableRawPointer {
        if owner === thread { saveOwner() }
        if let area = thread.vectorState { return area }
        let area = allocate()
        if let initial { wide_copy(area, initial, UInt64(bytes)) }
        thread.vectorState = area
        return area
    }

    /// The thread's area was written: the registers are to be loaded from it before the thread goes on.
    static func reload(_ thread: Thread) {
        if owner === thread { owner = nil }
    }

    /// After exec: the thread starts with a fresh program's registers.
    static func reset(_ thread: Thread) {
        if owner === thread { owner = nil }
        if let area = thread.vectorState { deallocate(area) }
        thread.vectorState = nil
    }

    /// After fork or clone: `child` begins with a copy of `parent`'s registers.
    static func inherit(from parent: Thread, to child: Thread) {
        if owner === parent { saveOwner() }
        guard let state = parent.vectorState else { return }
        let copy = allocate()
        wide_copy(copy, state, UInt64(bytes))
        child.vectorState = copy
    }
}
