import CLinux

extension CPUIDTable {
    /// The few leaves that KVM itself looks at, straight from the CPU, where nothing else can matter: on a CPU that shows
    /// neither VMX nor SVM. KVM is then a ring-deprivileged one, whose guest executes CPUID natively in ring 3 and never
    /// sees this table (KVM-FACTS §1).
    ///
    /// There each CPUID costs 4 µs, and KVM_GET_SUPPORTED_CPUID executes a hundred of them: 0.4 ms of a job's 2.
    ///
    /// - Returns: nil on any other host: KVM must be asked.
    public static func nativeIfDeprivileged() -> CPUIDTable? {
        let basic = entry(1)
        let extended = entry(0x8000_0001)
        guard basic.ecx & Feature.vmx == 0, extended.ecx & Feature.svm == 0 else { return nil }
        var features = entry(7)
        features.flags = significantIndex
        // XSAVE: no more than x87, SSE, AVX and AVX-512. Without nested paging KVM lets no guest use protection keys (PKRU).
        var state = entry(0xD)
        state.flags = significantIndex
        state.eax &= 0xE7
        state.edx = 0
        var compaction = entry(0xD, 1)
        compaction.flags = significantIndex
        return CPUIDTable(entries: [
            entry(0), basic, features, state, compaction, entry(0x8000_0000), extended, entry(0x8000_0007),
            entry(0x8000_0008),
        ])
    }

    /// KVM_CPUID_FLAG_SIGNIFCANT_INDEX (the kernel's spelling).
    private static let significantIndex: UInt32 = 1

    private static func entry(_ function: UInt32, _ index: UInt32 = 0) -> kvm_cpuid_entry2 {
        var entry = kvm_cpuid_entry2()
        entry.function = function
        entry.index = index
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 4) { registers in
            kvm_host_cpuid(function, index, registers.baseAddress)
            entry.eax = registers[0]
            entry.ebx = registers[1]
            entry.ecx = registers[2]
            entry.edx = registers[3]
        }
        return entry
    }
}
