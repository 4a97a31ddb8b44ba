import CSwiftletABI
public import LinuxSystem
import SystemPackage

/// A small kernel ELF, valid unless a test spoils it: a nucleus of four pages in the upper half and a page of ring-3 code.
public struct KernelFile {
    public struct Segment {
        public var type: UInt32 = 1  // PT_LOAD
        public var flags: UInt32
        public var offset: UInt64
        public var virtual: UInt64
        public var physical: UInt64
        public var fileBytes: UInt64
        public var memoryBytes: UInt64
    }

    /// The machine code at the entry.
    public var code: [UInt8] = []
    public var magic: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0]
    public var type: UInt16 = 2  // ET_EXEC
    public var machine: UInt16 = 62  // EM_X86_64
    public var entry: UInt64 = 0x100_0010
    public var headersAt: UInt64 = 64
    public var headerBytes: UInt16 = 56
    /// What the header says; nil: as many as there are.
    public var headerCount: UInt16?
    public var segments = [
        Segment(
            flags: 5, offset: 0x1000, virtual: UInt64(SWIFTLET_NUCLEUS), physical: 0x10_0000,
            fileBytes: 0x1000, memoryBytes: 0x1000),
        Segment(
            flags: 6, offset: 0x2000, virtual: UInt64(SWIFTLET_NUCLEUS_GDT), physical: 0x10_1000,
            fileBytes: 0x800, memoryBytes: 0x3000),
        Segment(
            flags: 5, offset: 0x3000, virtual: 0x100_0000, physical: 0x10_4000, fileBytes: 0x80,
            memoryBytes: 0x80),
    ]
    public init() {}

    public static let bytes = 0x3080

    /// The file: each page filled with its own number, then the headers.
    public func encoded() -> [UInt8] {
        var file = (0..<Self.bytes).map { UInt8(truncatingIfNeeded: $0 >> 12) }
        file.replaceSubrange(0x3010..<(0x3010 + code.count), with: code)
        var header = magic + [UInt8](repeating: 0, count: 8)
        append(type, to: &header)
        append(machine, to: &header)
        append(UInt32(1), to: &header)
        append(entry, to: &header)
        append(headersAt, to: &header)
        append(UInt64(0), to: &header)
        append(UInt32(0), to: &header)
        append(UInt16(64), to: &header)
        append(headerBytes, to: &header)
        append(headerCount ?? UInt16(segments.count), to: &header)
        header += [UInt8](repeating: 0, count: 6)
        for segment in segments {
            append(segment.type, to: &header)
            append(segment.flags, to: &header)
            for value in [
                segment.offset, segment.virtual, segment.physical, segment.fileBytes,
                segment.memoryBytes, 4096,
            ] { append(value, to: &header) }
        }
        file.replaceSubrange(0..<header.count, with: header)
        return file
    }

    private func append<T: FixedWidthInteger>(_ value: T, to bytes: inout [UInt8]) {
        for shift in stride(from: 0, to: T.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}

/// A file in memory with these bytes.
public func file(_ bytes: [UInt8]) throws -> OwnedDescriptor {
    let file = try OwnedDescriptor.memoryFile(name: "kernel")
    try file.borrowed.write(all: bytes)
    return file
}
