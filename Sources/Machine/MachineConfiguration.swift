import GuestMemory
import LinuxSystem
public import SystemPackage
public import VirtioDevices

/// What `swiftlet-vmm` was told to build: descriptors and numbers, no path (docs/protocol.md §1).
public struct MachineConfiguration: Equatable, Sendable {
    public enum RootTransport: String, Sendable { case pmem, block }

    public struct Disk: Equatable, Sendable {
        public let file: FileDescriptor
        public let isReadOnly: Bool
        public var rates = BlockRates()
    }

    /// A host port that the guest may connect to once, and where its bytes go or come from.
    public struct Stream: Equatable, Sendable {
        public let port: UInt32
        public let file: FileDescriptor
        /// Bytes towards `file` after which the rest is dropped and counted; nil: all.
        public let limit: UInt64?
        /// Bytes a second, each way; nil: no limit.
        public var rate: UInt64?
    }

    public enum MemorySource: Equatable, Sendable {
        /// Zero, and gone with the machine.
        case fresh
        /// The file is the memory, for its launcher to keep when the guest has asked for its checkpoint.
        case saved(FileDescriptor)
        /// The file, from `templateMemoryOffset` on, was a machine's memory; what this one writes, it does not see.
        case restored(FileDescriptor)
    }

    public var kvm: FileDescriptor
    public var kernel: FileDescriptor
    /// For a Linux: cpio archives, unpacked one over the other, and what comes behind the machine's own words.
    public var initramfs: [FileDescriptor] = []
    public var commandLine = ""
    /// Of the guest; more than one needs a Linux.
    public var processors = 1
    public var memoryBytes: UInt64
    public var events: FileDescriptor?
    public var root: FileDescriptor?
    public var rootTransport = RootTransport.pmem
    /// Of the root image as a virtio-block device.
    public var rootRates = BlockRates()
    public var disks: [Disk] = []
    public var streams: [Stream] = []
    public var vsockListen: FileDescriptor?
    public var vsockDirectory: FileDescriptor?
    /// Where the machine's memory comes from and goes to.
    public var memorySource = MemorySource.fresh
    public var logLimit = 64 << 10
    public var guestCID: UInt64 = 3
    /// 16 bytes that name this boot; nil: random ones.
    public var nonce: [UInt8]?
    /// The guest's log goes to standard error too.
    public var hasDebugLog = false
    /// No jail. For debugging a VMM whose guest is trusted.
    public var isUnconfined = false

    /// Whether the memory outlives the machine.
    var isSaved: Bool {
        if case .saved = memorySource { true } else { false }
    }

    /// Whether there is a virtio-block device.
    var hasDisks: Bool { !disks.isEmpty || (root != nil && rootTransport == .block) }

    /// Whether vsock ports are bridged to Unix sockets beside the configured streams.
    var hasUnixSockets: Bool { vsockListen != nil || vsockDirectory != nil }

    /// Of memory in a template's file, in bytes: behind the header, and where large pages could be.
    static let templateMemoryOffset: Int64 = 2 << 20

    /// More disks than this have no place on the machine beside the other devices.
    static let maximumDisks = 8
    /// Their local APICs have ids of eight bits, and a host has no use for more.
    static let maximumProcessors: UInt64 = 64
    /// Process 1, a stock kernel's modules, and what a user has.
    static let maximumInitramfs = 4
    /// Ours uses four; every stream costs a little memory in the VMM.
    static let maximumStreams = 64
    /// The whole log is kept in memory until it is sent.
    static let maximumLogLimit = 16 << 20
}
