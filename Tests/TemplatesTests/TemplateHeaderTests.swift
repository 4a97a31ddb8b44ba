import Images
import Testing

@testable import Templates

@Suite struct TemplateHeaderTests {
    private let header: TemplateHeader

    init() {
        var header = TemplateHeader(
            kind: .program, memoryBytes: 256 << 20, imageBytes: 2_019_328, created: 1_790_000_000,
            processor: ProcessorIdentity(words: (1...16).map { UInt32($0) }), image: "python",
            workingDirectory: "/job", command: [Array("python3".utf8), Array("-c".utf8), []], processors: 2)
        header.kernelDigest = [UInt8](repeating: 1, count: 32)
        header.imageDigest = [UInt8](repeating: 2, count: 32)
        header.machineDigest = [UInt8](repeating: 3, count: 32)
        header.memoryDigest = [UInt8](repeating: 4, count: 32)
        header.dataBytes = 12 << 20
        self.header = header
    }

    /// The header's bytes with one thing changed and a checksum that is right again: what only the field's own check finds.
    private func changed(at offset: Int, to bytes: [UInt8]) throws -> [UInt8] {
        var all = try header.encoded()
        all.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        var hash = SHA256()
        hash.update(Array(all[..<4064]))
        all.replaceSubrange(4064..<4096, with: TemplateHeader.digest(hexadecimal: hash.hexadecimalDigest()))
        return all
    }

    @Test("what was written is read again, every field of it")
    func roundTrip() throws {
        let bytes = try header.encoded()
        #expect(bytes.count == 4096)
        #expect(try TemplateHeader(parsing: bytes) == header)
        #expect(try TemplateHeader(parsing: bytes + [1, 2, 3]) == header)
    }

    @Test("HOSTILE 17: a header that is cut anywhere is refused")
    func truncated() throws {
        let bytes = try header.encoded()
        for count in [0, 1, 7, 8, 12, 303, 304, 4064, 4095] {
            #expect(throws: TemplateHeaderError.short(count)) {
                _ = try TemplateHeader(parsing: Array(bytes[..<count]))
            }
        }
    }

    @Test("HOSTILE 17: another magic and another format are named as such, before the checksum is looked at")
    func foreign() throws {
        var bytes = try header.encoded()
        bytes[0] ^= 1
        #expect(throws: TemplateHeaderError.notOurs) { _ = try TemplateHeader(parsing: bytes) }
        #expect(throws: TemplateHeaderError.otherFormat(1)) {
            _ = try TemplateHeader(parsing: try changed(at: 8, to: [1, 0, 0, 0]))
        }
    }

    @Test("HOSTILE 17: one flipped bit anywhere behind the format is found")
    func flippedBit() throws {
        let bytes = try header.encoded()
        for offset in 12..<4096 {
            var damaged = bytes
            damaged[offset] ^= UInt8(1 << (offset % 8))
            #expect(throws: TemplateHeaderError.badChecksum) { _ = try TemplateHeader(parsing: damaged) }
        }
    }

    @Test(
        "HOSTILE 17: a value that cannot be is refused even with the right checksum",
        arguments: [
            (12, [0, 0, 0, 0], "header size"), (16, [0, 0, 0, 0, 0, 0, 0, 0], "memory size"),
            (16, [1, 0, 0, 16, 0, 0, 0, 0], "memory size"),
            (16, [0, 0, 0, 0, 0, 0, 0, 0x80], "memory size"), (24, [0, 0, 0, 0, 0, 0, 0, 0], "memory offset"),
            (40, [2, 0, 0, 0], "kind"), (44, [9, 0, 0, 0], "KVM"),
            (56, [0, 0, 0, 0, 1, 0, 0, 0], "data size"), (56, [1, 0, 0, 0, 0, 0, 0, 0], "data size"),
            (256, [1], "state size"), (264, [0], "processors"), (264, [65], "processors"),
            (268, [1], "reserved bytes"), (304, [0xFF, 0xFF], "image"), (306, [0x2F], "image"),
            (306, [0xFF], "image"), (314, [0x2E], "working directory"), (318, [0xFF, 0xFF], "command"),
            (4063, [1], "reserved bytes"),
        ] as [(Int, [UInt8], String)])
    func badValue(offset: Int, bytes: [UInt8], field: String) {
        #expect(throws: TemplateHeaderError.badValue(.init(stringLiteral: field))) {
            _ = try TemplateHeader(parsing: try changed(at: offset, to: bytes))
        }
    }

    @Test("a command too long for the header is cut, and the header stays one")
    func longCommand() throws {
        var long = header
        long.command = [[UInt8](repeating: 0x41, count: 100_000), Array("end".utf8)]
        let read = try TemplateHeader(parsing: try long.encoded())
        #expect(read.command.count == 1 && read.command[0].count == 1500)
        #expect(read.memoryDigest == header.memoryDigest)
    }

    @Test("HOSTILE 30: the longest texts that a header takes are read again, and one byte more of each is refused by name")
    func longTexts() throws {
        var long = header
        long.image = String(repeating: "i", count: 64)
        long.workingDirectory = "/" + String(repeating: "w", count: 1023)
        long.kernel = "/" + String(repeating: "k", count: 1023)
        long.command = [[UInt8](repeating: 0x41, count: 100_000)]
        #expect(try TemplateHeader(parsing: try long.encoded()).kernel == long.kernel)
        typealias Field = TemplateHeaderError.StaticStringName
        let changes: [(WritableKeyPath<TemplateHeader, String>, Field, Int)] = [
            (\.image, "image's name", 64), (\.workingDirectory, "working directory", 1024),
            (\.kernel, "kernel", 1024),
        ]
        for (text, name, limit) in changes {
            for bytes in [limit + 1, 4000, 70_000] {
                var longer = long
                longer[keyPath: text] += String(repeating: "x", count: bytes - limit)
                #expect(throws: TemplateHeaderError.tooLong(name, bytes: bytes, limit: limit)) {
                    try longer.encoded()
                }
            }
        }
    }
}
