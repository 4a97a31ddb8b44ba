public import SystemPackage

/// Why a kernel cannot be loaded. The file is treated as hostile: every number in it is checked (HOSTILE §16).
public enum KernelImageError: Error, Equatable, CustomStringConvertible {
    case unreadable(Errno)
    case notELF
    case notForThisMachine
    /// A Linux that cannot be loaded.
    case linux(LinuxImageError)
    /// More processors than the tiny kernel has.
    case oneProcessor(Int)
    /// None, where one was asked for.
    case notLinux
    case notTiny
    case truncated(needs: UInt64, bytes: UInt64)
    case tooManySegments(Int)
    case noSegments
    case badSegment(Int, SegmentFault)
    case overlap(Int, Int)
    case entryNotExecutable(UInt64)
    case noNucleus(page: UInt64)
    case doesNotFit(needs: UInt64, memory: UInt64)

    /// What is wrong with one PT_LOAD segment.
    public enum SegmentFault: String, Sendable {
        case unaligned = "is not page-aligned"
        case moreInFileThanInMemory = "is longer in the file than in memory"
        case wraps = "wraps around the address space"
        case physicalTooLow = "is loaded below the kernel's load address"
        case virtualElsewhere = "is linked outside the kernel's address ranges"
        case writableAndExecutable = "is writable and executable"
    }

    public var description: String {
        switch self {
        case .unreadable(let error): "kernel: cannot be read: \(error)"
        case .notELF: "kernel: neither an ELF file nor a Linux bzImage"
        case .notForThisMachine: "kernel: not a 64-bit x86 ELF executable"
        case .linux(let error): error.description
        case .oneProcessor(let count): "kernel: the tiny kernel runs on one processor, not on \(count)"
        case .notLinux: "kernel: not a Linux"
        case .notTiny: "kernel: a Linux, and not ours"
        case .truncated(let needs, let bytes): "kernel: truncated: \(bytes) bytes, its headers need \(needs)"
        case .tooManySegments(let count):
            "kernel: \(count) program headers, \(ELFFile.maximumSegments) are allowed"
        case .noSegments: "kernel: nothing to load"
        case .badSegment(let index, let fault): "kernel: segment \(index) \(fault.rawValue)"
        case .overlap(let first, let second): "kernel: segments \(first) and \(second) overlap"
        case .entryNotExecutable(let entry):
            "kernel: its entry 0x\(String(entry, radix: 16)) is not in an executable ring-3 segment; "
                + "is this a Swiftlet kernel?"
        case .noNucleus(let page):
            "kernel: nothing at the nucleus's page 0x\(String(page, radix: 16)); is this a Swiftlet kernel?"
        case .doesNotFit(let needs, let memory):
            "kernel: needs \(needs) bytes of guest memory, there are \(memory)"
        }
    }
}
