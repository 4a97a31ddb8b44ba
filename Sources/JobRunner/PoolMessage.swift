import JobWire
import LinuxSystem
import SystemPackage

/// What `swiftlet run --pool` and `swiftlet pool` say to each other (docs/protocol.md §4): one message each way and one at
/// the machine's end, of 64-bit little-endian words; the first word names the message and its version.
enum PoolMessage {
    static let maximumBytes = 256

    private static let version: UInt64 = 2 << 32

    /// Wants a machine of this shape.
    struct Request: Equatable {
        static let kind = PoolMessage.version | 1
        var identity: MachineShape.Identity
    }

    /// Whether there is one. Beside `.machine` come its descriptors: control, events, the writing end of its input, the
    /// reading ends of its output and error, its pidfd.
    enum Reply: Equatable {
        static let kind = PoolMessage.version | 2
        static let descriptorCount = 6
        case machine(Machine)
        /// All are taken; more are being prepared.
        case noneNow
        /// The pool's machines have another shape.
        case otherShape
        /// As many clients as the pool may have run jobs.
        case full

        struct Machine: Equatable {
            var nonceLow: UInt64
            var nonceHigh: UInt64
            var processID: Int32
            var launched: UInt64
            var memory: MemoryEnforcement
        }
    }

    /// How the VMM's process ended.
    struct End: Equatable {
        static let kind = PoolMessage.version | 3
        var signal: Int32
        var code: Int32
        var memoryKill: Observations.MemoryKill?
    }

    static func bytes(_ words: [UInt64]) -> [UInt8] {
        words.flatMap { word in (0..<8).map { (byte: Int) in UInt8(truncatingIfNeeded: word >> (8 * byte)) } }
    }

    /// - Returns: nil unless there are exactly `count` words, of which the first is `kind`.
    static func words(_ bytes: [UInt8], kind: UInt64, count: Int) -> [UInt64]? {
        guard bytes.count == 8 * count else { return nil }
        var words: [UInt64] = []
        for index in 0..<count {
            var word: UInt64 = 0
            for byte in bytes[8 * index..<8 * index + 8].reversed() { word = word << 8 | UInt64(byte) }
            words.append(word)
        }
        return words.first == kind ? words : nil
    }
}

extension PoolMessage.Request {
    private static let transports: [JobRequest.RootTransport] = [.pmem, .block]
    /// Those before the archives.
    private static let fixedWords = 19

    var bytes: [UInt8] {
        let id = identity
        let transport = Self.transports.firstIndex(of: id.rootTransport) ?? 0
        let rates = [
            id.rootRates.readBytes, id.rootRates.writeBytes, id.rootRates.readOperations,
            id.rootRates.writeOperations, id.streamRate,
        ]
        // A rate is at least 1, so 0 is none.
        return PoolMessage.bytes(
            [Self.kind, id.kernel.device, id.kernel.inode, id.kernel.size]
                + [id.image.device, id.image.inode, id.image.size, id.memoryBytes, UInt64(transport)]
                + rates.map { $0 ?? 0 } + [id.template?.device ?? 0, id.template?.inode ?? 0]
                // No template is empty, so a size of 0 is none.
                + [id.template?.size ?? 0, UInt64(id.processors), UInt64(id.initramfs.count)]
                + id.initramfs.flatMap { [$0.device, $0.inode, $0.size] })
    }

    init?(_ bytes: [UInt8]) {
        let words = PoolMessage.words(bytes, kind: Self.kind, count: bytes.count / 8)
        guard let words, words.count >= Self.fixedWords, words[8] < 2,
            let processors = UInt32(exactly: words[17]), words[18] <= UInt64(MachineShape.maximumInitramfs),
            words.count == Self.fixedWords + 3 * Int(words[18])
        else { return nil }
        let rates: [UInt64?] = words[9...13].map { $0 == 0 ? nil : $0 }
        var root = DiskRates()
        (root.readBytes, root.writeBytes) = (rates[0], rates[1])
        (root.readOperations, root.writeOperations) = (rates[2], rates[3])
        identity = MachineShape.Identity(
            kernel: .init(device: words[1], inode: words[2], size: words[3]),
            image: .init(device: words[4], inode: words[5], size: words[6]),
            initramfs: stride(from: Self.fixedWords, to: words.count, by: 3).map {
                .init(device: words[$0], inode: words[$0 + 1], size: words[$0 + 2])
            },
            processors: processors,
            template: words[16] == 0 ? nil : .init(device: words[14], inode: words[15], size: words[16]),
            memoryBytes: words[7],
            rootTransport: Self.transports[Int(words[8])], rootRates: root, streamRate: rates[4])
    }
}

extension PoolMessage.Reply {
    private static let enforcers: [MemoryEnforcement.Enforcer] = [
        .resourceLimit, .firstControlGroup, .secondControlGroup,
    ]

    var bytes: [UInt8] {
        switch self {
        case .noneNow: return PoolMessage.bytes([Self.kind, 1] + Array(repeating: 0, count: 6))
        case .otherShape: return PoolMessage.bytes([Self.kind, 2] + Array(repeating: 0, count: 6))
        case .full: return PoolMessage.bytes([Self.kind, 3] + Array(repeating: 0, count: 6))
        case .machine(let machine):
            let enforcer = Self.enforcers.firstIndex(of: machine.memory.enforcer) ?? 0
            return PoolMessage.bytes([
                Self.kind, 0, machine.nonceLow, machine.nonceHigh, UInt64(machine.processID),
                machine.launched, UInt64(enforcer), machine.memory.bytes ?? 0,
            ])
        }
    }

    init?(_ bytes: [UInt8]) {
        guard let words = PoolMessage.words(bytes, kind: Self.kind, count: 8) else { return nil }
        switch words[1] {
        case 0:
            guard let processID = Int32(exactly: words[4]), words[6] < 3 else { return nil }
            let memory = MemoryEnforcement(
                bytes: words[7] == 0 ? nil : words[7], Self.enforcers[Int(words[6])])
            self = .machine(
                Machine(
                    nonceLow: words[2], nonceHigh: words[3], processID: processID, launched: words[5],
                    memory: memory))
        case 1: self = .noneNow
        case 2: self = .otherShape
        case 3: self = .full
        default: return nil
        }
    }
}

extension PoolMessage.End {
    var bytes: [UInt8] {
        PoolMessage.bytes([
            Self.kind, UInt64(bitPattern: Int64(signal)), UInt64(bitPattern: Int64(code)),
            memoryKill == nil ? 0 : 1, memoryKill?.limit ?? 0, memoryKill?.peak ?? 0,
        ])
    }

    init?(_ bytes: [UInt8]) {
        guard let words = PoolMessage.words(bytes, kind: Self.kind, count: 6) else { return nil }
        signal = Int32(truncatingIfNeeded: words[1])
        code = Int32(truncatingIfNeeded: words[2])
        memoryKill = words[3] == 0 ? nil : .init(limit: words[4], peak: words[5])
    }
}
