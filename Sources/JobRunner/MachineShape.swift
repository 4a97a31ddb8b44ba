import LinuxSystem
import SystemPackage

/// What of a machine is fixed when its VMM starts, apart from its streams and disk: a job can run on a machine that was
/// prepared beforehand if both have the same shape.
///
/// All else (command, user, files, limits of time and of processes, the output limit) is told later or enforced by the
/// launcher. A scratch disk is one job's own, so a job with a disk fits no prepared machine.
public struct MachineShape: Sendable {
    /// The kernel's ELF file, and the root image, open for reading.
    public var kernel: FileDescriptor
    public var image: FileDescriptor
    /// Archives that a Linux kernel unpacks, in this order, at most `maximumInitramfs`; none: the kernel is ours.
    public var initramfs: [FileDescriptor] = []
    /// More than one with a Linux kernel only.
    public var processors: UInt32 = 1
    /// Guest memory, in bytes.
    public var memoryBytes: UInt64
    public var rootTransport = JobRequest.RootTransport.pmem
    public var rootRates = DiskRates()
    /// What its memory begins from and becomes. A machine that makes a template is never prepared beforehand.
    public var template = JobRequest.TemplateUse.none
    /// Bytes a second on each of the standard streams; nil: no limit.
    public var streamRate: UInt64?

    /// The VMM takes so many (docs/protocol.md §1).
    public static let maximumInitramfs = 4

    public init(kernel: FileDescriptor, image: FileDescriptor, memoryBytes: UInt64) {
        self.kernel = kernel
        self.image = image
        self.memoryBytes = memoryBytes
    }

    /// What can be compared: files by what they are, not by their descriptors.
    public struct Identity: Hashable, Sendable {
        var kernel: FileIdentity
        var image: FileIdentity
        /// In the order in which they are unpacked: what a later one has wins.
        var initramfs: [FileIdentity] = []
        var processors: UInt32 = 1
        /// Nil: booted.
        var template: FileIdentity?
        var memoryBytes: UInt64
        var rootTransport: JobRequest.RootTransport
        var rootRates: DiskRates
        var streamRate: UInt64?
    }

    /// A file that somebody holds open: then no other file has these numbers. The size tells one that was written anew.
    struct FileIdentity: Hashable, Sendable {
        var device: UInt64
        var inode: UInt64
        var size: UInt64
    }

    public func identity() throws(Errno) -> Identity {
        Identity(
            kernel: try FileIdentity(kernel), image: try FileIdentity(image),
            initramfs: try initramfs.map { file throws(Errno) in try FileIdentity(file) },
            processors: processors,
            template: try template.restored.map { file throws(Errno) in try FileIdentity(file) },
            memoryBytes: memoryBytes, rootTransport: rootTransport, rootRates: rootRates,
            streamRate: streamRate)
    }
}

extension MachineShape.FileIdentity {
    init(_ file: FileDescriptor) throws(Errno) {
        let status = try file.status()
        self.init(device: status.device, inode: status.inode, size: status.size)
    }
}

extension JobRequest {
    /// What its machine must be like.
    public var shape: MachineShape {
        var shape = MachineShape(kernel: kernel, image: image, memoryBytes: memoryBytes)
        shape.initramfs = initramfs
        shape.processors = processors
        shape.rootTransport = rootTransport
        shape.rootRates = rootRates
        shape.template = template
        shape.streamRate = streamRate
        return shape
    }
}
