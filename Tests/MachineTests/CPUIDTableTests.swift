import CLinux
import KVM
import Testing

private func leaf(
    _ function: UInt32, _ eax: UInt32, _ ebx: UInt32, _ ecx: UInt32, _ edx: UInt32
) -> kvm_cpuid_entry2 {
    var entry = kvm_cpuid_entry2()
    entry.function = function
    (entry.eax, entry.ebx, entry.ecx, entry.edx) = (eax, ebx, ecx, edx)
    return entry
}

private func registers(_ entry: kvm_cpuid_entry2) -> [UInt32] { [entry.eax, entry.ebx, entry.ecx, entry.edx] }

/// A Xeon's (model 0x8F or later): 48 KiB of L1 data, 32 KiB of L1 code, 2 MiB of L2, 112 MiB of L3.
private let caches = [
    leaf(4, 0x121, 0x02C0_003F, 0x3F, 0), leaf(4, 0x122, 0x01C0_003F, 0x3F, 0),
    leaf(4, 0x143, 0x03C0_003F, 0x7FF, 0), leaf(4, 0x163, 0x0380_003F, 0x1_BFFF, 4), leaf(4, 0, 0, 0, 0),
]

@Suite struct CPUIDTableTests {
    @Test("leaf 2 that refers to leaf 4 gets descriptors, none larger than its cache")
    func descriptors() {
        let answer = CPUIDTable.inDescriptors(leaf(2, 0x00FE_FF01, 0xF0, 0, 0), caches: caches)
        #expect(registers(answer) == [1, 0x30_2CF0, 0xEC7D, 0])
        #expect(answer.function == 2)
    }

    @Test("leaf 2 with descriptors of its own, or of a cache that none fits, stays as it is")
    func untouched() {
        let own = leaf(2, 0x7603_6301, 0x00F0_B5FE, 0, 0x00C3_0000)
        #expect(registers(CPUIDTable.inDescriptors(own, caches: caches)) == registers(own))
        let refers = leaf(2, 0x00FE_FF01, 0xF0, 0, 0)
        let small = leaf(4, 0x121, 0x01C0_003F, 0x0F, 0)
        #expect(registers(CPUIDTable.inDescriptors(refers, caches: [small])) == registers(refers))
    }

    @Test("whatever leaf 4 says, each register of leaf 2 is valid: its highest bit is 0")
    func valid() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<10_000 {
            func any() -> UInt32 { UInt32.random(in: .min ... .max, using: &random) }
            let caches = (0..<Int.random(in: 0..<16)).map { _ in leaf(4, any(), any(), any(), any()) }
            let answer = CPUIDTable.inDescriptors(leaf(2, 0xFF01, any() & 0x7FFF_FFFF, 0, 0), caches: caches)
            #expect(answer.eax & 0xFF == 1)
            #expect(registers(answer).allSatisfy { $0 >> 31 == 0 })
        }
    }
}
