import Testing

@testable import Images

@Suite struct LinuxKernelFileTests {
    /// An ELF file with one segment of type `type`, in a table of program headers at byte 64.
    private func elf(type: UInt64 = 1, virtual: UInt64, physical: UInt64) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 4096)
        func put(_ value: UInt64, at offset: Int, bytes count: Int) {
            for index in 0..<count {
                bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))
            }
        }
        put(0x464c_457f, at: 0, bytes: 4)
        put(64, at: 32, bytes: 8)
        put(1, at: 56, bytes: 2)
        put(type, at: 64, bytes: 4)
        put(virtual, at: 64 + 16, bytes: 8)
        put(physical, at: 64 + 24, bytes: 8)
        return bytes
    }

    @Test("a vmlinux is told by the segment where every x86-64 Linux has its text")
    func vmlinux() {
        let linux = elf(virtual: 0xffff_ffff_8100_0000, physical: 0x100_0000)
        #expect(LinuxKernelFile(header: linux) == .vmlinux)
        let note = elf(type: 4, virtual: 0xffff_ffff_8100_0000, physical: 0x100_0000)
        #expect(LinuxKernelFile(header: note) == nil)
    }

    @Test("our own kernel is no Linux, though its nucleus begins where Linux's map does")
    func tiny() {
        let nucleus = elf(virtual: 0xffff_ffff_8000_0000, physical: 0x10_0000)
        #expect(LinuxKernelFile(header: nucleus) == nil)
    }

    @Test("a bzImage is told by its setup header's magic number")
    func bzImage() {
        var bytes = [UInt8](repeating: 0, count: 4096)
        bytes.replaceSubrange(0x202..<0x206, with: Array("HdrS".utf8))
        #expect(LinuxKernelFile(header: bytes) == .bzImage)
        #expect(LinuxKernelFile(header: Array(bytes[..<0x205])) == nil)
    }

    @Test("HOSTILE 16: a header that is cut anywhere, or whose table lies elsewhere, is no Linux and no crash")
    func damaged() {
        let linux = elf(virtual: 0xffff_ffff_8100_0000, physical: 0x100_0000)
        // The last field that is looked at ends at byte 96.
        for count in 0..<96 { #expect(LinuxKernelFile(header: Array(linux[..<count])) == nil) }
        for offset in 32..<40 {
            var damaged = linux
            damaged[offset] = 0xff
            #expect(LinuxKernelFile(header: damaged) == nil)
        }
        var many = linux
        many[56] = 0xff
        many[57] = 0xff
        #expect(LinuxKernelFile(header: many) == .vmlinux)
    }
}
