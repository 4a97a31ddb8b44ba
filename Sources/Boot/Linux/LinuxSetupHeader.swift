/// The setup header of a Linux bzImage, parsed and checked, not loaded. Source: Linux, Documentation/arch/x86/boot.rst.
///
///     | boot sector, header from 0x1F1 | setup, setup_sects × 512 B | 64-bit kernel, syssize × 16 B | signature … |
///
/// The file is the user's, perhaps damaged: nothing in it is believed that its size or the guest's memory map contradict.
public struct LinuxSetupHeader: Equatable, Sendable {
    /// Major in the upper byte, minor in the lower.
    public let protocolVersion: UInt16
    /// Where the 64-bit kernel is in the file, and how long; bytes.
    public let kernelOffset, kernelBytes: UInt64
    /// Where in guest memory it wants to be, and what it needs from there until it has a memory map of its own; bytes.
    public let preferredAddress, memoryBytes: UInt64
    /// The longest command line, without its final zero; bytes.
    public let commandLineBytes: UInt64
    /// The highest address that the initramfs may occupy.
    public let initramfsLast: UInt64
    /// The header itself, from 0x1F1 on: it goes into the zero page as it is.
    public let fields: [UInt8]

    /// The 64-bit entry of a kernel at its preferred address (boot.rst, "64-bit Boot Protocol").
    public var entry: UInt64 { preferredAddress + Self.entryOffset }

    /// - Parameters:
    ///   - bytes: The file's first page, or all of a shorter file.
    ///   - fileBytes: The file's size.
    public init(parsing bytes: [UInt8], fileBytes: UInt64) throws(LinuxSetupHeaderError) {
        let file = LittleEndianBytes(bytes)
        guard file.u16(Field.bootFlag) == 0xAA55, file.u32(Field.signature) == 0x5372_6448,
            let version = file.u16(Field.version)
        else { throw .notBzImage }
        // The header's length is the operand of the jump over it: what lies behind it is code, not fields.
        let end = Field.signature + Int(bytes[Field.jumpOperand])
        guard version >= Self.oldestVersion, Field.end <= end else { throw .tooOld(version) }
        guard let paragraphs = file.u32(Field.kernelParagraphs),
            let flags = file.u16(Field.extendedLoadFlags),
            let commandLine = file.u32(Field.commandLineSize), let last = file.u32(Field.initramfsLast),
            let preferred = file.u64(Field.preferredAddress), let needed = file.u32(Field.initSize)
        else { throw .truncated(needs: UInt64(Field.end), bytes: fileBytes) }
        guard flags & Self.has64BitEntry != 0, bytes[Field.loadFlags] & Self.loadedHigh != 0 else {
            throw .not64Bit
        }

        // 0 means 4, for kernels from before the field.
        let sectors = bytes[Field.setupSectors] == 0 ? 4 : UInt64(bytes[Field.setupSectors])
        kernelOffset = (sectors + 1) * 512
        kernelBytes = UInt64(paragraphs) * 16
        guard kernelOffset + kernelBytes <= fileBytes else {
            throw .truncated(needs: kernelOffset + kernelBytes, bytes: fileBytes)
        }
        guard kernelBytes > Self.entryOffset, kernelBytes <= UInt64(needed) else {
            throw .badSize(kernel: kernelBytes, memory: UInt64(needed))
        }
        guard preferred >= Self.lowestAddress, UInt64(needed) <= holeStart,
            preferred <= holeStart - UInt64(needed)
        else {
            throw .badAddress(preferred)
        }
        protocolVersion = version
        fields = Array(bytes[Field.setupSectors..<min(end, Field.zeroPageEnd, bytes.count)])
        preferredAddress = preferred
        memoryBytes = UInt64(needed)
        commandLineBytes = UInt64(commandLine)
        initramfsLast = UInt64(last)
    }

    /// 2.12 brought xloadflags, which says whether there is a 64-bit entry (Linux 3.8).
    private static let oldestVersion: UInt16 = 0x020C
    private static let entryOffset: UInt64 = 0x200
    /// Below lie the zero page, the command line and what a PC keeps there.
    private static let lowestAddress: UInt64 = 1 << 20
    private static let loadedHigh: UInt8 = 1  // loadflags, LOADED_HIGH
    private static let has64BitEntry: UInt16 = 1  // xloadflags, XLF_KERNEL_64

    /// Offsets in the file (boot.rst, "The Real-Mode Kernel Header").
    private enum Field {
        static let setupSectors = 0x1F1
        static let kernelParagraphs = 0x1F4  // syssize
        static let bootFlag = 0x1FE
        static let jumpOperand = 0x201
        static let signature = 0x202  // "HdrS"
        static let version = 0x206
        static let loadFlags = 0x211
        static let initramfsLast = 0x22C  // initrd_addr_max
        static let extendedLoadFlags = 0x236  // xloadflags
        static let commandLineSize = 0x238
        static let preferredAddress = 0x258
        static let initSize = 0x260
        static let end = 0x264
        /// What follows in the zero page is not the header's (zero-page.rst: edd_mbr_sig_buffer at 0x290).
        static let zeroPageEnd = 0x290
    }
}

/// Why a file is no bzImage that a 64-bit machine without a BIOS could boot.
public enum LinuxSetupHeaderError: Error, Equatable, CustomStringConvertible {
    case notBzImage
    case tooOld(UInt16)
    case truncated(needs: UInt64, bytes: UInt64)
    case not64Bit
    case badSize(kernel: UInt64, memory: UInt64)
    case badAddress(UInt64)

    public var description: String {
        switch self {
        case .notBzImage: "it is none"
        case .tooOld(let version):
            "its boot protocol \(version >> 8).\(version & 0xFF) is older than 2.12 (Linux 3.8)"
        case .truncated(let needs, let bytes): "truncated: \(bytes) bytes, its header needs \(needs)"
        case .not64Bit: "without a 64-bit entry"
        case .badSize(let kernel, let memory):
            "its sizes are wrong: \(kernel) bytes of kernel, \(memory) of memory"
        case .badAddress(let address):
            "it wants to be loaded at 0x\(String(address, radix: 16)), outside 1 MiB to 3 GiB"
        }
    }
}
