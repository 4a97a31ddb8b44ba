import GuestNucleus

@testable import GuestKernel

/// A program of system calls with any arguments. It must never trap the kernel, which would end its job as `guest_panic`.
///
///     input: | steps: call 2 B, arguments | or 0xFFFF, bytes put into the program's memory | …
///
/// An argument is a small number, an edge, an address in the program's memory, what the last call returned, or any word.
func fuzzSystemCalls(_ bytes: [UInt8]) {
    GuestMachine.start()
    guard (try? FileSystem.startEmpty()) != nil else { preconditionFailure("no file system") }
    let program = GuestMachine.makeProcess()
    var input = FuzzInput(bytes)
    prepare(program)
    var last: UInt64 = 0
    var steps = 0
    while !input.isEmpty, steps < 200, program.process.ending == nil {
        steps += 1
        let number = input.integer(UInt16.self)
        if number >= 0xF000 {
            let at = UInt64(input.integer(UInt16.self))
            let text = input.bytes(atMost: 128)
            try? program.process.space.write(text, to: GuestProgram.memory + at % 0x1_0000)
        } else {
            last = step(program, number, &input, last)
        }
    }
    program.end()
}

/// Names and bytes that the calls may find.
private func prepare(_ program: GuestProgram) {
    let texts = [
        "/tmp/a", "/tmp", "b", "/proc/self/maps", "/dev/ptmx", "/dev/null", "/dev/pts/0", "/proc/self/fd", "/sys",
        "/tmp/d/e", "user.x", "/proc/sys/kernel/hostname",
    ]
    for (index, text) in texts.enumerated() {
        try? program.process.space.write(
            Array(text.utf8) + [0], to: GuestProgram.memory + 0x1_0000 + UInt64(index) * 64)
    }
}

private func step(_ program: GuestProgram, _ number: UInt16, _ input: inout FuzzInput, _ last: UInt64) -> UInt64 {
    let thread = program.thread
    Scheduler.impersonate(thread)
    let frame = thread.frame
    // Half of the numbers are of calls that exist, whatever the input says.
    let calls = SystemCall.allCases
    let call = number & 1 == 0 ? UInt64(calls[Int(number >> 1) % calls.count].rawValue) : UInt64(number >> 1)
    frame.pointee.rdi = argument(&input, last)
    frame.pointee.rsi = argument(&input, last)
    frame.pointee.rdx = argument(&input, last)
    frame.pointee.r10 = argument(&input, last)
    frame.pointee.r8 = argument(&input, last)
    frame.pointee.r9 = argument(&input, last)
    // ARCH_SET_FS would take this process's own thread-local storage away.
    if call == UInt64(SystemCall.arch_prctl.rawValue), frame.pointee.rdi == 0x1002 { return 0 }
    frame.pointee.rax = call
    frame.pointee.system_call = call
    frame.pointee.rcx = GuestProgram.memory
    frame.pointee.rip = GuestProgram.memory
    frame.pointee.rsp = GuestProgram.memory + GuestProgram.memoryBytes - 64
    let result = SystemCalls.serve(frame)
    frame.pointee.rax = result
    let hostBase = read_fs_base()
    for process in Processes.all { for thread in process.threads { thread.fsBase = hostBase } }
    Timers.expire()
    revive(program)
    if !thread.deliverSignals() { return result }
    revive(program)
    return result
}

/// What `kernelIdle` decided does not count for the process itself.
private func revive(_ program: GuestProgram) {
    if case .signaled(Signal.kill, _)? = program.process.requestedEnding { program.process.requestedEnding = nil }
    program.process.isStopped = false
}

private func argument(_ input: inout FuzzInput, _ last: UInt64) -> UInt64 {
    let kind = input.byte()
    switch kind {
    case 0..<64: return UInt64(kind)
    case 64..<128: return GuestProgram.memory + UInt64(kind & 63) * 256
    case 128..<160: return GuestProgram.memory + 0x1_0000 + UInt64(kind & 31) * 64
    case 160..<176: return GuestProgram.memory + UInt64(input.integer(UInt16.self)) * 4
    case 176..<192: return last
    case 192..<200: return UInt64(bitPattern: -100)  // AT_FDCWD
    case 200..<208: return .max &- UInt64(kind & 7)
    case 208..<224: return 0x40_0000 + UInt64(kind & 15) << 12
    case 224..<240: return input.number()
    default: return UInt64(input.integer(UInt32.self))
    }
}
