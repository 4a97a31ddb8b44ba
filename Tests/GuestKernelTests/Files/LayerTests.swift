import Testing

@testable import GuestKernel

extension KernelSuite {
    /// The writable layer, over an image, seen through system calls.
    @Suite(.enabled(if: ErofsFixture.isAvailable, "mkfs.erofs is not installed"))
    struct LayerTests {
        let program: TestProgram
        let image: ErofsFixture

        init() throws {
            FakeMachine.start()
            image = ErofsFixture(
                """
                mkdir -p etc/sub lib data; printf hello > etc/greeting; printf deep > etc/sub/deep
                head -c 9000 /dev/zero | tr '\\0' x > data/big; ln data/big data/other
                ln -s greeting etc/link; mkdir lib/a lib/b; : > lib/a/1; : > lib/a/2
                """)
            try FileSystem.start(root: image.mapped)
            program = try TestProgram()
        }

        @Test(
            "writing into a file of the image changes that page only, for all its names and open descriptors")
        func copyUp() throws {
            let reader = program.open("/data/other")
            let writer = program.open("/data/big", OpenFlags.readWrite)
            #expect(program.call(8, UInt64(writer), 4096, 0) == 4096)
            #expect(program.write(writer, "YYY") == 3)
            let text = program.contents("/data/other")
            #expect(text.count == 9000)
            #expect(
                text == String(repeating: "x", count: 4096) + "YYY"
                    + String(repeating: "x", count: 9000 - 4099))
            #expect(program.read(reader, 10) == "xxxxxxxxxx")
            // The image's own frames still serve the pages that were not written.
            let big = try FileSystem.lookup([UInt8]("/data/big"), in: FileSystemContext(), as: Credentials())
            let first = try big.page(at: 0, forWriting: false)
            #expect(PhysicalMemory.pointer(first) >= image.bytes.baseAddress!)
            #expect(program.status("/data/other")?.size == 9000)
        }

        @Test("a shared mapping that was read first can be written, and the write reaches the file")
        func sharedMapping() throws {
            let file = UInt64(program.open("/data/big", OpenFlags.readWrite))
            let address = UInt64(program.call(9, 0, 9000, 3, 1, file, 0))
            #expect(program.bytes(address, 3) == Array("xxx".utf8))
            try program.process.space.write(Array("map".utf8), to: address + 1)
            #expect(program.contents("/data/other").hasPrefix("xmapx"))
            #expect(image.bytes.first == 0)
            // And back: what is written to the file shows in the mapping.
            #expect(program.call(18, file, program.place(Array("Q".utf8)), 1, 0) == 1)
            #expect(program.bytes(address, 5) == Array("Qmapx".utf8))
            #expect(program.call(11, address, 12288) == 0)
        }

        @Test("truncating a file of the image and growing it again brings zeros, not the old bytes")
        func truncation() {
            #expect(program.call(76, program.path("/data/big"), 100) == 0)
            #expect(program.call(76, program.path("/data/big"), 5000) == 0)
            let expected = String(repeating: "x", count: 100) + String(repeating: "\0", count: 4900)
            #expect(program.contents("/data/big") == expected)
        }

        @Test("names of the image can be removed, replaced and moved, and listings agree")
        func names() {
            #expect(program.call(87, program.path("/etc/greeting")) == 0)
            #expect(program.contents("/etc/greeting") == "error 2")
            #expect(program.contents("/etc/link") == "error 2")
            #expect(Set(program.list("/etc")) == [".", "..", "sub", "link"])
            #expect(program.put("/etc/greeting", "new") == 3)
            #expect(program.contents("/etc/link") == "new")
            #expect(program.call(82, program.path("/etc/sub"), program.path("/lib/moved")) == 0)
            #expect(program.contents("/lib/moved/deep") == "deep")
            #expect(program.contents("/lib/moved/../a/1") == "")
            #expect(Set(program.list("/lib")) == [".", "..", "a", "b", "moved"])
        }

        @Test("a directory with names in the image is not empty until they are gone")
        func emptyDirectory() {
            #expect(program.call(84, program.path("/lib/a")) == -39)
            #expect(program.call(82, program.path("/lib/b"), program.path("/lib/a")) == -39)
            #expect(program.call(87, program.path("/lib/a/1")) == 0)
            #expect(program.call(87, program.path("/lib/a/2")) == 0)
            #expect(program.call(84, program.path("/lib/a")) == 0)
            #expect(program.status("/lib/a") == nil)
            #expect(program.status("/lib")?.links == 3)
        }

        @Test("removing while reading a directory skips no name")
        func removeWhileListing() {
            for i in 0..<200 { #expect(program.put("/tmp/f\(i)", "") == 0) }
            let directory = program.open("/tmp", OpenFlags.directory)
            let buffer = program.room(400)
            var removed = 0
            while true {
                let count = program.call(217, UInt64(directory), buffer, 400)
                if count <= 0 { break }
                let record = program.bytes(buffer, count)
                var at = 0
                while at < count {
                    let length = Int(record[at + 16]) | Int(record[at + 17]) << 8
                    let name = String(
                        decoding: record[(at + 19)..<(at + length)].prefix { $0 != 0 }, as: UTF8.self)
                    if !name.hasPrefix("."), program.call(87, program.path("/tmp/" + name)) == 0 {
                        removed += 1
                    }
                    at += length
                }
            }
            #expect(removed == 200)
            #expect(program.list("/tmp") == [".", ".."])
        }

        @Test("an open file stays readable when its name is gone or another file took it")
        func unlinkedFile() {
            #expect(program.put("/tmp/a", "old") == 3)
            let descriptor = program.open("/tmp/a")
            #expect(program.put("/tmp/b", "new") == 3)
            #expect(program.call(82, program.path("/tmp/b"), program.path("/tmp/a")) == 0)
            #expect(program.read(descriptor) == "old")
            #expect(program.contents("/tmp/a") == "new")
            let buffer = program.room(144)
            #expect(program.call(5, UInt64(descriptor), buffer) == 0)
            #expect(program.value(buffer + 16, UInt64.self) == 0)
        }

        @Test("the last reference to a file gives its frames back")
        func frames() {
            #expect(program.put("/tmp/large", String(repeating: "z", count: 300_000)) == 300_000)
            let before = Frames.available
            #expect(program.call(87, program.path("/tmp/large")) == 0)
            #expect(Frames.available >= before + 74)
        }

        @Test("renaming keeps the rules: no directory into itself, kinds agree, NOREPLACE and EXCHANGE")
        func renaming() {
            let at = TestProgram.workingDirectory
            #expect(program.call(82, program.path("/lib"), program.path("/lib/a/x")) == -22)
            #expect(program.call(82, program.path("/etc/greeting"), program.path("/lib/a")) == -21)
            #expect(program.call(82, program.path("/lib/a"), program.path("/etc/greeting")) == -20)
            #expect(program.call(82, program.path("/etc/greeting"), program.path("/proc/x")) == -18)
            let (greeting, big) = (program.path("/etc/greeting"), program.path("/data/big"))
            #expect(program.call(316, at, greeting, at, big, 1) == -17)
            #expect(program.call(316, at, greeting, at, big, 2) == 0)
            #expect(program.contents("/data/big") == "hello")
            #expect(program.status("/etc/greeting")?.size == 9000)
            // Two names of one file: nothing happens.
            #expect(program.call(82, program.path("/data/other"), program.path("/etc/greeting")) == 0)
            #expect(program.status("/data/other")?.links == 2)
        }

        @Test("sparse files cost what they hold, and SEEK_DATA and SEEK_HOLE find it")
        func sparse() {
            let descriptor = program.open("/tmp/sparse", OpenFlags.create | OpenFlags.readWrite)
            #expect(program.call(77, UInt64(descriptor), 1 << 40) == 0)
            #expect(program.call(18, UInt64(descriptor), program.place([1]), 1, 1 << 39) == 1)
            #expect(program.call(8, UInt64(descriptor), 0, 3) == 1 << 39)
            #expect(program.call(8, UInt64(descriptor), 1 << 39, 4) == (1 << 39) + 4096)
            let buffer = program.room(144)
            #expect(program.call(5, UInt64(descriptor), buffer) == 0)
            #expect(program.value(buffer + 48, UInt64.self) == 1 << 40)
            #expect(program.value(buffer + 64, UInt64.self) == 8)
        }

        @Test("a full file system says ENOSPC and loses nothing that was written")
        func full() {
            let descriptor = program.open("/tmp/full", OpenFlags.create | OpenFlags.writeOnly)
            let chunk = program.room(1 << 18)
            var total = 0
            var result = 0
            while true {
                result = program.call(1, UInt64(descriptor), chunk, 1 << 18)
                if result <= 0 { break }
                total += result
            }
            #expect(result == -28)
            #expect(program.status("/tmp/full")?.size == UInt64(total))
            #expect(UInt64(total) <= Frames.total / 2 * pageSize)
            #expect(program.call(87, program.path("/tmp/full")) == 0)
        }

        @Test("permissions are checked for who asks")
        func permissions() {
            #expect(program.put("/tmp/mine", "secret") == 6)
            #expect(program.call(90, program.path("/tmp/mine"), 0o600) == 0)
            program.process.credentials = Credentials(user: 1000, group: 0)
            #expect(program.contents("/tmp/mine") == "error 13")
            #expect(program.call(87, program.path("/tmp/mine")) == -1)  // sticky
            #expect(program.put("/etc/x", "") == -13)
            #expect(program.call(90, program.path("/tmp/mine"), 0o777) == -1)
            #expect(program.call(21, program.path("/etc/greeting"), 2) == -13)
            #expect(program.call(21, program.path("/etc/greeting"), 4) == 0)
            #expect(program.put("/tmp/yours", "x") == 1)
            #expect(program.status("/tmp/yours")?.user == 1000)
        }
    }
}
