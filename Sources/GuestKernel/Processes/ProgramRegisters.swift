import GuestNucleus

/// What may stand in a program's registers, so that the way back takes it and the kernel keeps the processor.
enum ProgramRegisters {
    /// Carry, parity, adjust, zero, sign, trap, direction, overflow, resume, alignment check and ID: a program's own.
    private static let userFlags: UInt64 = 0x25_0DD5 & ~0x4_0000 | 0x4_0000
    private static let reservedOne: UInt64 = 1 << 1
    static let trapFlag: UInt64 = 1 << 8
    private static let interruptsOn: UInt64 = 1 << 9

    static let initialFlags = reservedOne | interruptsOn
    /// Direction, trap and resume: off when a signal handler starts.
    static let handlerClearedFlags: UInt64 = 1 << 10 | 1 << 8 | 1 << 16

    static func sanitized(flags: UInt64) -> UInt64 { flags & userFlags | initialFlags }

    /// Whether RIP may hold it. A jump or `iretq` to what is not canonical would trap in the kernel, and to the kernel's own
    /// region nobody has to go.
    static func isCodeAddress(_ address: UInt64) -> Bool { address < KernelRegion.start }

    /// A new program's registers: all zero but these.
    static func fresh(entry: UInt64, stack: UInt64) -> program_registers {
        var registers = program_registers()
        registers.system_call = .max
        registers.rip = entry
        registers.rsp = stack
        registers.rflags = initialFlags
        registers.cs = UInt64(SWIFTLET_USER_CS)
        registers.ss = UInt64(SWIFTLET_USER_SS)
        return registers
    }
}
