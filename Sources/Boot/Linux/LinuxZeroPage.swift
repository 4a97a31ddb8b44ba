/// What a 64-bit kernel is told: the "zero page", `struct boot_params`. Source: Linux,
/// Documentation/arch/x86/zero-page.rst and boot.rst.
enum LinuxZeroPage {
    /// 4,096 bytes, for LinuxLayout.zeroPage.
    static func bytes(_ facts: LinuxBootFacts, header: LinuxSetupHeader?) -> [UInt8] {
        var page = LittleEndianWriter()
        page.append([UInt8](repeating: 0, count: Int(pageBytes)))
        if let header {
            for (index, byte) in header.fields.enumerated() { page.set(byte, at: Offset.header + index) }
        } else {
            // A vmlinux has no header of its own: the least that makes the kernel believe the rest.
            page.set(UInt16(0xAA55), at: Offset.bootFlag)
            page.set(UInt32(0x5372_6448), at: Offset.signature)
            page.set(UInt16(0x020F), at: Offset.version)
        }
        page.set(UInt8(0xFF), at: Offset.loaderType)  // one without a number of its own
        page.set(UInt32(LinuxLayout.commandLine), at: Offset.commandLine)
        page.set(facts.rsdp, at: Offset.rsdp)
        if let initramfs = facts.initramfs {
            page.set(UInt32(initramfs.start), at: Offset.initramfs)
            page.set(UInt32(initramfs.bytes), at: Offset.initramfsBytes)
        }
        page.set(UInt8(facts.memory.count), at: Offset.memoryEntries)
        for (index, entry) in facts.memory.enumerated() {
            let at = Offset.memory + index * 20
            page.set(entry.range.start, at: at)
            page.set(entry.range.bytes, at: at + 8)
            page.set(entry.type, at: at + 16)
        }
        return page.bytes
    }

    private enum Offset {
        static let rsdp = 0x070  // acpi_rsdp_addr
        static let memoryEntries = 0x1E8
        static let header = 0x1F1
        static let bootFlag = 0x1FE
        static let signature = 0x202
        static let version = 0x206
        static let loaderType = 0x210
        static let initramfs = 0x218
        static let initramfsBytes = 0x21C
        static let commandLine = 0x228
        static let memory = 0x2D0  // e820_table
    }
}

/// What both entries tell the kernel, each in a form of its own. The command line is at LinuxLayout.commandLine.
struct LinuxBootFacts {
    let memory: [LinuxLayout.MemoryMapEntry]
    /// Below 4 GiB.
    let initramfs: PhysicalMap.Range?
    /// Where ACPI's root pointer is.
    let rsdp: UInt64
}
