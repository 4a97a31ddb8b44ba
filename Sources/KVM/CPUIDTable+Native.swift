import CLinux

extension CPUIDTable {
    /// The processor's own table, where KVM cannot know better: on a CPU that shows neither VMX nor SVM. KVM is then a
    /// ring-deprivileged one, whose guest executes CPUID in ring 3 (docs/kvm.md §1).
    ///
    /// There each CPUID costs 2 to 4 µs, and KVM_GET_SUPPORTED_CPUID executes a hundred: 0.4 ms of a job's 2; and its
    /// answer lacks features that the guest's programs have, AVX among them. On AMD's processors the guest never sees the
    /// table, and the leaves that KVM itself looks at are enough. On Intel's CPUID can be made to trap in ring 3, and is
    /// (docs/decisions.md): there a program sees what is in the table, and 0 for what is not.
    ///
    /// - Returns: nil on any other host: KVM must be asked.
    public static func nativeIfDeprivileged() -> CPUIDTable? {
        let basic = entry(1)
        let extended = entry(0x8000_0001)
        guard basic.ecx & Feature.vmx == 0, extended.ecx & Feature.svm == 0 else { return nil }
        let identity = entry(0)
        var features = entry(7).ofItsIndex
        // What needs the kernel's help and does not get it: protection keys, AMX (BF16, TILE, INT8).
        features.ecx &= ~(1 << 3 | 1 << 4)
        features.edx &= ~(1 << 22 | 1 << 24 | 1 << 25)
        // XSAVE: no more than x87, SSE, AVX and AVX-512.
        var state = entry(0xD).ofItsIndex
        let components = state.eax
        state.eax &= 0xE7
        state.edx = 0
        let compaction = entry(0xD, 1).ofItsIndex
        var entries = [
            identity, basic, features, state, compaction, entry(0x8000_0000), extended, entry(0x8000_0007),
            entry(0x8000_0008),
        ]
        let isIntel = identity.ecx == 0x6C65_746E  // "ntel"
        if isIntel { entries += leavesForPrograms(highest: identity.eax, features, components) }
        return CPUIDTable(entries: entries)
    }

    /// What KVM does not look at: caches, sizes of vector registers, topology (`forGuest` fills it in), frequencies, names.
    private static func leavesForPrograms(
        highest: UInt32, _ features: kvm_cpuid_entry2, _ components: UInt32
    ) -> [kvm_cpuid_entry2] {
        var entries = [6, 0x15, 0x16].filter { $0 <= highest }.map { entry($0) }
        var caches: [kvm_cpuid_entry2] = []
        for index in 0..<8 as Range<UInt32> {
            let cache = entry(4, index).ofItsIndex
            caches.append(cache)
            if cache.eax & 0x1F == 0 { break }
        }
        entries += caches
        if highest >= 2 { entries.append(inDescriptors(entry(2), caches: caches)) }
        for index in 1..<8 as Range<UInt32> where index <= features.eax {
            entries.append(entry(7, index).ofItsIndex)
        }
        // With protection keys: KVM tells of them whatever the table says.
        for index in 2..<10 as Range<UInt32> where components >> index & 1 == 1 {
            entries.append(entry(0xD, index).ofItsIndex)
        }
        for function in [0xB, 0x1F] as [UInt32] where function <= highest {
            for index in 0..<3 as Range<UInt32> {
                var level = kvm_cpuid_entry2()
                level.function = function
                level.index = index
                entries.append(level.ofItsIndex)
            }
        }
        return entries + (0x8000_0002...0x8000_0006).map { entry($0) }
    }

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

extension kvm_cpuid_entry2 {
    /// The same for its index alone: KVM_CPUID_FLAG_SIGNIFCANT_INDEX (the kernel's spelling).
    fileprivate var ofItsIndex: kvm_cpuid_entry2 {
        var entry = self
        entry.flags = 1
        return entry
    }
}
