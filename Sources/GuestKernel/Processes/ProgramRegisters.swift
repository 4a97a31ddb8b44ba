import GuestNucleus

/// What may stand in a program's frame, so that `iretq` takes it and the kernel keeps the processor.
enum ProgramRegisters {
    /// Carry, parity, adjust, zero, sign, trap, direction, overflow, resume, alignment check and ID: a program's own.
    private static let userFlags: UInt64 = 0x25_0DD5 & ~0x4_0000 | 0x4_0000
    private static let reservedOne: UInt64 = 1 << 1
    private static let interruptsOn: UInt64 = 1 << 9

    static let initialFlags = reservedOne | interruptsOn
    /// Direction, trap and resume: off when a signal handler starts.
    static let handlerClearedFlags: UInt64 = 1 << 10 | 1 << 8 | 1 << 16

    static func sanitized(flags: UInt64) -> UInt64 { flags & userFlags | initialFlags }

    /// Whether RIP may hold it: the lower canonical half. `iretq` to anything non-canonical would fault in ring 0.
    static func isCodeAddress(_ address: UInt64) -> Bool { address < 1 << 47 }

    /// A new program's registers: all zero but these.
    static func fresh(entry: UInt64, stack: UInt64) -> trap_frame {
        var frame = trap_frame()
        frame.system_call = .max
        frame.rip = entry
        frame.rsp = stack
        frame.rflags = initialFlags
        frame.cs = UInt64(SWIFTLET_USER_CS)
        frame.ss = UInt64(SWIFTLET_USER_SS)
        return frame
    }
}
