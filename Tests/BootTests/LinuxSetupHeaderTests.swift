import KernelFile
import Testing

@testable import Boot

extension BzImage {
    func parsed() throws(LinuxSetupHeaderError) -> LinuxSetupHeader {
        try LinuxSetupHeader(parsing: header, fileBytes: fileBytes)
    }
}

/// A bzImage spoilt by `change`, and the error that parsing it must give.
private func expect(
    _ error: LinuxSetupHeaderError, sourceLocation: SourceLocation = #_sourceLocation,
    _ change: (inout BzImage) -> Void
) {
    var file = BzImage()
    change(&file)
    #expect(throws: error, sourceLocation: sourceLocation) { _ = try file.parsed() }
}

@Suite struct LinuxSetupHeaderTests {
    @Test("a bzImage says where its kernel is, where it wants to be and where it is entered")
    func valid() throws {
        let header = try BzImage().parsed()
        #expect(header.protocolVersion == 0x020F)
        #expect(header.kernelOffset == 40 * 512)
        #expect(header.kernelBytes == 0x10000)
        #expect(header.preferredAddress == 0x100_0000)
        #expect(header.memoryBytes == 0x210_0000)
        #expect(header.entry == 0x100_0200)
        #expect(header.commandLineBytes == 2047)
        #expect(header.initramfsLast == 0x7FFF_FFFF)
    }

    @Test("HOSTILE 16: no setup sectors mean four, as for kernels from before the field")
    func noSetupSectors() throws {
        var file = BzImage()
        file.header[0x1F1] = 0
        #expect(try file.parsed().kernelOffset == 5 * 512)
    }

    @Test("HOSTILE 16: a bzImage cut anywhere is refused and never crashes")
    func truncatedAnywhere() {
        let whole = BzImage()
        for length in 0...0x270 {
            #expect(throws: LinuxSetupHeaderError.self) {
                let cut = Array(whole.header.prefix(length))
                _ = try LinuxSetupHeader(parsing: cut, fileBytes: UInt64(length))
            }
        }
        expect(.truncated(needs: 0x15000, bytes: 0x14FFF)) { $0.fileBytes -= 1 }
        expect(.truncated(needs: 20480 + 16 * 0xFFFF_FFFF, bytes: 0x15000)) { $0.set(0x1F4, UInt32.max) }
    }

    @Test("HOSTILE 16: a kernel without a 64-bit entry, or too old to say, is refused")
    func without64BitEntry() {
        expect(.not64Bit) { $0.set(0x236, UInt16(0x7E)) }
        expect(.not64Bit) { $0.header[0x211] = 0 }
        expect(.tooOld(0x020B)) { $0.set(0x206, UInt16(0x020B)) }
        // The header ends before init_size.
        expect(.tooOld(0x020F)) { $0.header[0x201] = 0x61 }
    }

    @Test("HOSTILE 16: a kernel larger than the memory it asks for, or without its entry, is refused")
    func sizes() {
        expect(.badSize(kernel: 0x10000, memory: 0xFFFF)) { $0.set(0x260, UInt32(0xFFFF)) }
        expect(.badSize(kernel: 0x200, memory: 0x210_0000)) { $0.set(0x1F4, UInt32(0x20)) }
    }

    @Test("HOSTILE 16: an address below 1 MiB, in the hole of the memory map or at the end of all is refused")
    func addresses() {
        expect(.badAddress(0xFFFFF)) { $0.set(0x258, UInt64(0xFFFFF)) }
        expect(.badAddress(holeStart)) { $0.set(0x258, holeStart) }
        expect(.badAddress(.max)) { $0.set(0x258, UInt64.max) }
        // More memory than lies below the hole: what is left of it for an address is less than nothing.
        expect(.badAddress(1 << 20)) {
            $0.set(0x258, UInt64(1 << 20))
            $0.set(0x260, UInt32.max)
        }
    }

    @Test("what is no bzImage is told apart: an ELF file, text, zeros")
    func foreign() {
        expect(.notBzImage) { $0.header[0x202] = 0 }
        expect(.notBzImage) { $0.set(0x1FE, UInt16(0)) }
        expect(.notBzImage) { $0.header = Array("#!/bin/sh".utf8) }
    }
}
