import LinuxSystem
import SystemPackage

/// What kind of Linux kernel a file is, by a few of its bytes.
///
/// It decides what the launcher does before there is a machine: whether the host can run it, and what else it needs.
/// The VMM parses the whole file, in its jail (`Boot`, which is not linked here for that reason), and has the last word.
public enum LinuxKernelFile: Equatable, Sendable {
    /// The boot protocol's setup sectors and a kernel that unpacks itself. (Linux Documentation/arch/x86/boot.rst)
    case bzImage
    /// The kernel's ELF file.
    case vmlinux

    /// Nil: no Linux kernel: ours, or a file that is none at all.
    public init?(_ file: FileDescriptor, path: String) throws(ImageError) {
        let header = try attempting("reading", path) { () throws(Errno) in
            try file.read(at: 0, upTo: Self.headerBytes)
        }
        self.init(header: header)
    }

    /// Setup header and program headers lie in it.
    static let headerBytes = 4096

    init?(header: [UInt8]) {
        if Self.word(header, 0x202, 4) == Self.setupMagic {
            self = .bzImage
        } else if Self.isLinkedAsLinux(header) {
            self = .vmlinux
        } else {
            return nil
        }
    }

    /// "HdrS", and ELF's own, little-endian.
    private static let setupMagic: UInt64 = 0x5372_6448
    private static let elfMagic: UInt64 = 0x464c_457f

    /// __START_KERNEL_map. (Linux Documentation/arch/x86/x86_64/mm.rst)
    private static let kernelMap: UInt64 = 0xffff_ffff_8000_0000

    /// Whether an ELF file has a segment where every x86-64 Linux has its text: as far above the map's beginning as it is
    /// above address 0. Our own kernel's nucleus lies there too, but not so.
    private static func isLinkedAsLinux(_ header: [UInt8]) -> Bool {
        guard word(header, 0, 4) == elfMagic, let table = word(header, 32, 8),
            let count = word(header, 56, 2), table <= UInt64(headerBytes)
        else { return false }
        return (0..<count).contains { index in
            let at = Int(table) + Int(index) * 56
            guard word(header, at, 4) == 1, let virtual = word(header, at + 16, 8),
                let physical = word(header, at + 24, 8)
            else { return false }
            return physical >= 1 << 20 && virtual == kernelMap &+ physical
        }
    }

    /// Nil: beyond the bytes there are.
    private static func word(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64? {
        guard offset + count <= bytes.count else { return nil }
        return (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << (8 * UInt64($1)) }
    }
}
