/// A vmlinux with nothing in it, valid unless a test spoils it: a segment of code where Linux has its text, one of
/// data, and a PVH note.
public struct LinuxFile {
    public var file = KernelFile()
    /// The note's value; nil: another note is there instead.
    public var pvhEntry: UInt32? = 0x100_0040
    /// What the note segment says of its length.
    public var noteBytes: UInt64 = 20

    public init() {
        file.entry = 0x100_0000
        file.segments = [
            .init(
                flags: 5, offset: 0x1000, virtual: 0xFFFF_FFFF_8100_0000, physical: 0x100_0000,
                fileBytes: 0x1000, memoryBytes: 0x1000),
            .init(
                flags: 6, offset: 0x2000, virtual: 0xFFFF_FFFF_8100_2000, physical: 0x100_2000,
                fileBytes: 0x800, memoryBytes: 0x3000),
        ]
    }

    public func encoded() -> [UInt8] {
        var kernel = file
        var note: [UInt8] = [4, 0, 0, 0, 4, 0, 0, 0, pvhEntry == nil ? 1 : 18, 0, 0, 0]
        note += Array("Xen".utf8) + [0]
        let value = pvhEntry ?? 0
        note += (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
        kernel.segments.append(
            .init(
                type: 4, flags: 4, offset: UInt64(Self.noteAt), virtual: 0, physical: 0, fileBytes: noteBytes,
                memoryBytes: noteBytes))
        var bytes = kernel.encoded()
        bytes.replaceSubrange(Self.noteAt..<Self.noteAt + note.count, with: note)
        return bytes
    }

    private static let noteAt = 0x3010
}
