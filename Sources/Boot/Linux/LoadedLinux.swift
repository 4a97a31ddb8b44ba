import CSwiftletABI
public import GuestMemory
import LinuxSystem
public import SystemPackage

/// A Linux kernel in guest memory, with its initramfs and all that it is told: ready but for the boot page, which is
/// for process 1.
public struct LoadedLinux: Sendable {
    public let cpu: InitialCPUState
    let map: PhysicalMap

    /// What a machine says to its Linux guest beyond its memory map.
    public struct Instructions: Sendable {
        public var processors: Int
        /// In the order of their places.
        public var devices: [BootDevice]
        /// cpio archives, for the kernel to unpack one over the other.
        public var initramfs: [FileDescriptor]
        /// What the user adds to the command line.
        public var commandLine: String

        public init(
            processors: Int, devices: [BootDevice], initramfs: [FileDescriptor], commandLine: String
        ) {
            self.processors = processors
            self.devices = devices
            self.initramfs = initramfs
            self.commandLine = commandLine
        }
    }

    /// Brings `kernel` into `memory`, which must be fresh (all zero).
    ///
    /// - Throws: `KernelImageError`: the file cannot be read or does not fit, or, as `.linux`, what else is wrong.
    public init(
        loading kernel: GuestKernelFile, into memory: GuestMemory, map: PhysicalMap,
        _ instructions: Instructions
    ) throws(KernelImageError) {
        guard case .linux(let image) = kernel.image else { throw .notLinux }
        self.map = map
        cpu = .linux(image.entry)
        guard instructions.devices.count <= LinuxLayout.maximumDevices else {
            throw .linux(.tooManyDevices(instructions.devices.count))
        }
        let ram = map.ram[0].bytes
        guard image.physicalEnd <= ram else { throw .doesNotFit(needs: image.physicalEnd, memory: ram) }
        for segment in image.segments where segment.fileBytes > 0 {
            try memory.load(
                kernel.file, from: segment.fileOffset, count: segment.fileBytes, at: segment.physical,
                // Linux patches its own text, and pages of a file keep KVM from large ones (docs/linux.md).
                mapping: false)
        }
        let initramfs = try Self.load(instructions.initramfs, behind: image, into: memory, ram: ram)
        let facts = LinuxBootFacts(
            memory: LinuxLayout.memoryMap(map), initramfs: initramfs, rsdp: LinuxLayout.acpiTables)
        let commandLine = Array(
            LinuxCommandLine.text(devices: instructions.devices, own: instructions.commandLine).utf8)
        let longest = min(image.setupHeader?.commandLineBytes ?? .max, LinuxLayout.commandLineBytes)
        guard commandLine.count <= longest else {
            throw .linux(.commandLineTooLong(bytes: commandLine.count, maximum: longest))
        }
        do throws(GuestMemoryError) {
            // Fresh memory ends it.
            try memory.store(bytes: commandLine, at: GuestAddress(LinuxLayout.commandLine))
            try Self.writeTables(image, facts, instructions, into: memory)
        } catch {
            throw .doesNotFit(needs: image.physicalEnd, memory: ram)
        }
    }

    /// At the end of low memory, each archive on a page of its own; the kernel skips the zeros between them.
    private static func load(
        _ archives: [FileDescriptor], behind image: LinuxImage, into memory: GuestMemory, ram: UInt64
    ) throws(KernelImageError) -> PhysicalMap.Range? {
        var sizes: [UInt64] = []
        do throws(Errno) {
            for archive in archives {
                let status = try archive.status()
                guard status.kind == .regular else { throw .invalidArgument }
                sizes.append(status.size)
            }
        } catch {
            throw .unreadable(error)
        }
        let end = min(ram, (image.setupHeader?.initramfsLast ?? .max - 1) + 1) / pageBytes * pageBytes
        let lowest = pageCount(image.physicalEnd) * pageBytes
        // Sums cannot overflow: a file is smaller than 2^63 bytes and there are a few.
        let bytes = sizes.reduce(0) { $0 + pageCount($1) * pageBytes }
        guard bytes > 0 else { return nil }
        guard lowest <= end, bytes <= end - lowest else { throw .linux(.initramfsTooLarge(bytes)) }
        let start = end - bytes
        var at = start
        for (archive, size) in zip(archives, sizes) where size > 0 {
            // Our own is 80 KB: copied, it leaves the large page of RAM around it whole, which is 120 exits of a boot.
            try memory.load(archive, from: 0, count: size, at: at, mapping: size > 4 << 20, tailIsZero: true)
            at += pageCount(size) * pageBytes
        }
        return .init(start: start, bytes: bytes)
    }

    private static func writeTables(
        _ image: LinuxImage, _ facts: LinuxBootFacts, _ instructions: Instructions, into memory: GuestMemory
    ) throws(GuestMemoryError) {
        func put(_ bytes: [UInt8], _ address: UInt64) throws(GuestMemoryError) {
            try memory.store(bytes: bytes, at: GuestAddress(address))
        }
        let codeSize: InitialCPUState.CodeSize
        switch image.entry {
        case .long:
            codeSize = .bits64
            try put(LinuxZeroPage.bytes(facts, header: image.setupHeader), LinuxLayout.zeroPage)
            try memory.store(
                words: IdentityPageTables.entries(at: LinuxLayout.pageTables)[...],
                at: GuestAddress(LinuxLayout.pageTables))
        case .pvh:
            codeSize = .bits32
            try put(
                PVHStartInformation.bytes(facts, at: LinuxLayout.startInformation),
                LinuxLayout.startInformation)
        }
        try memory.store(
            words: InitialCPUState.descriptorTable(codeSize)[...], at: GuestAddress(LinuxLayout.gdt))
        let devices = instructions.devices.map {
            ACPITables.Device(mmio: UInt32(truncatingIfNeeded: $0.mmio), gsi: $0.gsi)
        }
        try put(
            MPTable.bytes(processors: instructions.processors, at: LinuxLayout.mpTable), LinuxLayout.mpTable)
        try put(
            ACPITables.bytes(
                processors: instructions.processors, devices: devices, at: LinuxLayout.acpiTables),
            LinuxLayout.acpiTables)
    }
}

/// The first 4 GiB where they are, in 2 MiB pages: six tables. Intel SDM vol. 3A §4.5.
enum IdentityPageTables {
    static func entries(at base: UInt64) -> [UInt64] {
        let present: UInt64 = 0b11  // and writable
        let large: UInt64 = 1 << 7
        var entries = [UInt64](repeating: 0, count: 6 * 512)
        entries[0] = (base + pageBytes) | present
        for gigabyte in 0..<4 {
            entries[512 + gigabyte] = (base + UInt64(2 + gigabyte) * pageBytes) | present
        }
        for page in 0..<4 * 512 {
            entries[2 * 512 + page] = UInt64(page) * largePageBytes | present | large
        }
        return entries
    }
}
