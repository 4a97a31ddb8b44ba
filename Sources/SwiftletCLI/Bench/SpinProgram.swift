/// A static x86-64 ELF program that computes for a known number of rounds and exits with status 0: the CPU-bound loop of a
/// bench, on any host, with or without a compiler. A round is one step of xorshift64 and an addition into 1 MiB of memory at
/// the place it drew, so that address translation takes part.
struct SpinProgram {
    let rounds: UInt64

    private static let codeAddress: UInt64 = 0x40_0000
    private static let tableAddress: UInt64 = 0x50_0000
    private static let tableBytes: UInt64 = 1 << 20
    private static let headerBytes: UInt64 = 64 + 2 * 56
    private static let read: UInt32 = 4, write: UInt32 = 2, execute: UInt32 = 1

    var bytes: [UInt8] {
        let code = code
        var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
        file += Self.little(2 as UInt16) + Self.little(62 as UInt16) + Self.little(1 as UInt32)
        file += Self.little(Self.codeAddress + Self.headerBytes)  // e_entry
        file += Self.little(64 as UInt64) + Self.little(0 as UInt64) + Self.little(0 as UInt32)
        for half: UInt16 in [64, 56, 2, 64, 0, 0] { file += Self.little(half) }
        let size = Self.headerBytes + UInt64(code.count)
        file += Self.segment(Self.read | Self.execute, Self.codeAddress, inFile: size, inMemory: size)
        file += Self.segment(
            Self.read | Self.write, Self.tableAddress, inFile: 0, inMemory: Self.tableBytes)
        return file + code
    }

    /// PT_LOAD (ELF-64, "Program Header").
    private static func segment(
        _ flags: UInt32, _ address: UInt64, inFile: UInt64, inMemory: UInt64
    ) -> [UInt8] {
        var header = little(1 as UInt32) + little(flags)
        for value in [0, address, address, inFile, inMemory, 0x1000] { header += little(value) }
        return header
    }

    private var code: [UInt8] {
        [0x48, 0xb9] + Self.little(rounds)  // mov rcx, rounds
            + [0x48, 0xb8] + Self.little(0x9e37_79b9_7f4a_7c15 as UInt64)  // mov rax, seed
            + [0xbb] + Self.little(UInt32(Self.tableAddress))  // mov ebx, table
            + [
                0x48, 0x89, 0xc2, 0x48, 0xc1, 0xe2, 0x0d, 0x48, 0x31, 0xd0,  // rax ^= rax << 13
                0x48, 0x89, 0xc2, 0x48, 0xc1, 0xea, 0x07, 0x48, 0x31, 0xd0,  // rax ^= rax >> 7
                0x48, 0x89, 0xc2, 0x48, 0xc1, 0xe2, 0x11, 0x48, 0x31, 0xd0,  // rax ^= rax << 17
                0x89, 0xc2, 0x81, 0xe2, 0xf8, 0xff, 0x0f, 0x00,  // edx = eax & 0xffff8
                0x48, 0x01, 0x04, 0x13,  // add [rbx + rdx], rax
                0x48, 0xff, 0xc9, 0x75, 0xd1,  // dec rcx; jnz to the first of these
                0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05,  // exit(0)
            ]
    }

    private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
