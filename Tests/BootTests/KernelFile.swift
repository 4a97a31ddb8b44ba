import CSwiftletABI
import GuestMemory
import LinuxSystem
import SystemPackage

/// A small kernel ELF, valid unless a test spoils it: a nucleus of four pages in the upper half and a page of ring-3 code.
struct KernelFile {
    struct Segment {
        var type: UInt32 = 1  // PT_LOAD
        var flags: UInt32
        var offset: UInt64
        var virtual: UInt64
        var physical: UInt64
        var fileBytes: UInt64
        var memoryBytes: UInt64
    }

    var magic: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0]
    var type: UInt16 = 2      // ET_EXEC
    var machine: UInt16 = 62  // EM_X86_64
    var entry: UInt64 = 0x100_0010
    var headersAt: UInt64 = 64
    var headerBytes: UInt16 = 56
    /// What the header says; nil: as many as there are.
    var headerCount: UInt16?
    var segments = [
        Segment(
            flags: 5, offset: 0x1000, virtual: UInt64(SWIFTLET_NUCLEUS), physical: 0x10_0000, fileBytes: 0x1000,
            memoryBytes: 0x1000),
        Segment(
            flags: 6, offset: 0x2000, virtual: UInt64(SWIFTLET_NUCLEUS_GDT), physical: 0x10_1000,
            fileBytes: 0x800, memoryBytes: 0x3000),
        Segment(
            flags: 5, offset: 0x3000, virtual: 0x100_0000, physical: 0x10_4000, fileBytes: 0x20,
            memoryBytes: 0x20),
    ]
    static let bytes = 0x3020

    /// The file: each page filled with its own number, then the headers.
    func encoded() -> [UInt8] {
        var file = (0..<Self.bytes).map { UInt8(truncatingIfNeeded: $0 >> 12) }
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
                segment.offset, segment.virtual, segment.physical, segment.fileBytes, segment.memoryBytes, 4096,
            ] { append(value, to: &header) }
        }
        file.replaceSubrange(0..<header.count, with: header)
        return file
    }

    private func append<T: FixedWidthInteger>(_ value: T, to bytes: inout [UInt8]) {
        for shift in stride(from: 0, to: T.bitWidth, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
}

/// A file in memory with these bytes.
func file(_ bytes: [UInt8]) throws -> OwnedDescriptor {
    let file = try OwnedDescriptor.memoryFile(name: "kernel")
    try file.borrowed.write(all: bytes)
    return file
}
