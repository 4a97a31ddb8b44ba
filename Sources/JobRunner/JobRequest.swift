import SystemPackage

/// One job, with everything resolved: no name is looked up from here on except those of input and output files.
public struct JobRequest: Sendable {
    /// The command, argv[0] first; bytes, because Linux's are.
    public var arguments: [[UInt8]]
    /// `NAME=value`.
    public var environment: [[UInt8]]
    /// Absolute; made if it is missing.
    public var workingDirectory: [UInt8]
    public var user: UInt32
    public var group: UInt32

    /// Guest memory, in bytes.
    public var memoryBytes: UInt64
    /// The guest's processors.
    public var processors: UInt32 = 1
    /// Nil: files lie in the guest's memory.
    public var disk: ScratchFile?
    /// The size of `disk`.
    public var diskBytes: UInt64? { disk?.bytes }
    /// How fast the scratch disk, and the root image as a virtio-block device, may be read and written.
    public var diskRates = DiskRates()
    public var rootRates = DiskRates()
    /// From the launch on; nil: none.
    public var wallTimeLimitNanoseconds: UInt64?
    /// Of the job's machine, from its guest's first instruction on; nil: none.
    public var cpuTimeLimitNanoseconds: UInt64?
    /// Most processes and threads at a time; nil: the guest kernel's own limit.
    public var processLimit: UInt32?
    /// Most open files of the job's first process, and how far it may raise that; nil: the guest kernel's own.
    public var openFiles: OpenFiles?
    /// Most bytes of standard output, and of standard error; nil: no limit.
    public var outputLimitBytes: UInt64?

    /// Bytes a second on each of the standard streams; nil: no limit.
    public var streamRate: UInt64?

    /// Nil: the job's standard input is empty.
    public var standardInput: FileDescriptor?
    public var standardOutput: OutputSink
    public var standardError: OutputSink

    /// The job's standard streams are a terminal of the guest's: all output comes on the standard output.
    public var hasTerminal = false
    /// The caller's terminal, whose window size the job's has; nil: it has none.
    public var hostTerminal: HostTerminal?
    /// Whether the keys of `hostTerminal` are the job's input, all of them, Ctrl-C too.
    public var takesKeyboard: Bool { hasTerminal && standardInput != nil }

    public var inputs: [InputFile]
    public var outputs: [OutputFile]

    /// The kernel's ELF file, and the root image, open for reading.
    public var kernel: FileDescriptor
    public var image: FileDescriptor
    /// Archives that a Linux kernel unpacks, in this order; none: the kernel is ours.
    public var initramfs: [FileDescriptor] = []
    /// What the job has to do with a template.
    public var template = TemplateUse.none
    /// How the guest reaches the image (docs/protocol.md §1).
    public var rootTransport = RootTransport.pmem

    public enum TemplateUse: Sendable {
        /// A boot of its own.
        case none
        /// The job is to be saved: the file, `memoryBytes` long, is its machine's memory.
        case making(memory: FileDescriptor)
        /// The machine begins from a template's file, which was made with the same kernel, image and memory size.
        case restoring(file: FileDescriptor)

        var isMaking: Bool { if case .making = self { true } else { false } }
        var isRestoring: Bool { restored != nil }
        /// The file that the machine begins from.
        var restored: FileDescriptor? { if case .restoring(let file) = self { file } else { nil } }
    }

    public enum RootTransport: String, Sendable {
        /// Mapped read-only into guest-physical memory.
        case pmem
        /// A read-only virtio-block device.
        case block
    }

    /// Readable when the job shall end as `cancelled`. Nil: the signals SIGINT, SIGTERM and SIGHUP of this process say so,
    /// which only one job at a time can have.
    public var cancellation: FileDescriptor?

    /// Whether to wait (shortly) after the verdict for the VMM's counters.
    public var wantsCounters: Bool

    public struct OpenFiles: Equatable, Sendable {
        public var soft: UInt32
        public var hard: UInt32

        public init(soft: UInt32, hard: UInt32) {
            self.soft = soft
            self.hard = hard
        }
    }

    public enum OutputSink: Sendable {
        /// The VMM writes to the caller's descriptor itself.
        case descriptor(FileDescriptor)
        /// Kept in memory and returned; needs `outputLimitBytes`.
        case captured
    }

    /// A host file or directory that the job finds at `guestPath`.
    public struct InputFile: Sendable {
        public var hostPath: [UInt8]
        /// Absolute.
        public var guestPath: [UInt8]

        public init(hostPath: [UInt8], guestPath: [UInt8]) {
            self.hostPath = hostPath
            self.guestPath = guestPath
        }
    }

    /// A guest file that comes back to `hostPath` after the job.
    public struct OutputFile: Sendable {
        /// Absolute.
        public var guestPath: [UInt8]
        public var hostPath: [UInt8]

        public init(guestPath: [UInt8], hostPath: [UInt8]) {
            self.guestPath = guestPath
            self.hostPath = hostPath
        }
    }

    public init(
        arguments: [[UInt8]], kernel: FileDescriptor, image: FileDescriptor, memoryBytes: UInt64 = 256 << 20,
        standardOutput: OutputSink, standardError: OutputSink
    ) {
        self.arguments = arguments
        environment = []
        workingDirectory = Array("/job".utf8)
        user = 0
        group = 0
        self.memoryBytes = memoryBytes
        wallTimeLimitNanoseconds = nil
        cpuTimeLimitNanoseconds = nil
        processLimit = nil
        outputLimitBytes = nil
        standardInput = nil
        self.standardOutput = standardOutput
        self.standardError = standardError
        inputs = []
        outputs = []
        self.kernel = kernel
        self.image = image
        wantsCounters = false
    }
}
