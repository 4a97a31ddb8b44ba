/// A Linux kernel's file, bzImage or vmlinux, parsed and checked, not yet loaded; or any other kernel with a PVH entry.
///
/// A bzImage unpacks itself in the guest; a vmlinux is loaded as it is. The file is the user's, perhaps damaged.
struct LinuxImage: Sendable {
    /// How the kernel is entered.
    enum Entry: Equatable, Sendable {
        /// In 64-bit mode, with the zero page. Linux, Documentation/arch/x86/boot.rst, "64-bit Boot Protocol".
        case long(UInt64)
        /// In 32-bit protected mode without paging, with Xen's start information. Xen, docs/misc/pvh.pandoc.
        case pvh(UInt32)
    }

    /// Addresses and sizes in bytes. What lies behind `fileBytes` is zero.
    struct Segment: Equatable, Sendable {
        let fileOffset, fileBytes, memoryBytes, physical: UInt64

        var physicalEnd: UInt64 { physical + memoryBytes }
    }

    let entry: Entry
    let segments: [Segment]
    /// Of a bzImage: for the zero page. A vmlinux has none.
    let setupHeader: LinuxSetupHeader?

    /// First byte behind all that the kernel needs before it has a memory map of its own.
    var physicalEnd: UInt64 { segments.reduce(0) { max($0, $1.physicalEnd) } }

    init(_ header: LinuxSetupHeader) {
        setupHeader = header
        entry = .long(header.entry)
        segments = [
            Segment(
                fileOffset: header.kernelOffset, fileBytes: header.kernelBytes,
                memoryBytes: header.memoryBytes, physical: header.preferredAddress)
        ]
    }

    /// - Parameter notes: What the file's PT_NOTE segments hold, as far as they were read.
    init(_ file: ELFFile, notes: [UInt8]) throws(LinuxImageError) {
        setupHeader = nil
        var segments: [Segment] = []
        for (index, header) in file.headers.enumerated() where header.isLoaded {
            let (physical, bytes) = (header.physical, header.memoryBytes)
            guard physical >= Self.lowestAddress, bytes <= holeStart, physical <= holeStart - bytes else {
                throw .badAddress(segment: index, physical)
            }
            segments.append(
                Segment(
                    fileOffset: header.fileOffset, fileBytes: header.fileBytes, memoryBytes: bytes,
                    physical: physical))
        }
        for (first, a) in segments.enumerated() {
            for (second, b) in segments.enumerated().dropFirst(first + 1)
            where a.physical < b.physicalEnd && b.physical < a.physicalEnd {
                throw .overlap(first, second)
            }
        }
        self.segments = segments
        // A Linux by its 64-bit entry: by PVH it looks for Xen in 256 leaves of CPUID, an exit each. Others have only PVH's.
        let isLinux = file.headers.contains {
            $0.isLoaded && Self.isLinkedAsLinux($0) && $0.physical <= file.entry
                && file.entry - $0.physical < $0.memoryBytes
        }
        let pvh = ElfNotes.pvhEntry(in: notes).map { Entry.pvh($0) }
        entry = isLinux ? .long(file.entry) : pvh ?? .long(file.entry)
        let address = entry.address
        guard segments.contains(where: { $0.physical <= address && address < $0.physicalEnd }) else {
            throw .entryElsewhere(address)
        }
    }

    /// Whether an ELF file is meant to be a Linux or its like, and not our own kernel: it has a PVH entry, or a segment
    /// where every x86-64 Linux has its text.
    static func recognises(_ file: ELFFile, notes: [UInt8]) -> Bool {
        ElfNotes.pvhEntry(in: notes) != nil
            || file.headers.contains { $0.isLoaded && isLinkedAsLinux($0) }
    }

    private static func isLinkedAsLinux(_ header: ELFFile.ProgramHeader) -> Bool {
        header.physical >= lowestAddress && header.virtual == startKernelMap &+ header.physical
    }

    /// Below lie the zero page, the command line and what a PC keeps there.
    static let lowestAddress: UInt64 = 1 << 20
    /// __START_KERNEL_map (Linux, Documentation/arch/x86/x86_64/mm.rst).
    private static let startKernelMap: UInt64 = 0xFFFF_FFFF_8000_0000
}

extension LinuxImage.Entry {
    /// Guest-physical.
    var address: UInt64 {
        switch self {
        case .long(let address): address
        case .pvh(let address): UInt64(address)
        }
    }
}

/// Why a kernel that says to be a Linux cannot be loaded.
public enum LinuxImageError: Error, Equatable, CustomStringConvertible {
    case setup(LinuxSetupHeaderError)
    case badAddress(segment: Int, UInt64)
    case overlap(Int, Int)
    case entryElsewhere(UInt64)
    case commandLineTooLong(bytes: Int, maximum: UInt64)
    case initramfsTooLarge(UInt64)
    case tooManyDevices(Int)

    public var description: String {
        switch self {
        case .setup(let error): "kernel: a Linux bzImage, but \(error.description)"
        case .badAddress(let segment, let address):
            "kernel: segment \(segment) of the vmlinux is loaded at 0x\(String(address, radix: 16)), outside 1 MiB to 3 GiB"
        case .overlap(let first, let second): "kernel: segments \(first) and \(second) of the vmlinux overlap"
        case .entryElsewhere(let entry):
            "kernel: the vmlinux's entry 0x\(String(entry, radix: 16)) is in none of its segments"
        case .commandLineTooLong(let bytes, let maximum):
            "kernel: its command line is \(bytes) bytes long, it takes \(maximum); shorten --command-line"
        case .initramfsTooLarge(let bytes):
            "initramfs: \(bytes) bytes do not fit in guest memory behind the kernel; give the guest more memory"
        case .tooManyDevices(let count):
            "\(count) devices: a Linux guest has interrupts for \(LinuxLayout.maximumDevices); use fewer disks"
        }
    }
}
