public import CLinux

extension CPUIDTable {
    /// CPUID leaf 2 with descriptors of caches, made of leaf 4, for a processor that says 0xFF in leaf 2: "see leaf 4".
    ///
    /// glibc asks leaf 2 twelve times when a program starts, and walks leaf 4 at each 0xFF: 37 of the 68 CPUIDs of `true`,
    /// half a millisecond where each traps (docs/decisions.md). Descriptors it looks up in a table of its own.
    ///
    /// A descriptor is of one size, and there is none for 48 KiB of L1 or 100 MiB of L3: a cache gets the largest that is no
    /// larger than itself. Leaf 4 tells the true size to whoever asks it.
    ///
    /// - Parameters:
    ///   - leaf: Leaf 2 as the processor has it.
    ///   - caches: Leaf 4, an entry to a cache.
    /// - Returns: `leaf` unchanged if it has no 0xFF, or if a cache is smaller than every descriptor.
    /// - Source: Intel SDM vol. 2A, CPUID: leaf 2, "Encoding of CPUID Leaf 2 Descriptors", leaf 4.
    public static func inDescriptors(
        _ leaf: kvm_cpuid_entry2, caches: [kvm_cpuid_entry2]
    ) -> kvm_cpuid_entry2 {
        let told = descriptors(in: leaf)
        guard told.contains(Descriptor.seeLeaf4) else { return leaf }
        var descriptors = told.filter { $0 != Descriptor.seeLeaf4 && $0 != Descriptor.seeLeaf18 }
        for cache in caches where cache.eax & 0x1F != 0 {
            guard let descriptor = descriptor(of: cache) else { return leaf }
            descriptors.append(descriptor)
        }
        var answer = leaf
        // EAX's lowest byte is how often to ask: once.
        answer.eax = 1
        (answer.ebx, answer.ecx, answer.edx) = (0, 0, 0)
        // A register whose highest bit is set says nothing: its highest byte is left 0.
        for (index, descriptor) in descriptors.enumerated() {
            let byte = UInt32(descriptor) << UInt32(8 * (index % 3))
            switch index / 3 {
            case 0: answer.ebx |= byte
            case 1: answer.ecx |= byte
            case 2: answer.edx |= byte
            default: return leaf
            }
        }
        return answer
    }

    /// The descriptors of leaf 2, none of them 0.
    private static func descriptors(in leaf: kvm_cpuid_entry2) -> [UInt8] {
        [leaf.eax & ~0xFF, leaf.ebx, leaf.ecx, leaf.edx].filter { $0 >> 31 == 0 }.flatMap { register in
            [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: register >> $0) }.filter { $0 != 0 }
        }
    }

    /// The largest descriptor that is no larger than a cache; nil if there is none.
    private static func descriptor(of cache: kvm_cpuid_entry2) -> UInt8? {
        let ways = UInt64(cache.ebx >> 22) + 1
        let partitions = UInt64(cache.ebx >> 12 & 0x3FF) + 1
        let line = UInt64(cache.ebx & 0xFFF) + 1
        // At most 2^10 × 2^10 × 2^12 × 2^32.
        let set = ways * partitions * line
        let (size, overflow) = set.multipliedReportingOverflow(by: UInt64(cache.ecx) + 1)
        let known: [(UInt64, UInt8)] =
            switch (cache.eax >> 5 & 7, cache.eax & 0x1F) {
            case (1, 1): [(24 << 10, 0x0E), (32 << 10, 0x2C)]
            case (1, 2): [(32 << 10, 0x30)]
            case (2, _): [(256 << 10, 0x21), (512 << 10, 0x7F), (1 << 20, 0x78), (2 << 20, 0x7D)]
            case (3, _):
                [
                    (2 << 20, 0xE2), (4 << 20, 0xE3), (8 << 20, 0xE4), (12 << 20, 0xEA), (18 << 20, 0xEB),
                    (24 << 20, 0xEC),
                ]
            default: []
            }
        return known.last { overflow || $0.0 <= size }?.1
    }

    private enum Descriptor {
        /// Caches are told of by leaf 4.
        static let seeLeaf4: UInt8 = 0xFF
        /// TLBs are told of by leaf 0x18, which the guest's table does not have.
        static let seeLeaf18: UInt8 = 0xFE
    }
}
