@testable import GuestKernel

/// A root image with damage, mounted and walked as `find / -exec cat` would. Errors are for the calls that touch the damage;
/// nothing may trap, read past the image's end (a page there faults), or go on for ever.
///
///     input: | changes: offset u16, width 1 B, value | …
func fuzzRootImage(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    var image = SmallImage().bytes
    while !input.isEmpty {
        let width = [1, 2, 4, 8][input.below(4)]
        let at = input.below(image.count - 8)
        let value = input.number()
        for byte in 0..<width { image[at + byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte)) }
    }
    GuestMachine.start()
    GuestMachine.takeDownFileSystem()
    let program = GuestMachine.makeProcess()
    let backing = GuestMachine.place(image: image)
    do throws(ErofsImage.Refusal) {
        try FileSystem.start(root: backing)
        var seen: [Inode] = []
        visit(FileSystem.root, depth: 0, &seen)
        // What a damaged directory does not list again is not found by `takeDownFileSystem`.
        for inode in seen { inode.parent = nil }
    } catch {}
    program.end()
    GuestMachine.takeDownFileSystem()
}

private func visit(_ inode: Inode, depth: Int, _ seen: inout [Inode]) {
    guard depth < 5, seen.count < 300 else { return }
    seen.append(inode)
    _ = try? inode.status()
    _ = try? inode.linkTarget()
    if inode.isDirectory {
        var names: [[UInt8]] = []
        _ = try? inode.find(Array("f7".utf8)[...])
        try? inode.forEachEntry(from: 0) { entry in
            names.append(entry.name)
            return names.count < 50
        }
        for name in names {
            if let child = try? inode.find(name[...]) { visit(child, depth: depth + 1, &seen) }
        }
    } else if inode.type == .regular, let file = try? inode.open(flags: 0) {
        read(file)
        for isWrite in [false, true] {
            for page in [0, 1] as [UInt64] {
                if let frame = try? inode.page(at: page, forWriting: isWrite) { Frames.release(frame) }
            }
        }
    }
}

private func read(_ file: File) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 3000, alignment: 1)
    defer { buffer.deallocate() }
    for _ in 0..<20 {
        var target = IOBuffer(kernel: UnsafeRawBufferPointer(buffer))
        guard let count = try? file.read(&target, at: nil), count > 0 else { return }
    }
}

/// An EROFS image of five blocks, put together by hand (Linux's Documentation/filesystems/erofs.rst):
///
///     | 0: superblock | 1: inodes with their inline data | 2: a directory | 3, 4: a file's blocks |
private struct SmallImage {
    private(set) var bytes = [UInt8](repeating: 0, count: 5 * 4096)
    private static let inodes = 4096

    init() {
        put(0xE0F5_E1E2 as UInt32, at: 1024)
        bytes[1036] = 12
        put(0 as UInt16, at: 1038)       // the root's number
        put(8 as UInt64, at: 1040)
        put(5 as UInt32, at: 1060)       // blocks
        put(1 as UInt32, at: 1064)       // where the inodes are
        let root = directory([
            (".", 0, 2), ("..", 0, 2), ("d", 16, 2), ("e", 48, 1), ("f", 32, 1), ("l", 40, 7), ("n", 44, 3),
        ])
        inode(0, mode: 0o040755, links: 3, size: root.count, inline: root)
        let names = (0..<20).map { ("f\($0 + 10)", 32 as UInt64, 1 as UInt8) }
        let block = directory([(".", 16, 2), ("..", 0, 2)] + names)
        inode(16, mode: 0o040755, links: 2, size: block.count, block: 2)
        bytes.replaceSubrange(8192..<8192 + block.count, with: block)
        // One name, as far as it says: the kernel keeps files of several for good, and this process mounts many images.
        let tail = [UInt8](repeating: 0x78, count: 40)
        inode(32, mode: 0o100644, links: 1, size: 8192 + 40, block: 3, inline: tail)
        inode(40, mode: 0o120777, links: 1, size: 3, inline: Array("d/f".utf8))
        inode(44, mode: 0o020666, links: 1, size: 0, block: 0x103)
        extended(48, mode: 0o100755, size: 5, inline: Array("hello".utf8))
    }

    private mutating func put<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        for byte in 0..<Value.bitWidth / 8 {
            bytes[offset + byte] = UInt8(truncatingIfNeeded: value >> Value(8 * byte))
        }
    }

    private mutating func inode(
        _ number: Int, mode: UInt16, links: UInt16, size: Int, block: UInt32 = 0, inline: [UInt8] = []
    ) {
        let at = Self.inodes + number * 32
        put((inline.isEmpty ? 0 : 4) as UInt16, at: at)
        put(mode, at: at + 4)
        put(links, at: at + 6)
        put(UInt32(size), at: at + 8)
        put(block, at: at + 16)
        put(UInt32(number + 1), at: at + 20)
        bytes.replaceSubrange(at + 32..<at + 32 + inline.count, with: inline)
    }

    private mutating func extended(_ number: Int, mode: UInt16, size: UInt64, inline: [UInt8]) {
        let at = Self.inodes + number * 32
        put(5 as UInt16, at: at)
        put(mode, at: at + 4)
        put(size, at: at + 8)
        put(1 as UInt32, at: at + 44)
        bytes.replaceSubrange(at + 64..<at + 64 + inline.count, with: inline)
    }

    private func directory(_ entries: [(name: String, number: UInt64, type: UInt8)]) -> [UInt8] {
        var table: [UInt8] = []
        var names: [UInt8] = []
        for entry in entries {
            let offset = entries.count * 12 + names.count
            table += (0..<8).map { UInt8(truncatingIfNeeded: entry.number >> UInt64(8 * $0)) }
            table += [UInt8(truncatingIfNeeded: offset), UInt8(offset >> 8), entry.type, 0]
            names += Array(entry.name.utf8)
        }
        return table + names
    }
}
