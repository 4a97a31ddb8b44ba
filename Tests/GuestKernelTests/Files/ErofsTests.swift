import Testing

@testable import GuestKernel

extension KernelSuite {
    @Suite(.enabled(if: ErofsFixture.isAvailable, "mkfs.erofs is not installed"))
    struct ErofsTests {
        init() { FakeMachine.start() }

        static let script = """
            mkdir -p usr/bin etc many empty
            printf hello > etc/greeting
            head -c 10000 /dev/zero | tr '\\0' x > usr/bin/big
            head -c 8192 /dev/zero | tr '\\0' y > usr/bin/exact
            ln usr/bin/big usr/bin/other
            ln -s ../etc/greeting usr/link
            ln -s usr/bin bin
            chmod 4755 usr/bin/big
            i=0; while [ $i -lt 1000 ]; do : > many/name$i; i=$((i+1)); done
            """

        private func contents(_ path: StaticString) throws -> [UInt8] {
            try readAll(FileSystem.open([UInt8](path), flags: 0, in: FileSystemContext(), as: Credentials()))
        }

        @Test("files, links and directories of an image are found and read, whatever the inode format")
        func reading() throws {
            for options in ["-Eforce-inode-compact", "-Eforce-inode-extended", "-Enoinline_data"] {
                let image = ErofsFixture(Self.script, options: options)
                try FileSystem.start(root: image.mapped)
                #expect(text(try contents("/etc/greeting")) == "hello")
                #expect(text(try contents("/usr/link")) == "hello")
                #expect(try contents("/bin/big") == [UInt8](repeating: UInt8(ascii: "x"), count: 10000))
                #expect(try contents("/bin/exact") == [UInt8](repeating: UInt8(ascii: "y"), count: 8192))
                let big = try FileSystem.lookup(
                    [UInt8]("/usr/bin/big"), in: FileSystemContext(), as: Credentials())
                let other = try FileSystem.lookup(
                    [UInt8]("/bin/other"), in: FileSystemContext(), as: Credentials())
                #expect(big === other)
                let status = try big.status()
                #expect(status.permissions == 0o4755 && status.links == 2 && status.size == 10000)
                #expect(status.modificationTime == 1_700_000_000_000_000_000)
            }
        }

        @Test("every name of a directory of many blocks is found, and no other")
        func bigDirectory() throws {
            let image = ErofsFixture(Self.script)
            try FileSystem.start(root: image.mapped)
            for i in 0..<1000 {
                let path = Array("/many/name\(i)".utf8)
                _ = try FileSystem.lookup(path, in: FileSystemContext(), as: Credentials())
            }
            for name in ["/many/name", "/many/name1000", "/many/a", "/many/zzz", "/empty/x"] {
                #expect(throws: Errno.noSuchFile) {
                    try FileSystem.lookup(Array(name.utf8), in: FileSystemContext(), as: Credentials())
                }
            }
            let directory = DirectoryFile(
                try FileSystem.lookup([UInt8]("/many"), in: FileSystemContext(), as: Credentials()), flags: 0)
            var names = Set<String>()
            try directory.readEntries { entry in
                names.insert(text(entry.name))
                return true
            }
            #expect(names.count == 1002)
        }

        @Test("the same image behind a block device reads the same, and is read once")
        func onDevice() throws {
            let image = ErofsFixture(Self.script)
            let device = MemoryDevice(image.bytes)
            try FileSystem.start(root: BlockImage(device))
            #expect(try contents("/bin/big") == [UInt8](repeating: UInt8(ascii: "x"), count: 10000))
            let requests = device.requests
            #expect(requests * 16 * 4096 >= 10000)
            #expect(try contents("/bin/big").count == 10000)
            #expect(device.requests == requests)
        }

        @Test("whole pages come from the image itself, the inline end from a frame of its own")
        func zeroCopy() throws {
            let image = ErofsFixture(Self.script)
            let backing = image.mapped
            try FileSystem.start(root: backing)
            let big = try FileSystem.lookup(
                [UInt8]("/usr/bin/big"), in: FileSystemContext(), as: Credentials())
            let first = try big.page(at: 0, forWriting: false)
            #expect(PhysicalMemory.pointer(first) >= image.bytes.baseAddress!)
            #expect(PhysicalMemory.pointer(first) < image.bytes.baseAddress! + image.bytes.count)
            #expect(big.cachedPage(at: 0) == first)
            #expect(throws: Errno.noSuchDeviceOrAddress) { try big.page(at: 3, forWriting: false) }
        }

        @Test("what is no EROFS image, or a truncated, compressed or damaged one, is refused with the reason")
        func refusals() throws {
            let image = ErofsFixture(Self.script)
            let whole = image.mapped
            let address = UInt64(UInt(bitPattern: image.bytes.baseAddress!)) &- PhysicalMemory.physmap
            #expect(throws: ErofsImage.Refusal.tooSmall) {
                try ErofsImage(MappedImage(start: address, bytes: 100))
            }
            #expect(throws: ErofsImage.Refusal.truncated) {
                try ErofsImage(MappedImage(start: address, bytes: UInt64(image.bytes.count) - 4096))
            }
            let superblock = UnsafeMutableRawBufferPointer(rebasing: image.bytes[1024...])
            superblock[50] ^= 1
            #expect(throws: ErofsImage.Refusal.checksum) { try ErofsImage(whole) }
            superblock[50] ^= 1
            superblock[80] |= 2
            #expect(throws: ErofsImage.Refusal.compressed) { try ErofsImage(whole) }
            superblock[80] = 0x80
            #expect(throws: ErofsImage.Refusal.unsupportedFeatures) { try ErofsImage(whole) }
            superblock[12] = 9
            #expect(throws: ErofsImage.Refusal.blockSize) { try ErofsImage(whole) }
            superblock[0] = 0
            #expect(throws: ErofsImage.Refusal.foreign) { try ErofsImage(whole) }
        }

        @Test("a damaged image gives errors, never a trap: 10,000 of them", arguments: 0..<20)
        func mutations(seed: UInt64) throws {
            let image = ErofsFixture(Self.script)
            var random = SplitMix(state: seed &* 0x9E37_79B9_7F4A_7C15 &+ 1)
            let block = UnsafeMutableRawBufferPointer(rebasing: image.bytes[1024...])
            block[8] = 0  // without a checksum, or no damage of the first block would get further
            for _ in 0..<500 {
                for _ in 0..<20 {
                    // Mostly where the metadata is: the first blocks, and there not the magic.
                    let limit = random.next() & 1 == 0 ? 16384 : image.bytes.count
                    let at = 1028 + Int(random.next() % UInt64(limit - 1028))
                    if (1028..<1036).contains(at) || (1104..<1120).contains(at) || at == 1036 { continue }
                    image.bytes[at] = UInt8(truncatingIfNeeded: random.next())
                }
                do { try FileSystem.start(root: image.mapped) } catch { continue }
                exerciseTree()
            }
        }

        /// Looks at everything an image holds, as `find / -type f -exec cat` would, to a bounded depth.
        private func exerciseTree() {
            var left = 3000
            func visit(_ inode: Inode, depth: Int) {
                guard depth < 6, left > 0 else { return }
                left -= 1
                _ = try? inode.status()
                _ = try? inode.linkTarget()
                if inode.isDirectory {
                    var names: [[UInt8]] = []
                    _ = try? inode.find([UInt8]("greeting")[...])
                    try? inode.forEachEntry(from: 0) { entry in
                        names.append(entry.name)
                        return names.count < 2000
                    }
                    for name in names {
                        if let child = try? inode.find(name[...]) { visit(child, depth: depth + 1) }
                    }
                } else if inode.type == .regular, let file = try? inode.open(flags: 0) {
                    _ = try? readAll(file)
                    if let frame = try? inode.page(at: 0, forWriting: false) { Frames.release(frame) }
                    if let frame = try? inode.page(at: 0, forWriting: true) { Frames.release(frame) }
                }
            }
            visit(FileSystem.root, depth: 0)
        }
    }
}

/// splitmix64: a seeded generator, so that a failure can be seen again.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
