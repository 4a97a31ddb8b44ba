import GuestNucleus

/// /proc/cpuinfo: what CPUID says, in Linux's words.
enum ProcProcessor {
    /// A bit of a CPUID register and the name Linux gives it.
    private typealias Flag = (bit: UInt32, name: StaticString)

    private static let leaf1EDX: [Flag] = [
        (0, "fpu"), (1, "vme"), (2, "de"), (3, "pse"), (4, "tsc"), (5, "msr"), (6, "pae"), (7, "mce"),
        (8, "cx8"), (9, "apic"), (11, "sep"), (12, "mtrr"), (13, "pge"), (14, "mca"), (15, "cmov"),
        (16, "pat"), (17, "pse36"), (19, "clflush"), (23, "mmx"), (24, "fxsr"), (25, "sse"), (26, "sse2"),
        (28, "ht"),
    ]
    private static let extendedEDX: [Flag] = [
        (11, "syscall"), (20, "nx"), (22, "mmxext"), (25, "fxsr_opt"), (26, "pdpe1gb"), (27, "rdtscp"),
        (29, "lm"),
    ]
    private static let leaf1ECX: [Flag] = [
        (0, "pni"), (1, "pclmulqdq"), (9, "ssse3"), (12, "fma"), (13, "cx16"), (17, "pcid"), (19, "sse4_1"),
        (20, "sse4_2"), (21, "x2apic"), (22, "movbe"), (23, "popcnt"), (25, "aes"), (26, "xsave"), (28, "avx"),
        (29, "f16c"), (30, "rdrand"), (31, "hypervisor"),
    ]
    private static let extendedECX: [Flag] = [
        (0, "lahf_lm"), (5, "abm"), (6, "sse4a"), (7, "misalignsse"), (8, "3dnowprefetch"),
    ]
    private static let leaf7EBX: [Flag] = [
        (0, "fsgsbase"), (3, "bmi1"), (5, "avx2"), (7, "smep"), (8, "bmi2"), (9, "erms"), (10, "invpcid"),
        (16, "avx512f"), (17, "avx512dq"), (18, "rdseed"), (19, "adx"), (20, "smap"), (21, "avx512ifma"),
        (23, "clflushopt"), (24, "clwb"), (28, "avx512cd"), (29, "sha_ni"), (30, "avx512bw"),
        (31, "avx512vl"),
    ]
    private static let extendedStateEAX: [Flag] = [
        (0, "xsaveopt"), (1, "xsavec"), (2, "xgetbv1"),
    ]
    private static let leaf7ECX: [Flag] = [
        (1, "avx512vbmi"), (2, "umip"), (6, "avx512_vbmi2"), (8, "gfni"), (9, "vaes"), (10, "vpclmulqdq"),
        (11, "avx512_vnni"), (12, "avx512_bitalg"), (14, "avx512_vpopcntdq"), (22, "rdpid"),
    ]
    private static let leaf7EDX: [Flag] = [(4, "fsrm"), (8, "avx512_vp2intersect"), (14, "serialize")]

    static func text() -> [UInt8] {
        let basic = cpuid(0, 0)
        let extendedMaximum = cpuid(0x8000_0000, 0).eax
        var text = Text("processor\t: 0\nvendor_id\t: ")
        for word in [basic.ebx, basic.edx, basic.ecx] { add(characters: word, to: &text) }
        addModel(to: &text)
        text.add("\nphysical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\napicid\t\t: 0")
        text.add("\ninitial apicid\t: 0\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: ")
        text.add(UInt64(basic.eax))
        text.add("\nwp\t\t: yes\nflags\t\t:")
        addFlags(basic.eax, extendedMaximum, to: &text)
        // Twice the clock in MHz: what Linux's delay loop comes to with a known TSC.
        let hundredths = Clock.frequency / 5000
        text.add("\nbugs\t\t:\nbogomips\t: ")
        text.add(hundredths / 100)
        text.add(".")
        text.add(hundredths % 100, width: 2, padding: UInt8(ascii: "0"))
        let line = UInt64(cpuid(1, 0).ebx >> 8 & 0xFF) * 8
        text.add("\nclflush size\t: ")
        text.add(line)
        text.add("\ncache_alignment\t: ")
        text.add(line)
        let sizes = extendedMaximum >= 0x8000_0008 ? cpuid(0x8000_0008, 0).eax : 0x3028
        text.add("\naddress sizes\t: ")
        text.add(UInt64(sizes & 0xFF))
        text.add(" bits physical, ")
        text.add(UInt64(sizes >> 8 & 0xFF))
        text.add(" bits virtual\npower management:\n\n")
        return text.bytes
    }

    private static func addModel(to text: inout Text) {
        let signature = cpuid(1, 0).eax
        let baseFamily = signature >> 8 & 15
        let family = baseFamily == 15 ? baseFamily + (signature >> 20 & 0xFF) : baseFamily
        let model = signature >> 4 & 15 | (baseFamily >= 6 ? signature >> 12 & 0xF0 : 0)
        text.add("\ncpu family\t: ")
        text.add(UInt64(family))
        text.add("\nmodel\t\t: ")
        text.add(UInt64(model))
        text.add("\nmodel name\t: ")
        for leaf: UInt32 in 0x8000_0002...0x8000_0004 {
            let part = cpuid(leaf, 0)
            for word in [part.eax, part.ebx, part.ecx, part.edx] { add(characters: word, to: &text) }
        }
        text.add("\nstepping\t: ")
        text.add(UInt64(signature & 15))
        text.add("\nmicrocode\t: 0x1\ncpu MHz\t\t: ")
        text.add(Clock.frequency / 1_000_000)
        text.add(".")
        text.add(Clock.frequency / 1000 % 1000, width: 3, padding: UInt8(ascii: "0"))
        if let largest = ProcessorCache.all.last {
            text.add("\ncache size\t: ")
            text.add(largest.bytes / 1024)
            text.add(" KB")
        }
    }

    private static func addFlags(_ maximum: UInt32, _ extendedMaximum: UInt32, to text: inout Text) {
        let one = cpuid(1, 0)
        let extended = extendedMaximum > 0x8000_0000 ? cpuid(0x8000_0001, 0) : cpuid_result()
        let seven = maximum >= 7 ? cpuid(7, 0) : cpuid_result()
        let state = maximum >= 13 ? cpuid(13, 1) : cpuid_result()
        let groups: [(bits: UInt32, names: [Flag])] = [
            (one.edx, leaf1EDX), (extended.edx, extendedEDX), (one.ecx, leaf1ECX),
            (extended.ecx, extendedECX), (seven.ebx, leaf7EBX), (state.eax, extendedStateEAX),
            (seven.ecx, leaf7ECX), (seven.edx, leaf7EDX),
        ]
        for group in groups {
            for (bit, name) in group.names where group.bits >> bit & 1 != 0 {
                text.add(" ")
                text.add(name)
            }
        }
        text.add(" constant_tsc nopl cpuid")
    }

    private static func add(characters word: UInt32, to text: inout Text) {
        for shift: UInt32 in [0, 8, 16, 24] {
            let byte = UInt8(truncatingIfNeeded: word >> shift)
            if byte != 0 { text.add(byte: byte) }
        }
    }
}
