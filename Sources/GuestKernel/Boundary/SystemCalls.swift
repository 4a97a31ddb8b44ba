import GuestNucleus

/// A system call's six arguments, as the registers held them.
struct SystemCallArguments {
    let a, b, c, d, e, f: UInt64

    init(_ registers: UnsafeMutablePointer<program_registers>) {
        a = registers.pointee.rdi
        b = registers.pointee.rsi
        c = registers.pointee.rdx
        d = registers.pointee.r10
        e = registers.pointee.r8
        f = registers.pointee.r9
    }
}

/// Serves a system call; what nobody serves is ENOSYS and is counted for the job's report.
enum SystemCalls {
    // SAFETY: the kernel is single-threaded (see Frames).
    /// How often each unknown number was called.
    nonisolated(unsafe) static var unsupported: [(number: UInt32, count: UInt64)] = []

    static func serve(_ registers: UnsafeMutablePointer<program_registers>) -> UInt64 {
        let thread: Thread = Scheduler.current
        guard let call = SystemCall(rawValue: UInt32(clamping: registers.pointee.rax)) else {
            countUnsupported(number: UInt32(clamping: registers.pointee.rax))
            return UInt64(bitPattern: -Int64(Errno.noSystemCall.code))
        }
        let arguments = SystemCallArguments(registers)
        do throws(Errno) {
            if let result = try dispatch(call, arguments, thread) {
                return UInt64(bitPattern: Int64(result))
            }
        } catch {
            return UInt64(bitPattern: -Int64(error.code))
        }
        countUnsupported(call)
        return UInt64(bitPattern: -Int64(Errno.noSystemCall.code))
    }

    /// Notes a call that was refused because it is missing here.
    static func countUnsupported(_ call: SystemCall) { countUnsupported(number: call.rawValue) }

    private static func countUnsupported(number: UInt32) {
        if let i = unsupported.firstIndex(where: { $0.number == number }) {
            unsupported[i].count += 1
        } else if unsupported.count < 512 {
            unsupported.append((number, 1))
        }
    }
}
