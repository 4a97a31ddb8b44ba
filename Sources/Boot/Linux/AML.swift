/// The few words of ACPI's machine language that describe a device at a fixed place. Source: ACPI specification 6.4,
/// §20.2, and §6.4 for the resources.
enum AML {
    /// `Scope (path) { … }`. The path is `\` and one name of four characters.
    static func scope(_ path: String, _ body: [UInt8]) -> [UInt8] {
        [0x10] + package(Array(path.utf8) + body)
    }

    /// `Device (name) { Name (_HID, …) Name (_UID, …) Name (_CCA, 1) Name (_CRS, …) }`. The name has four characters.
    static func device(
        name: String, hardwareID: String, uniqueID: UInt8, resources: [UInt8]
    ) -> [UInt8] {
        let body =
            Array(name.utf8) + Self.name("_HID", [0x0D] + Array(hardwareID.utf8) + [0])
            + Self.name("_UID", [0x0A, uniqueID])
            + Self.name("_CCA", [0x01])  // its accesses to memory are coherent
            + Self.name("_CRS", buffer(resources))
        return [0x5B, 0x82] + package(body)
    }

    /// `Memory32Fixed` and `Interrupt`, and the end of the list.
    static func resources(mmio: UInt32, bytes: UInt32, gsi: UInt32) -> [UInt8] {
        var list = LittleEndianWriter()
        list.append([0x86, 9, 0, 1])  // read-write
        list.append(mmio)
        list.append(bytes)
        list.append([0x89, 6, 0, 0b11, 1])  // consumer, edge, active high, exclusive; one interrupt
        list.append(gsi)
        list.append([0x79, 0])
        return list.bytes
    }

    static func threeDigits(_ number: Int) -> String {
        let digits = String(number % 1000)
        return String(repeating: "0", count: 3 - digits.count) + digits
    }

    private static func name(_ name: String, _ value: [UInt8]) -> [UInt8] {
        [0x08] + Array(name.utf8) + value
    }

    private static func buffer(_ bytes: [UInt8]) -> [UInt8] {
        [0x11] + package([0x0A, UInt8(bytes.count)] + bytes)
    }

    /// PkgLength, which counts itself, and what it is the length of: below 2^20 bytes.
    private static func package(_ body: [UInt8]) -> [UInt8] {
        if body.count + 1 < 1 << 6 { return [UInt8(body.count + 1)] + body }
        let more = body.count + 2 < 1 << 12 ? 1 : 2
        let length = body.count + 1 + more
        precondition(length < 1 << 20, "a table of devices is a few KiB")
        let rest = (0..<more).map { UInt8(truncatingIfNeeded: length >> (4 + 8 * $0)) }
        return [UInt8(more << 6 | length & 0xF)] + rest + body
    }
}
