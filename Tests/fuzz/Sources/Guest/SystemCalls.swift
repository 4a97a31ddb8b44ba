import GuestNucleus

@testable import GuestKernel

/// A program of system calls with any arguments. It must never trap the kernel, which would end its job as `guest_panic`.
///
///     input: | steps: call 2 B, arguments | or 0xFFFF, bytes put into the program's memory | …
///
/// An argument is a small number, an edge, an address in the program's memory, what the last call returned, or any word.
func fuzzSystemCalls(_ bytes: [UInt8]) {
    GuestMachine.makeFileSystem()
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

/// What the calls may find: descriptors 0 to 22, one and more of each kind, and names in memory.
private func openDescriptors(_ program: GuestProgram) {
    let text = GuestProgram.memory + 0x1_0000
    let pair = GuestProgram.memory + 0x1_1000
    func call(_ call: SystemCall, _ arguments: UInt64...) {
        let all = arguments + Array(repeating: 0, count: 6 - arguments.count)
        _ = serve(program, UInt64(call.rawValue), all)
    }
    call(.open, text + 5 * 64, 2)  // 0: /dev/null
    call(.open, text, 0x242, 0o600)  // 1: /tmp/a, made, for reading and writing
    call(.open, text + 64, 0x1_0000)  // 2: /tmp
    call(.pipe2, pair, 0x800)  // 3, 4
    call(.socketpair, 1, 1, 0, pair)  // 5, 6: Unix stream
    call(.socketpair, 1, 0x802, 0, pair)  // 7, 8: Unix datagrams, nonblocking
    call(.socket, 16, 0x803, 0)  // 9: netlink
    call(.socket, 2, 0x801, 0)  // 10: TCP, listening
    call(.bind, 10, text + 12 * 64, 16)
    call(.listen, 10, 5)
    call(.socket, 2, 0x801, 0)  // 11: TCP, connected to it
    call(.connect, 11, text + 12 * 64, 16)
    call(.accept4, 10, 0, 0, 0x800)  // 12
    call(.socket, 10, 0x802, 0)  // 13: UDP over IPv6
    call(.open, text + 4 * 64, 0x802)  // 14: a terminal's master side
    call(.ioctl, 14, 0x4004_5431, text + 15 * 64)  // unlocked
    call(.open, text + 6 * 64, 0x802)  // 15: the terminal
    call(.epoll_create1, 0)  // 16
    call(.eventfd2, 1, 0x800)  // 17
    call(.timerfd_create, 1, 0x800)  // 18
    call(.signalfd4, .max, text + 14 * 64, 8, 0x800)  // 19
    call(.inotify_init1, 0x800)  // 20
    call(.memfd_create, text, 3)  // 21
    call(.open, text + 3 * 64, 0)  // 22: /proc/self/maps
}

private func prepare(_ program: GuestProgram) {
    let texts = [
        "/tmp/a", "/tmp", "b", "/proc/self/maps", "/dev/ptmx", "/dev/null", "/dev/pts/0", "/proc/self/fd",
        "/sys", "/tmp/d/e", "user.x", "/proc/sys/kernel/hostname",
    ]
    for (index, text) in texts.enumerated() {
        try? program.process.space.write(
            Array(text.utf8) + [0], to: GuestProgram.memory + 0x1_0000 + UInt64(index) * 64)
    }
    // Behind the texts: an Internet address and a Unix one.
    let internet: [UInt8] = [2, 0, 4, 87, 127, 0, 0, 1] + [UInt8](repeating: 0, count: 8)
    try? program.process.space.write(internet, to: GuestProgram.memory + 0x1_0000 + 12 * 64)
    let unix = [1, 0] + Array("/tmp/s".utf8)
    try? program.process.space.write(unix, to: GuestProgram.memory + 0x1_0000 + 13 * 64)
    openDescriptors(program)
}

private func serve(_ program: GuestProgram, _ call: UInt64, _ arguments: [UInt64]) -> UInt64 {
    Scheduler.impersonate(program.thread)
    GuestMachine.idleCount = 0
    let registers = program.thread.registers
    (registers.pointee.rdi, registers.pointee.rsi, registers.pointee.rdx) = (
        arguments[0], arguments[1], arguments[2]
    )
    (registers.pointee.r10, registers.pointee.r8, registers.pointee.r9) = (
        arguments[3], arguments[4], arguments[5]
    )
    registers.pointee.rax = call
    registers.pointee.system_call = call
    registers.pointee.rcx = GuestProgram.memory
    registers.pointee.rip = GuestProgram.memory
    if call == UInt64(SystemCall.rt_sigreturn.rawValue) {
        registers.pointee.rsp &+= 8  // as a handler that has returned leaves it
    } else {
        registers.pointee.rsp = GuestProgram.memory + 0x8000
    }
    return SystemCalls.serve(registers)
}

private func step(
    _ program: GuestProgram, _ number: UInt16, _ input: inout FuzzInput, _ last: UInt64
) -> UInt64 {
    let thread = program.thread
    // Half of the numbers are of calls that exist, whatever the input says.
    let calls = SystemCall.allCases
    let call = number & 1 == 0 ? UInt64(calls[Int(number >> 1) % calls.count].rawValue) : UInt64(number >> 1)
    var arguments: [UInt64] = []
    for _ in 0..<6 { arguments.append(argument(&input, last)) }
    // ARCH_SET_FS would take this process's own thread-local storage away.
    if call == UInt64(SystemCall.arch_prctl.rawValue), arguments[0] == 0x1002 { return 0 }
    let result = serve(program, call, arguments)
    thread.registers.pointee.rax = result
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
    if case .signaled(Signal.kill, _)? = program.process.requestedEnding {
        program.process.requestedEnding = nil
    }
    program.process.isStopped = false
}

/// ioctl(2) requests, which chance does not find: of terminals and their masters, of every file.
private let controlRequests: [UInt64] = [
    0x5401, 0x5402, 0x5403, 0x5404, 0x5405, 0x5407, 0x5409, 0x540A, 0x540B, 0x540C, 0x540D, 0x540E,
    0x540F, 0x5410, 0x5411, 0x5412, 0x5413, 0x5414, 0x541B, 0x5420, 0x5421, 0x5422, 0x5424, 0x5425,
    0x5429, 0x5450, 0x5451, 0x5452, 0x4004_5431, 0x8004_5430, 0x8004_5438, 0x8004_5439, 0x5441,
    0x802C_542A, 0x8912, 0x8913, 0x8915, 0x8927, 0x8933,
]

private func argument(_ input: inout FuzzInput, _ last: UInt64) -> UInt64 {
    let kind = input.byte()
    switch kind {
    case 0..<64: return UInt64(kind)
    case 64..<128: return GuestProgram.memory + UInt64(kind & 63) * 256
    case 128..<160: return GuestProgram.memory + 0x1_0000 + UInt64(kind & 31) * 64
    case 160..<176: return GuestProgram.memory + UInt64(input.integer(UInt16.self)) * 4
    case 176..<192: return last
    case 192..<200: return UInt64(bitPattern: -100)  // AT_FDCWD
    case 200..<204: return .max &- UInt64(kind & 3)
    case 204..<208: return input.choose(controlRequests)
    case 208..<224: return 0x40_0000 + UInt64(kind & 15) << 12
    case 224..<240: return input.number()
    default: return UInt64(input.integer(UInt32.self))
    }
}
