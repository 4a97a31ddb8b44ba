import CSwiftletABI

/// Processors, interrupts and devices for a Linux that has ACPI, as distributions build it: a hardware-reduced machine,
/// which has none of a PC's timers, buttons and legacy controllers. Source: ACPI specification 6.4, §5.2.
///
///     RSDP 36 B | XSDT | MADT | FADT | DSDT, each 16-byte aligned
enum ACPITables {
    /// For `address`; the kernel is told where (zero page, start information).
    static func bytes(processors: Int, devices: [Device], at address: UInt64) -> [UInt8] {
        var image = LittleEndianWriter()
        image.append([UInt8](repeating: 0, count: 48))  // the RSDP's place
        func place(_ table: [UInt8]) -> UInt64 {
            let offset = image.bytes.count
            image.append(table)
            image.append([UInt8](repeating: 0, count: (16 - table.count % 16) % 16))
            return address + UInt64(offset)
        }
        let dsdt = place(Self.dsdt(devices))
        let fadt = place(Self.fadt(dsdt: dsdt))
        let madt = place(Self.madt(processors: processors))
        let xsdt = place(Self.xsdt([fadt, madt]))
        return rsdp(xsdt: xsdt) + image.bytes.dropFirst(36)
    }

    /// A virtio-mmio device: a page of registers and an edge on an interrupt line.
    struct Device: Equatable {
        let mmio: UInt32
        let gsi: UInt32
    }

    private static func rsdp(xsdt: UInt64) -> [UInt8] {
        var table = LittleEndianWriter()
        table.append("RSD PTR ", count: 8)
        table.append(UInt8(0))  // of the first 20 bytes, below
        table.append(oem, count: 6)
        table.append(UInt8(2))
        table.append(UInt32(0))
        table.setChecksum(at: 8)
        table.append(UInt32(36))
        table.append(xsdt)
        table.append([0, 0, 0, 0])
        table.setChecksum(at: 32)
        return table.bytes
    }

    private static func xsdt(_ tables: [UInt64]) -> [UInt8] {
        var body = LittleEndianWriter()
        for table in tables { body.append(table) }
        return described("XSDT", revision: 1, body.bytes)
    }

    /// §5.2.9. Everything that is zero here is absent.
    private static func fadt(dsdt: UInt64) -> [UInt8] {
        var table = LittleEndianWriter()
        table.append([UInt8](repeating: 0, count: 276 - headerBytes))
        func set<T: FixedWidthInteger>(_ value: T, _ offset: Int) {
            table.set(value, at: offset - headerBytes)
        }
        // IAPC_BOOT_ARCH: no VGA, no CMOS clock; and, by a bit that is not set, no keyboard controller.
        set(UInt16(1 << 2 | 1 << 5), 109)
        set(UInt32(1 << 20), 112)  // HW_REDUCED_ACPI
        set(UInt8(4), 131)  // minor version
        set(dsdt, 140)  // X_DSDT
        return described("FACP", revision: 6, table.bytes)
    }

    /// §5.2.12. The IOAPIC's pins are the interrupt numbers.
    private static func madt(processors: Int) -> [UInt8] {
        var table = LittleEndianWriter()
        table.append(UInt32(SWIFTLET_LAPIC_BASE))
        table.append(UInt32(0))  // no PIC to be switched off
        for processor in 0..<UInt8(processors) {
            table.append([0, 8, processor, processor])  // processor local APIC, UID and APIC id
            table.append(UInt32(1))  // enabled
        }
        table.append([1, 12, UInt8(processors), 0])
        table.append(UInt32(SWIFTLET_IOAPIC_BASE))
        table.append(UInt32(0))  // its first interrupt
        return described("APIC", revision: 5, table.bytes)
    }

    private static func dsdt(_ devices: [Device]) -> [UInt8] {
        let body = devices.enumerated().flatMap { index, device in
            AML.device(
                // LNRO0005 is what Linux's virtio_mmio driver answers to.
                name: "V" + AML.threeDigits(index), hardwareID: "LNRO0005", uniqueID: UInt8(index),
                resources: AML.resources(
                    mmio: device.mmio, bytes: UInt32(SWIFTLET_VIRTIO_STRIDE), gsi: device.gsi))
        }
        return described("DSDT", revision: 2, AML.scope("\\_SB_", body))
    }

    private static let headerBytes = 36
    private static let oem = "SWFTLT"

    /// A system description table header and its table (§5.2.6).
    private static func described(_ signature: String, revision: UInt8, _ body: [UInt8]) -> [UInt8] {
        var table = LittleEndianWriter()
        table.append(signature, count: 4)
        table.append(UInt32(headerBytes + body.count))
        table.append([revision, 0])
        table.append(oem, count: 6)
        table.append("MICROVM", count: 8)
        table.append(UInt32(1))
        table.append(oem, count: 4)
        table.append(UInt32(1))
        table.append(body)
        table.setChecksum(at: 9)
        return table.bytes
    }
}
