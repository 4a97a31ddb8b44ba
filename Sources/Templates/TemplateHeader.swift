/// The first page of a template's file: what it is, and all that a machine must be for it to be restored there.
///
///     0     magic "SWTMPL01"         64   kernel, SHA-256          304  four texts, each u16 length and its bytes:
///     8     u32 format version       96   image, SHA-256                image, working directory, command (NUL between
///     12    u32 bytes of header      128  swiftlet-vmm, SHA-256         words), kernel
///     16    u64 guest memory, bytes  160  memory, SHA-256          …    zero
///     24    u64 where it begins      192  u32 × 16 processor       4064 SHA-256 of all bytes before
///     32    u64 root image, bytes    256  u64 state, bytes
///     40    u32 kind  44 u32 KVM      264  u32 processors; zero
///     48    u64 created  56 u64 data
///
/// All little-endian. The memory follows at `memoryOffset`, page by page as the guest sees it, holes where it is zero; behind
/// it, of a Linux, the state of its machine (Machine's MachineSnapshot), which nobody here looks into.
public struct TemplateHeader: Equatable, Sendable {
    public enum Kind: UInt32, Sendable {
        /// The booted kernel, before its job.
        case kernel = 0
        /// A program at its checkpoint.
        case program = 1
    }

    public enum Virtualization: UInt32, Sendable {
        case deprivileged = 0
        case hardware = 1

        public init(_ processor: ProcessorIdentity) {
            self = processor.hasVirtualization ? .hardware : .deprivileged
        }

        public var name: String { self == .hardware ? "hardware" : "ring-deprivileged" }
    }

    public static let magic: [UInt8] = Array("SWTMPL01".utf8)
    public static let formatVersion: UInt32 = 3
    public static let bytes = 4096
    /// Where memory begins in the file; the VMM knows the same number (MachineConfiguration.templateMemoryOffset).
    public static let memoryOffset: UInt64 = 2 << 20
    /// The guest maps its memory in pages of this size.
    static let memoryGranule: UInt64 = 2 << 20
    static let memoryRange: ClosedRange<UInt64> = 16 << 20...256 << 30
    static let processorRange: ClosedRange<UInt32> = 1...64

    /// Of the state of a Linux's machine; the VMM knows the same number (SnapshotArea.bytes).
    public static let linuxStateBytes: UInt64 = 64 << 10

    public var kind: Kind
    public var virtualization: Virtualization
    public var memoryBytes: UInt64
    public var imageBytes: UInt64
    /// Seconds since 1970.
    public var created: UInt64
    /// Bytes of memory that are not zero, in whole pages.
    public var dataBytes: UInt64
    /// SHA-256, 32 bytes each.
    public var kernelDigest, imageDigest, machineDigest, memoryDigest: [UInt8]
    public var processor: ProcessorIdentity
    /// Name in the store.
    public var image: String
    /// Absolute: where the program's relative paths began.
    public var workingDirectory: String
    public var command: [[UInt8]]
    /// As `--kernel` said it.
    public var kernel: String
    /// Behind the memory; 0: the memory is all there is.
    public var stateBytes: UInt64
    /// The machine's.
    public var processors: UInt32

    public init(
        kind: Kind, memoryBytes: UInt64, imageBytes: UInt64, created: UInt64, processor: ProcessorIdentity,
        image: String, workingDirectory: String, command: [[UInt8]],
        kernel: String = "tiny", stateBytes: UInt64 = 0, processors: UInt32 = 1
    ) {
        self.kind = kind
        virtualization = Virtualization(processor)
        self.memoryBytes = memoryBytes
        self.imageBytes = imageBytes
        self.created = created
        dataBytes = 0
        let none = [UInt8](repeating: 0, count: 32)
        kernelDigest = none
        imageDigest = none
        machineDigest = none
        memoryDigest = none
        self.processor = processor
        self.image = image
        self.workingDirectory = workingDirectory
        self.command = command
        self.kernel = kernel
        self.stateBytes = stateBytes
        self.processors = processors
    }

    /// Of the whole file.
    public var fileBytes: UInt64 { Self.memoryOffset + savedBytes }

    /// Of memory and state.
    var savedBytes: UInt64 { memoryBytes + stateBytes }
}
