import CSwiftletABI

/// Processors and interrupts for a Linux without ACPI. Source: Intel MultiProcessor Specification 1.4, chapter 4.
///
///     floating pointer 16 B | header 44 B | processors × 20 B | ISA bus 8 B | IOAPIC 8 B | interrupts × 8 B
enum MPTable {
    /// For LinuxLayout.mpTable; the kernel looks for the pointer there.
    static func bytes(processors: Int, at address: UInt64) -> [UInt8] {
        var pointer = LittleEndianWriter()
        pointer.append("_MP_", count: 4)
        pointer.append(UInt32(address + 16))
        pointer.append([1, version, 0, 0, 0, 0, 0, 0])  // 16 bytes long; a configuration table is present
        pointer.setChecksum(at: 10)
        return pointer.bytes + configuration(processors: processors)
    }

    private static let version: UInt8 = 4

    private static func configuration(processors: Int) -> [UInt8] {
        let ioapic = UInt8(processors)
        var table = LittleEndianWriter()
        table.append("PCMP", count: 4)
        table.append(UInt16(0))  // length, below
        table.append([version, 0])
        table.append("SWIFTLET", count: 8)
        table.append("MICROVM", count: 12)
        table.append(UInt32(0))
        table.append(UInt16(0))
        table.append(UInt16(processors + 2 + isaInterrupts + 2))
        table.append(UInt32(SWIFTLET_LAPIC_BASE))
        table.append(UInt32(0))
        for processor in 0..<processors {
            // Enabled; the first is the bootstrap processor. What CPUID says of it Linux asks CPUID.
            table.append([Entry.processor, UInt8(processor), apicVersion, processor == 0 ? 3 : 1])
            table.append([UInt8](repeating: 0, count: 16))
        }
        table.append([Entry.bus, 0])
        table.append("ISA", count: 6)
        table.append([Entry.ioapic, ioapic, apicVersion, 1])
        table.append(UInt32(SWIFTLET_IOAPIC_BASE))
        for line in 0..<UInt8(isaInterrupts) {
            // Polarity and trigger mode of the bus: an edge, active high. Line n is pin n.
            table.append([Entry.interrupt, Interrupt.vectored, 0, 0, 0, line, ioapic, line])
        }
        table.append([Entry.localInterrupt, Interrupt.external, 0, 0, 0, 0, 0, 0])
        table.append([Entry.localInterrupt, Interrupt.nonMaskable, 0, 0, 0, 0, allProcessors, 1])
        table.set(UInt16(table.bytes.count), at: 4)
        table.setChecksum(at: 7)
        return table.bytes
    }

    private static let isaInterrupts = 16
    private static let apicVersion: UInt8 = 0x14
    private static let allProcessors: UInt8 = 0xFF

    private enum Entry {
        static let processor: UInt8 = 0
        static let bus: UInt8 = 1
        static let ioapic: UInt8 = 2
        static let interrupt: UInt8 = 3
        static let localInterrupt: UInt8 = 4
    }

    private enum Interrupt {
        static let vectored: UInt8 = 0
        static let nonMaskable: UInt8 = 1
        static let external: UInt8 = 3
    }
}
