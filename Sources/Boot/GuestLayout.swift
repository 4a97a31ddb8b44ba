import CSwiftletABI

/// Size of a small page in bytes.
let pageBytes: UInt64 = 4096
/// Size of a large page in bytes.
let largePageBytes: UInt64 = 2 << 20
let gibibyte: UInt64 = 1 << 30
let holeStart = UInt64(SWIFTLET_HOLE_START)
let holeEnd = UInt64(SWIFTLET_HOLE_END)

func pageCount(_ bytes: UInt64) -> UInt64 { bytes / pageBytes + (bytes % pageBytes == 0 ? 0 : 1) }

/// Why a VM cannot have the memory or the root image it was given.
public enum GuestLayoutError: Error, Equatable, CustomStringConvertible {
    case tooLittleMemory(UInt64)
    case tooMuchMemory(UInt64)
    case notMegabytes(UInt64)
    case emptyRootImage
    case rootImageTooLarge(UInt64)

    public var description: String {
        switch self {
        case .tooLittleMemory(let bytes):
            "memory: \(bytes) bytes is too little; the guest kernel needs at least \(PhysicalMap.minimumMemory >> 20) MiB"
        case .tooMuchMemory(let bytes):
            "memory: \(bytes) bytes is too much; the limit is \(PhysicalMap.maximumMemory >> 30) GiB"
        case .notMegabytes(let bytes): "memory: \(bytes) bytes is not a multiple of 2 MiB"
        case .emptyRootImage: "root image: empty"
        case .rootImageTooLarge(let bytes):
            "root image: \(bytes) bytes is too large; the limit is \(PhysicalMap.maximumRootImage >> 30) GiB"
        }
    }
}

/// Where things are in guest-physical memory (docs/machine.md).
///
///     0 … RAM … 3 GiB | hole: MMIO … 4 GiB | RAM above 3 GiB … | root image, 1 GiB-aligned, read-only
public struct PhysicalMap: Equatable, Sendable {
    /// 16 MiB: the kernel's image and page tables, its heap, and a small static program with its stack. Below that
    /// the kernel would die of memory before the job's first instruction, which is a worse message than this one's.
    public static let minimumMemory: UInt64 = 16 << 20
    /// RAM and root image together must stay inside the 448 GiB from PHYSMAP to the end of the kernel's region.
    public static let maximumMemory: UInt64 = 256 << 30
    public static let maximumRootImage: UInt64 = 128 << 30

    /// Bytes from `start`, both page-aligned.
    public struct Range: Equatable, Sendable {
        public let start, bytes: UInt64
        public var end: UInt64 { start + bytes }
    }

    /// One or two ranges of RAM, sorted.
    public let ram: [Range]
    /// Where the mapped root image is; nil: on a block device or absent.
    public let rootImage: Range?

    /// - Parameters:
    ///   - memoryBytes: RAM; a multiple of 2 MiB, so that it maps in large pages alone.
    ///   - rootImageBytes: Size of the image file to map, nil for none.
    public init(memoryBytes: UInt64, rootImageBytes: UInt64?) throws(GuestLayoutError) {
        guard memoryBytes >= Self.minimumMemory else { throw .tooLittleMemory(memoryBytes) }
        guard memoryBytes <= Self.maximumMemory else { throw .tooMuchMemory(memoryBytes) }
        guard memoryBytes % largePageBytes == 0 else { throw .notMegabytes(memoryBytes) }
        let low = Range(start: 0, bytes: min(memoryBytes, holeStart))
        if memoryBytes > holeStart {
            ram = [low, Range(start: holeEnd, bytes: memoryBytes - holeStart)]
        } else {
            ram = [low]
        }
        guard let rootImageBytes else {
            rootImage = nil
            return
        }
        guard rootImageBytes > 0 else { throw .emptyRootImage }
        guard rootImageBytes <= Self.maximumRootImage else { throw .rootImageTooLarge(rootImageBytes) }
        let above = max(holeEnd, ram[ram.count - 1].end)
        let start = (above + gibibyte - 1) / gibibyte * gibibyte
        rootImage = Range(start: start, bytes: pageCount(rootImageBytes) * pageBytes)
    }
}
