import CSwiftletABI

extension InitialCPUState {
    /// In ring 3, so that a boot costs no ring-0 instruction.
    static func tiny(entry: UInt64) -> InitialCPUState {
        var state = InitialCPUState(
            instructionPointer: entry,
            // PG, AM, WP, NE, ET, MP, PE.
            cr0: 0x8005_0033, cr3: UInt64(SWIFTLET_KERNEL_PML4),
            // PAE, OSFXSR, OSXMMEXCPT, FSGSBASE, OSXSAVE.
            cr4: 1 << 5 | 1 << 9 | 1 << 10 | 1 << 16 | 1 << 18,
            // SCE, LME, LMA, NXE.
            efer: 1 << 0 | 1 << 8 | 1 << 10 | 1 << 11, codeSize: .bits64,
            codeSelector: UInt16(SWIFTLET_USER_CS), dataSelector: UInt16(SWIFTLET_USER_SS),
            taskSelector: UInt16(SWIFTLET_TSS_SELECTOR),
            task: Table(base: UInt64(SWIFTLET_NUCLEUS_TSS), limit: UInt16(SWIFTLET_TSS_LIMIT)),
            gdt: Table(base: UInt64(SWIFTLET_NUCLEUS_GDT), limit: UInt16(SWIFTLET_GDT_LIMIT)),
            idt: Table(base: UInt64(SWIFTLET_NUCLEUS_IDT), limit: UInt16(SWIFTLET_IDT_LIMIT)))
        // Where the kernel sees its boot page.
        state.rdi = UInt64(SWIFTLET_PHYSMAP) + UInt64(SWIFTLET_BOOT_PAGE)
        // `syscall`: STAR (selectors), LSTAR (the nucleus's first byte), SFMASK (TF, DF, NT, IOPL and AC are
        // cleared; not IF, which ring 3 could not set again).
        state.msrs = [
            (0xC000_0081, 0x0023_0010 << 32),
            (0xC000_0082, UInt64(SWIFTLET_NUCLEUS)),
            (0xC000_0084, 0x4_7500),
        ]
        state.hasExtendedState = true
        return state
    }
}
