import CSwiftletABI

/// Where things are in a Linux guest's first mebibyte (docs/machine.md). All addresses are guest-physical.
///
///     0x1000 boot page | 0x2000 message page | 0x3000 zero page | 0x4000 start information | 0x5000 GDT | 0x6000 page tables
///     0x10000 command line | 0xE0000 ACPI tables | 0xF0000 MP table | 0x100000 RAM: the kernel …, initramfs at its end
enum LinuxLayout {
    /// Boot page and message page stay, for process 1 to read and to write.
    static let reservedLow = PhysicalMap.Range(start: 0, bytes: 0x3000)
    static let zeroPage: UInt64 = 0x3000
    /// PVH's, with its list of memory and of modules behind it.
    static let startInformation: UInt64 = 0x4000
    static let gdt: UInt64 = 0x5000
    /// Six pages: root, one directory of gigabytes, four of 2 MiB pages.
    static let pageTables: UInt64 = 0x6000
    static let commandLine: UInt64 = 0x1_0000
    /// Of any kernel: COMMAND_LINE_SIZE of x86.
    static let commandLineBytes: UInt64 = 2047
    /// What a PC's firmware keeps for itself: the tables below, and nothing else here.
    static let firmware = PhysicalMap.Range(start: 0x9_F000, bytes: 0x6_1000)
    static let acpiTables: UInt64 = 0xE_0000
    static let mpTable: UInt64 = 0xF_0000
    /// The first byte that is a kernel's to be loaded at.
    static let highMemory: UInt64 = 0x10_0000

    /// Interrupts 5 to 15 of the IOAPIC: those that an ISA bus has, which need no mapping in a kernel without ACPI.
    static let maximumDevices = 11

    /// What is RAM and what is not, sorted.
    static func memoryMap(_ map: PhysicalMap) -> [MemoryMapEntry] {
        var entries = [
            MemoryMapEntry(range: reservedLow, isRAM: false),
            MemoryMapEntry(
                range: .init(start: reservedLow.end, bytes: firmware.start - reservedLow.end), isRAM: true),
            MemoryMapEntry(range: firmware, isRAM: false),
        ]
        for range in map.ram {
            let start = max(range.start, highMemory)
            entries.append(
                MemoryMapEntry(range: .init(start: start, bytes: range.end - start), isRAM: true))
        }
        return entries
    }

    /// A line of what a PC's firmware calls the e820 map.
    struct MemoryMapEntry: Equatable {
        let range: PhysicalMap.Range
        let isRAM: Bool

        /// E820_TYPE_RAM or E820_TYPE_RESERVED; PVH's numbers are the same.
        var type: UInt32 { isRAM ? 1 : 2 }
    }
}
