public import CLinux

/// The CPUID leaves a vCPU answers with.
public struct CPUIDTable: Sendable {
    /// KVM's own limit (KVM_MAX_CPUID_ENTRIES).
    static let maximumEntries: UInt32 = 256

    public private(set) var entries: [kvm_cpuid_entry2]

    public init(entries: [kvm_cpuid_entry2]) { self.entries = entries }

    /// Sets what the guest is promised beyond what the CPU says, and takes away what it shall not have: the HYPERVISOR
    /// bit and the LAPIC's TSC-deadline mode (a Linux guest hangs calibrating its clock without them), no nested
    /// virtualisation, and instead of the host's topology one package of `count` cores, of which this is number
    /// `processor`; that is its APIC id.
    public func forGuest(processor: Int = 0, of count: Int = 1) -> CPUIDTable {
        let id = UInt32(processor)
        let cores = UInt32(count)
        // Bits of an APIC id that number the cores.
        let bits = UInt32(32 - (cores - 1).leadingZeroBitCount)
        var table = self
        for index in table.entries.indices {
            let leaf = table.entries[index].index
            switch table.entries[index].function {
            case 1:
                table.entries[index].ecx |= Feature.hypervisor | Feature.tscDeadline
                table.entries[index].ecx &= ~Feature.vmx
                table.entries[index].ebx &= 0x0000_FFFF
                table.entries[index].ebx |= id << 24 | cores << 16
                table.entries[index].edx &= ~Feature.severalProcessors
                if count > 1 { table.entries[index].edx |= Feature.severalProcessors }
            case 4, 0x8000_001D:
                // Caches: no two cores share one, which costs nothing but a scheduler's guess.
                table.entries[index].eax &= 0x0000_3FFF
                if table.entries[index].function == 4 { table.entries[index].eax |= (cores - 1) << 26 }
            case 0xB, 0x1F:
                // Level 0: one thread to a core. Level 1: the cores. Level 2: none.
                table.entries[index].eax = leaf == 1 ? bits : 0
                table.entries[index].ebx = leaf == 0 ? 1 : leaf == 1 ? cores : 0
                table.entries[index].ecx = leaf | (leaf == 0 ? 1 << 8 : leaf == 1 ? 2 << 8 : 0)
                table.entries[index].edx = id
            case 0x8000_0001:
                table.entries[index].ecx &= ~Feature.svm
            case 0x8000_0008:
                table.entries[index].ecx = bits << 12 | (cores - 1)
            case 0x8000_001E:
                table.entries[index].eax = id
                table.entries[index].ebx = id
                table.entries[index].ecx = 0
            default: break
            }
        }
        return table
    }

    /// What XCR0 may hold: CPUID leaf 0xD, subleaf 0, EDX:EAX. x87 only where the leaf is missing.
    public var supportedXCR0: UInt64 {
        for entry in entries where entry.function == 0xD && entry.index == 0 {
            return UInt64(entry.edx) << 32 | UInt64(entry.eax)
        }
        return 1
    }

    /// Bits of leaf 1 ECX and leaf 0x80000001 ECX (Intel SDM vol. 2A, CPUID; AMD APM vol. 3 appendix E).
    enum Feature {
        static let vmx: UInt32 = 1 << 5
        static let tscDeadline: UInt32 = 1 << 24
        static let hypervisor: UInt32 = 1 << 31
        static let svm: UInt32 = 1 << 2
        /// Leaf 1 EDX: HTT, more than one processor in the package.
        static let severalProcessors: UInt32 = 1 << 28
    }
}
