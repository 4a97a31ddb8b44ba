extension InitialCPUState {
    static func linux(_ entry: LinuxImage.Entry) -> InitialCPUState {
        switch entry {
        case .long(let address): linuxLong(entry: address)
        case .pvh(let address): pvh(entry: UInt64(address))
        }
    }

    /// boot.rst, "64-bit Boot Protocol": paging on, the first 4 GiB mapped as they are, RSI the zero page.
    private static func linuxLong(entry: UInt64) -> InitialCPUState {
        var state = ringZero(
            entry: entry, codeSize: .bits64,
            // PG, ET, PE.
            cr0: 1 << 31 | 1 << 4 | 1 << 0)
        state.cr3 = LinuxLayout.pageTables
        state.cr4 = 1 << 5  // PAE
        state.efer = 1 << 8 | 1 << 10  // LME, LMA
        state.rsi = LinuxLayout.zeroPage
        return state
    }

    /// Xen, docs/misc/pvh.pandoc: 32-bit protected mode, paging off, EBX the start information.
    private static func pvh(entry: UInt64) -> InitialCPUState {
        var state = ringZero(
            entry: entry, codeSize: .bits32,
            // ET, PE.
            cr0: 1 << 4 | 1 << 0)
        state.rbx = LinuxLayout.startInformation
        return state
    }

    private static func ringZero(entry: UInt64, codeSize: CodeSize, cr0: UInt64) -> InitialCPUState {
        let descriptors = descriptorTable(codeSize)
        var state = InitialCPUState(
            instructionPointer: entry, cr0: cr0, cr3: 0, cr4: 0, efer: 0, codeSize: codeSize,
            // __BOOT_CS, __BOOT_DS, __BOOT_TSS.
            codeSelector: 0x10, dataSelector: 0x18, taskSelector: 0x20,
            task: Table(base: 0, limit: 0x67),
            gdt: Table(base: LinuxLayout.gdt, limit: UInt16(descriptors.count * 8 - 1)),
            idt: Table(base: 0, limit: 0))
        // A firmware may leave it so, and Linux sets it anew. QEMU's software CPU (7.2) shows KVM no XSETBV of a
        // guest's, so CPUID would go on to tell the size of the reset's state, and a Linux that finds a wrong size
        // gives AVX up.
        state.hasExtendedState = true
        return state
    }

    /// Flat code and data, present, accessed; for LinuxLayout.gdt. Intel SDM vol. 3A §3.4.5.
    static func descriptorTable(_ codeSize: CodeSize) -> [UInt64] {
        let code: UInt64 = codeSize == .bits64 ? 0x00AF_9B00_0000_FFFF : 0x00CF_9B00_0000_FFFF
        return [0, 0, code, 0x00CF_9300_0000_FFFF, 0x0000_8B00_0000_0067, 0]
    }
}
