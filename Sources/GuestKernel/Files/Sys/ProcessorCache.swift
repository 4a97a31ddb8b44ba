import GuestNucleus

/// One cache of the processor, as CPUID describes it (Intel's leaf 4, AMD's 0x8000001D, which are alike).
struct ProcessorCache {
    enum Kind: UInt32 {
        case data = 1, instruction = 2, unified = 3
    }

    let kind: Kind
    let level: UInt64
    let lineBytes: UInt64
    let partitions: UInt64
    let ways: UInt64
    let sets: UInt64

    var bytes: UInt64 { lineBytes * partitions * ways * sets }

    /// In the order of CPUID: first level first. Asked once; empty if the processor does not tell.
    static let all: [ProcessorCache] = read()

    private static func read() -> [ProcessorCache] {
        let isIntel = cpuid(0, 0).ebx == 0x756E_6547  // "Genu"
        let leaf: UInt32 = isIntel ? 4 : 0x8000_001D
        guard cpuid(leaf & 0x8000_0000, 0).eax >= leaf else { return [] }
        var caches: [ProcessorCache] = []
        for index: UInt32 in 0..<8 {
            let answer = cpuid(leaf, index)
            guard let kind = Kind(rawValue: answer.eax & 31) else { break }
            caches.append(
                ProcessorCache(
                    kind: kind, level: UInt64(answer.eax >> 5 & 7), lineBytes: UInt64(answer.ebx & 0xFFF) + 1,
                    partitions: UInt64(answer.ebx >> 12 & 0x3FF) + 1, ways: UInt64(answer.ebx >> 22) + 1,
                    sets: UInt64(answer.ecx) + 1))
        }
        return caches
    }
}
