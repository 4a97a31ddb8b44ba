@testable import GuestKernel

/// A program file, its dynamic linker, and a script: what an image or an input file brings to execve(2).
///
///     input: | kind 1 B | a script's bytes, or changes: which file 1 B, offset u16, width 1 B, value | …
///
/// What is loaded must lie where programs may be, and be there: its entry in executable memory, its stack readable.
func fuzzExecutable(_ bytes: [UInt8]) {
    GuestMachine.makeFileSystem()
    var input = FuzzInput(bytes)
    let kind = input.byte()
    var files = [
        executable(kind: 2 + UInt16(kind & 1), interpreter: kind & 2 != 0),
        executable(kind: 3, interpreter: false),
    ]
    if kind & 0x80 != 0 {
        files[0] = Array("#!".utf8) + input.remainder()
    } else {
        while !input.isEmpty { change(&files[input.below(2)], &input) }
    }
    let program = GuestMachine.makeProcess()
    do throws(GuestKernel.Errno) {
        for (name, contents) in zip(["/p", "/l"], files) { try install(contents, at: Array(name.utf8)) }
    } catch {
        preconditionFailure("the kernel's part failed: \(error)")
    }
    let arguments = Array(repeating: Array("argument".utf8), count: Int(kind >> 2 & 7))
    if let loaded = try? ProgramLoader.load(
        Array("/p".utf8), arguments: arguments, environment: [], in: FileSystemContext(), as: Credentials())
    {
        let space = loaded.space
        let (entry, stack) = (loaded.entry, loaded.stackPointer)
        precondition(entry < AddressSpace.top && stack < AddressSpace.top, "out of bounds")
        precondition((try? space.load(UInt64.self, at: loaded.stackPointer)) != nil, "no stack")
        for area in space.areas {
            let isInside = area.start >= AddressSpace.lowest && area.end <= AddressSpace.top
            precondition(isInside, "an area out of bounds")
            _ = try? space.read(from: area.start, count: 16)
            _ = try? space.read(from: area.end - 16, count: 16)
        }
    }
    program.end()
}

private func install(_ bytes: [UInt8], at path: [UInt8]) throws(GuestKernel.Errno) {
    let file = try FileSystem.createFile(path, mode: 0o755, owner: 0, group: 0)
    var failure: GuestKernel.Errno?
    bytes.withUnsafeBytes { raw in
        var buffer = IOBuffer(kernel: raw)
        do throws(GuestKernel.Errno) { _ = try file.write(&buffer, at: nil) } catch { failure = error }
    }
    if let failure { throw failure }
}

/// A field anywhere in the headers, or the end of the file, becomes something else.
private func change(_ file: inout [UInt8], _ input: inout FuzzInput) {
    let width = [1, 2, 4, 8][input.below(4)]
    let at = input.below(400)
    let value = input.number()
    if at >= 392 { return file.removeLast(min(file.count, Int(value % 0x2000))) }
    for byte in 0..<width where at + byte < file.count {
        file[at + byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte))
    }
}

/// Text with the headers, data with zeroes behind it, PT_INTERP, PT_PHDR, PT_GNU_STACK.
private func executable(kind: UInt16, interpreter: Bool) -> [UInt8] {
    var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    func add<Value: FixedWidthInteger>(_ values: Value...) {
        for value in values {
            for shift in stride(from: 0, to: Value.bitWidth, by: 8) {
                file.append(UInt8(truncatingIfNeeded: value >> Value(shift)))
            }
        }
    }
    let base: UInt64 = kind == 2 ? 0x40_0000 : 0
    add(kind, 62)
    add(1 as UInt32)
    add(base + 0x1000, 64, 0)
    add(0 as UInt32)
    add(64, 56, 5, 64, 0, 0 as UInt16)
    func header(_ type: UInt32, _ flags: UInt32, at offset: UInt64, _ bytes: UInt64, _ memory: UInt64) {
        add(type, flags)
        add(offset, base + offset, base + offset, bytes, memory, 0x1000)
    }
    header(6, 4, at: 64, 5 * 56, 5 * 56)
    header(1, 5, at: 0, 0x1400, 0x1400)
    header(1, 6, at: 0x1400, 0x400, 0x1C00)
    header(interpreter ? 3 : 4, 4, at: 0x180, 3, 3)
    header(0x6474_E551, 6, at: 0, 0, 0)
    file += [UInt8](repeating: 0, count: 0x180 - file.count) + Array("/l".utf8) + [0]
    return file + [UInt8](repeating: 0xCC, count: 0x1800 - file.count)
}
