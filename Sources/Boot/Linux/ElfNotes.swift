/// The notes of an ELF file's PT_NOTE segments. Source: System V ABI, chapter 5, "Note Section".
///
///     u32 name length | u32 descriptor length | u32 type | name, padded to 4 | descriptor, padded to 4
enum ElfNotes {
    /// More than this is not read: a Linux's notes are a few hundred bytes.
    static let maximumBytes: UInt64 = 64 << 10

    /// XEN_ELFNOTE_PHYS32_ENTRY: where the kernel wants to be entered in 32-bit protected mode (Xen, public/elfnote.h).
    static func pvhEntry(in notes: [UInt8]) -> UInt32? {
        let bytes = LittleEndianBytes(notes)
        var at = 0
        while let nameBytes = bytes.u32(at), let bytesOfValue = bytes.u32(at + 4),
            let type = bytes.u32(at + 8)
        {
            let name = at + 12
            let value = name + padded(nameBytes)
            if type == entryType, nameBytes == 4, bytes.u32(name) == xen, bytesOfValue >= 4 {
                return bytes.u32(value)
            }
            at = value + padded(bytesOfValue)
        }
        return nil
    }

    private static func padded(_ bytes: UInt32) -> Int { (Int(bytes) + 3) / 4 * 4 }

    private static let entryType: UInt32 = 18
    /// "Xen" with its zero.
    private static let xen: UInt32 = 0x006E_6558
}
