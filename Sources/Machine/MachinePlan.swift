import Boot
import Glibc
import GuestMemory
import LinuxSystem
import SystemPackage

/// A machine before there is one: what its configuration says, its kernel's file, its layout and its memory.
struct MachinePlan: Sendable {
    let configuration: MachineConfiguration
    let map: PhysicalMap
    let kernelFile: GuestKernelFile
    let guest: any GuestKind
    let memory: GuestMemory
    /// Where the machine is saved; nil: it is not, or its memory is all of it.
    let area: SnapshotArea?

    init(_ configuration: MachineConfiguration) throws(MachineError) {
        self.configuration = configuration
        let rootBytes = try Self.rootImageBytes(configuration)
        do throws(GuestLayoutError) {
            map = try PhysicalMap(memoryBytes: configuration.memoryBytes, rootImageBytes: rootBytes)
        } catch {
            throw .layout(error)
        }
        do throws(KernelImageError) {
            kernelFile = try GuestKernelFile(reading: configuration.kernel)
        } catch {
            throw .kernel(error)
        }
        let guest = kernelFile.kind
        self.guest = guest
        memory = try MachineError.naming("guest memory") { () throws(Errno) in
            try Self.guestMemory(configuration, guest)
        }
        area = try MachineError.naming("the file for the machine's state") { () throws(Errno) in
            guard guest.checkpoint == .savesMachine, case .saved(let file) = configuration.memorySource
            else { return nil }
            return try SnapshotArea(in: file, at: configuration.memoryBytes)
        }
    }

    private static func rootImageBytes(
        _ configuration: MachineConfiguration
    ) throws(MachineError) -> UInt64? {
        guard let root = configuration.root, configuration.rootTransport == .pmem else { return nil }
        let status = try MachineError.naming("root image") { () throws(Errno) in try root.status() }
        guard status.kind == .regular else {
            throw .system("root image: not a regular file", .invalidArgument)
        }
        return status.size
    }

    private static func guestMemory(
        _ configuration: MachineConfiguration, _ guest: any GuestKind
    ) throws(Errno) -> GuestMemory {
        let size = configuration.memoryBytes
        let file: FileDescriptor
        let offset: Int64
        let isPrivate: Bool
        switch configuration.memorySource {
        case .fresh: return try GuestMemory(size: size, hugePagesFrom: guest.hugePagesFrom)
        case .saved(let descriptor): (file, offset, isPrivate) = (descriptor, 0, false)
        case .restored(let descriptor):
            (file, offset, isPrivate) = (descriptor, MachineConfiguration.templateMemoryOffset, true)
        }
        let status = try file.status()
        // A mapping beyond the file's end would be a fault in the middle of a job.
        guard status.kind == .regular, status.size >= UInt64(offset) + size else { throw .invalidArgument }
        return GuestMemory(
            adopting: try Mapping(
                file: file, count: Int(size), offset: offset, protection: PROT_READ | PROT_WRITE,
                flags: isPrivate ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED),
            isShared: !isPrivate)
    }

    // MARK: While the other thread creates the VM

    func mapRootImage() throws(MachineError) -> SharedMapping? {
        guard let root = configuration.root, let range = map.rootImage else { return nil }
        return try MachineError.naming("mapping the root image") { () throws(Errno) in
            SharedMapping(
                try Mapping(file: root, count: Int(range.bytes), protection: PROT_READ, flags: MAP_SHARED))
        }
    }

    /// What a template has saved, most of its program needs at once, and taking it over page by page would cost a fault
    /// here and one of the shadow page tables each: 10 ms of a Python's 16, against 7 in one go (docs/decisions.md).
    func populateRestored() throws(MachineError) {
        guard guest.needsWholeTemplate, case .restored(let file) = configuration.memorySource else { return }
        let start = UInt64(MachineConfiguration.templateMemoryOffset)
        let end = start + configuration.memoryBytes
        try MachineError.naming("template") { () throws(Errno) in
            var position = start
            while let extent = try file.nextData(in: position..<end) {
                memory.populate((extent.lowerBound - start)..<(extent.upperBound - start))
                position = extent.upperBound
            }
        }
    }
}
