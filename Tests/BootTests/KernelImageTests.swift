import CSwiftletABI
import KernelFile
import Testing

@testable import Boot

/// Parses `kernel` as it would come from a file.
private func parse(_ kernel: KernelFile) throws(KernelImageError) -> KernelImage {
    let bytes = kernel.encoded()
    let header = Array(bytes.prefix(KernelImage.headerBytes))
    return try KernelImage(parsing: header, fileBytes: UInt64(bytes.count))
}

/// A kernel spoilt by `change`, and the error that parsing it must give.
private func expect(
    _ error: KernelImageError, sourceLocation: SourceLocation = #_sourceLocation,
    _ change: (inout KernelFile) -> Void
) {
    var kernel = KernelFile()
    change(&kernel)
    #expect(throws: error, sourceLocation: sourceLocation) { _ = try parse(kernel) }
}

@Suite struct KernelImageTests {
    @Test("a kernel's segments and entry are read as its program headers say")
    func valid() throws {
        let image = try parse(KernelFile())
        #expect(image.entry == 0x100_0010)
        #expect(image.segments.count == 3)
        #expect(image.segments[1].memoryBytes == 0x3000)
        #expect(image.segments[1].isWritable && !image.segments[1].isExecutable)
        #expect(image.physicalEnd == 0x10_5000)
        #expect(image.physicalPage(of: UInt64(SWIFTLET_NUCLEUS_IDT)) == 0x10_2000)
    }

    @Test("HOSTILE 16: what is not an ELF file is refused: empty, text, a bzImage")
    func foreign() {
        for bytes in [[], Array("#!/bin/sh\n".utf8), [0x4D, 0x5A] + [UInt8](repeating: 0, count: 4094)] {
            #expect(throws: KernelImageError.notELF) {
                _ = try KernelImage(parsing: bytes, fileBytes: UInt64(bytes.count))
            }
        }
    }

    @Test(
        "HOSTILE 16: ELF files for something else are refused: 32-bit, big-endian, ARM, position-independent")
    func otherELF() {
        expect(.notForThisMachine) { $0.magic[4] = 1 }
        expect(.notForThisMachine) { $0.magic[5] = 2 }
        expect(.notForThisMachine) { $0.machine = 183 }
        expect(.notForThisMachine) { $0.type = 3 }
        expect(.notForThisMachine) { $0.headerBytes = 55 }
    }

    @Test("HOSTILE 16: a file cut anywhere is refused as truncated or not ELF, and never crashes")
    func truncatedAnywhere() throws {
        let whole = KernelFile().encoded()
        // Every length of the headers; further on only each page's edges can matter.
        for length in Array(0...256) + [4095, 4096, 4097, 0x2000, 0x2800, 0x3000, 0x307F] {
            let header = Array(whole.prefix(min(length, KernelImage.headerBytes)))
            let error = #expect(throws: KernelImageError.self) {
                _ = try KernelImage(parsing: header, fileBytes: UInt64(length))
            }
            switch error {
            case .truncated: break
            case .notELF: #expect(length < 4)
            default: Issue.record("\(length) bytes: \(String(describing: error))")
            }
        }
    }

    @Test("HOSTILE 16: program headers that lie behind the first page or overflow are truncation")
    func headersElsewhere() {
        expect(.truncated(needs: 4097 + 168, bytes: 0x3080)) { $0.headersAt = 4097 }
        expect(.truncated(needs: 167, bytes: 0x3080)) { $0.headersAt = .max }
        expect(.tooManySegments(17)) { $0.headerCount = 17 }
        expect(.tooManySegments(65535)) { $0.headerCount = 65535 }
    }

    @Test("HOSTILE 16: p_offset + p_filesz past the end or past 2^64 is truncation")
    func fileRange() {
        expect(.truncated(needs: 0x3081, bytes: 0x3080)) {
            $0.segments[2].fileBytes = 0x81
            $0.segments[2].memoryBytes = 0x81
        }
        expect(.truncated(needs: .max, bytes: 0x3080)) { $0.segments[2].offset = .max - 5 }
    }

    @Test("HOSTILE 16: segments must be page-aligned, inside the address ranges, and not wrap")
    func segmentRanges() {
        expect(.badSegment(2, .unaligned)) { $0.segments[2].virtual += 8 }
        expect(.badSegment(2, .unaligned)) { $0.segments[2].physical += 8 }
        expect(.badSegment(2, .physicalTooLow)) { $0.segments[2].physical = 0x2000 }
        expect(.badSegment(2, .moreInFileThanInMemory)) { $0.segments[2].memoryBytes = 0x7F }
        expect(.badSegment(2, .wraps)) { $0.segments[2].memoryBytes = .max }
        expect(.badSegment(2, .wraps)) { $0.segments[2].physical = .max - 0xFFF }
        expect(.badSegment(2, .wraps)) { $0.segments[2].physical = 0xC000_0000 }
        expect(.badSegment(2, .virtualElsewhere)) { $0.segments[2].virtual = UInt64(SWIFTLET_PHYSMAP) }
        expect(.badSegment(2, .virtualElsewhere)) { $0.segments[2].virtual = 0 }
        expect(.badSegment(2, .virtualElsewhere)) { $0.segments[2].virtual = 0x8000_0000_0000_0000 }
        expect(.badSegment(0, .virtualElsewhere)) {
            $0.segments[0].virtual = .max - 0xFFF
            $0.segments[0].memoryBytes = 0x2000
        }
    }

    @Test("no segment is both writable and executable")
    func writableCode() {
        expect(.badSegment(0, .writableAndExecutable)) { $0.segments[0].flags = 7 }
    }

    @Test("HOSTILE 16: segments that share a page, physically or virtually, are refused")
    func overlap() {
        expect(.overlap(0, 2)) { $0.segments[2].physical = $0.segments[0].physical }
        expect(.overlap(1, 2)) { $0.segments[2].physical = 0x10_3000 }
        expect(.overlap(0, 1)) { $0.segments[1].virtual = $0.segments[0].virtual }
    }

    @Test("HOSTILE 16: the entry must be ring-3 code: not data, not the nucleus, not nowhere")
    func entry() {
        expect(.entryNotExecutable(0)) { $0.entry = 0 }
        expect(.entryNotExecutable(UInt64(SWIFTLET_NUCLEUS))) { $0.entry = UInt64(SWIFTLET_NUCLEUS) }
        expect(.entryNotExecutable(0x100_1000)) { $0.entry = 0x100_1000 }
        expect(.entryNotExecutable(0x100_0010)) { $0.segments[2].flags = 6 }
    }

    @Test("HOSTILE 16: notes of any size, anywhere, are not looked at, and change nothing")
    func notes() throws {
        var kernel = KernelFile()
        for (offset, bytes) in [(0, .max), (.max, 1), (0x3000, 0), (.max, .max)] as [(UInt64, UInt64)] {
            var note = kernel.segments[0]
            note.type = 4  // PT_NOTE
            (note.offset, note.fileBytes, note.memoryBytes) = (offset, bytes, bytes)
            (note.virtual, note.physical) = (.max, .max)
            kernel.segments.append(note)
        }
        let image = try parse(kernel)
        #expect(image.segments == (try parse(KernelFile())).segments)
        #expect(image.entry == 0x100_0010)
    }

    @Test("HOSTILE 16: a kernel without anything to load is refused")
    func empty() {
        expect(.noSegments) { $0.segments = [] }
        expect(.noSegments) { for index in 0..<3 { $0.segments[index].type = 4 } }
    }

    @Test(
        "HOSTILE 16: ten thousand kernels with random bytes changed are parsed or refused, never trapped on")
    func randomDamage() throws {
        let seed = UInt64.random(in: 1...(.max))
        var generator = XorShift(state: seed)
        let whole = KernelFile().encoded()
        for _ in 0..<10_000 {
            var header = Array(whole.prefix(KernelImage.headerBytes))
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                let position = Int.random(in: 0..<232, using: &generator)
                header[position] = UInt8.random(in: 0...255, using: &generator)
            }
            let parsed = try? KernelImage(parsing: header, fileBytes: UInt64(whole.count))
            guard let image = parsed else { continue }
            let map = try PhysicalMap(memoryBytes: 16 << 20, rootImageBytes: nil)
            let tables = KernelPageTables(for: image, map: map, base: image.physicalEnd)
            #expect(tables.end > image.physicalEnd, "seed \(seed)")
        }
    }
}

private struct XorShift: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
