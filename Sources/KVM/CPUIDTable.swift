public import CLinux

/// The CPUID leaves a vCPU answers with.
public struct CPUIDTable: Sendable {
    /// KVM's own limit (KVM_MAX_CPUID_ENTRIES).
    static let maximumEntries: UInt32 = 256

    public private(set) var entries: [kvm_cpuid_entry2]

    public init(entries: [kvm_cpuid_entry2]) { self.entries = entries }

    /// Sets what the guest is promised beyond what the CPU says, and takes away what it shall not have:
    /// the HYPERVISOR bit and the LAPIC's TSC-deadline mode (a Linux guest hangs calibrating its clock without them), no
    /// nested virtualisation, and APIC id 0 for the only vCPU.
    public func forGuest() -> CPUIDTable {
        var table = self
        for index in table.entries.indices {
            switch table.entries[index].function {
            case 1:
                table.entries[index].ecx |= Feature.hypervisor | Feature.tscDeadline
                table.entries[index].ecx &= ~Feature.vmx
                table.entries[index].ebx &= 0x00FF_FFFF
            case 0xB, 0x1F:
                table.entries[index].edx = 0
            case 0x8000_0001:
                table.entries[index].ecx &= ~Feature.svm
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
    }
}
