/// What a kernel with a PVH entry is told: `struct hvm_start_info`, its list of modules and its list of memory. Source:
/// Xen, public/arch-x86/hvm/start_info.h.
///
///     start information 56 B | module 32 B | memory × 24 B
enum PVHStartInformation {
    /// For LinuxLayout.startInformation.
    static func bytes(_ facts: LinuxBootFacts, at address: UInt64) -> [UInt8] {
        let modules = address + 56
        let memory = modules + 32
        var info = LittleEndianWriter()
        info.append(magic)
        info.append(UInt32(1))  // version: with the list of memory
        info.append(UInt32(0))
        info.append(UInt32(facts.initramfs == nil ? 0 : 1))
        info.append(modules)
        info.append(LinuxLayout.commandLine)
        info.append(facts.rsdp)
        info.append(memory)
        info.append(UInt32(facts.memory.count))
        info.append(UInt32(0))
        info.append(facts.initramfs?.start ?? 0)
        info.append(facts.initramfs?.bytes ?? 0)
        info.append(UInt64(0))
        info.append(UInt64(0))
        for entry in facts.memory {
            info.append(entry.range.start)
            info.append(entry.range.bytes)
            info.append(entry.type)
            info.append(UInt32(0))
        }
        return info.bytes
    }

    private static let magic: UInt32 = 0x336E_C578
}
