import CSwiftletABI

/// The vCPU's state at the kernel's first instruction (docs/machine.md): in ring 3, so that a boot costs no ring-0
/// instruction. Plain values; `Machine` hands them to KVM.
public struct InitialCPUState: Sendable {
    public struct Table: Sendable {
        public let base: UInt64
        public let limit: UInt16
    }

    public let instructionPointer: UInt64
    /// RDI: where the kernel sees its boot page.
    public let firstArgument = UInt64(SWIFTLET_PHYSMAP) + UInt64(SWIFTLET_BOOT_PAGE)
    /// RFLAGS: only the bit that is always one. Interrupts are masked.
    public let flags: UInt64 = 0x2
    /// PG, AM, WP, NE, ET, MP, PE.
    public let cr0: UInt64 = 0x8005_0033
    public let cr3 = UInt64(SWIFTLET_KERNEL_PML4)
    /// PAE, OSFXSR, OSXMMEXCPT, FSGSBASE, OSXSAVE.
    public let cr4: UInt64 = 1 << 5 | 1 << 9 | 1 << 10 | 1 << 16 | 1 << 18
    /// SCE, LME, LMA, NXE.
    public let efer: UInt64 = 1 << 0 | 1 << 8 | 1 << 10 | 1 << 11
    public let codeSelector = UInt16(SWIFTLET_USER_CS)
    public let stackSelector = UInt16(SWIFTLET_USER_SS)
    public let taskSelector = UInt16(SWIFTLET_TSS_SELECTOR)
    public let task = Table(base: UInt64(SWIFTLET_NUCLEUS_TSS), limit: UInt16(SWIFTLET_TSS_LIMIT))
    public let gdt = Table(base: UInt64(SWIFTLET_NUCLEUS_GDT), limit: UInt16(SWIFTLET_GDT_LIMIT))
    public let idt = Table(base: UInt64(SWIFTLET_NUCLEUS_IDT), limit: UInt16(SWIFTLET_IDT_LIMIT))
    /// `syscall`: STAR (selectors), LSTAR (the nucleus's first byte), SFMASK (TF, IF, DF, NT, AC are cleared).
    public let msrs: [(index: UInt32, value: UInt64)] = [
        (0xC000_0081, 0x0023_0010 << 32),
        (0xC000_0082, UInt64(SWIFTLET_NUCLEUS)),
        (0xC000_0084, 0x4_7700),
    ]

    public init(entry: UInt64) { instructionPointer = entry }
}
