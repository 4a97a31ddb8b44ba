import CLinux

/// What a program may have found out about the processor and gone on to rely on: its maker, model and features, as CPUID
/// tells them to everybody. A restored program does not ask again, so these must be the same.
public struct ProcessorIdentity: Equatable, Sendable {
    public static let wordCount = 16

    /// CPUID 0 (EBX, EDX, ECX: the maker's name), 1 (EAX: family, model, stepping; ECX, EDX), 7 (EBX, ECX, EDX), 7.1 (EAX),
    /// 0xD (EAX and EBX: the parts and the size of the vector state), 0xD.1 (EAX), 0x80000001 (ECX, EDX), 0x80000008 (EBX).
    public let words: [UInt32]

    public init(words: [UInt32]) {
        precondition(words.count == Self.wordCount, "a processor's identity is \(Self.wordCount) words")
        self.words = words
    }

    /// This machine's.
    public init() {
        let maker = Self.cpuid(0)
        let basic = Self.cpuid(1)
        let features = Self.cpuid(7)
        let state = Self.cpuid(0xD)
        let extended = Self.cpuid(0x8000_0001)
        words = [
            maker.ebx, maker.edx, maker.ecx, basic.eax, basic.ecx, basic.edx, features.ebx, features.ecx,
            features.edx, Self.cpuid(7, 1).eax, state.eax, state.ebx, Self.cpuid(0xD, 1).eax, extended.ecx,
            extended.edx, Self.cpuid(0x8000_0008).ebx,
        ]
    }

    /// Whether VMX or SVM is there: /dev/kvm is backed by hardware (docs/kvm.md §1).
    public var hasVirtualization: Bool { words[4] & 1 << 5 != 0 || words[13] & 1 << 2 != 0 }

    /// Like `AuthenticAMD family 25 model 17 stepping 1`.
    public var name: String {
        let maker = words[0..<3].flatMap { word in
            (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
        }
        let isName = maker.allSatisfy { (0x20...0x7E).contains($0) }
        let signature = words[3]
        // Family 15 and models of families 6 and 15 go on in the extended fields (Intel SDM vol. 2A, CPUID).
        let family = signature >> 8 & 15
        let model = signature >> 4 & 15 | (family == 6 || family == 15 ? signature >> 12 & 0xF0 : 0)
        return (isName ? String(decoding: maker, as: UTF8.self) : "?")
            + " family \(family == 15 ? 15 + (signature >> 20 & 0xFF) : family) model \(model) "
            + "stepping \(signature & 15)"
    }

    /// `name`, with the features where those alone tell the two apart.
    func name(besides other: ProcessorIdentity) -> String {
        if name != other.name { return name }
        let differing = words.indices.filter { words[$0] != other.words[$0] }
        return name + differing.map { ", word \($0) 0x\(String(words[$0], radix: 16))" }.joined()
    }

    private static func cpuid(_ leaf: UInt32, _ index: UInt32 = 0) -> (
        eax: UInt32, ebx: UInt32, ecx: UInt32, edx: UInt32
    ) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 4) { registers in
            registers.initialize(repeating: 0)
            kvm_host_cpuid(leaf, index, registers.baseAddress)
            return (registers[0], registers[1], registers[2], registers[3])
        }
    }
}
