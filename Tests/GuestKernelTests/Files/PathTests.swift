import Testing

@testable import GuestKernel

extension KernelSuite {
    /// Path resolution and descriptors, on an empty tree.
    @Suite struct PathTests {
        let program: TestProgram

        init() throws {
            FakeMachine.start()
            try FileSystem.startEmpty()
            program = try TestProgram()
            #expect(program.call(83, program.path("/d"), 0o755) == 0)
            #expect(program.put("/d/f", "text") == 4)
        }

        @Test("dots, slashes and the root's parent")
        func dots() {
            for path in ["/d/f", "//d//f", "/d/./f", "/../d/f", "/d/../d/f", "/./d/../../d/f"] {
                #expect(program.contents(path) == "text")
            }
            #expect(program.contents("/d/f/") == "error 20")
            #expect(program.contents("/d/f/x") == "error 20")
            #expect(program.contents("") == "error 2")
            #expect(program.contents("/nowhere/f") == "error 2")
            #expect(program.contents("/" + String(repeating: "n", count: 256)) == "error 36")
            #expect(program.contents("/" + String(repeating: "n/", count: 2100)) == "error 36")
            #expect(program.call(83, program.path("/new/"), 0o755) == 0)
            #expect(program.call(83, program.path("/new/."), 0o755) == -17)
            #expect(program.call(84, program.path("/new/.")) == -22)
            #expect(program.call(84, program.path("/new/..")) == -39)
            #expect(program.call(84, program.path("/")) == -16)
            #expect(program.call(84, program.path("/new/")) == 0)
        }

        @Test("symbolic links: followed, relative, dangling, circular, not followed where asked")
        func links() {
            func link(_ target: String, _ path: String) -> Int {
                program.call(88, program.path(target), program.path(path))
            }
            #expect(link("f", "/d/l") == 0)
            #expect(link("/d", "/dl") == 0)
            #expect(link("loop", "/loop") == 0)
            #expect(link("/d/later", "/dangling") == 0)
            #expect(program.contents("/dl/l") == "text")
            #expect(program.contents("/loop") == "error 40")
            #expect(program.open("/d/l", OpenFlags.noFollow) == -40)
            #expect(program.put("/dangling", "made") == 4)
            #expect(program.contents("/d/later") == "made")
            #expect(program.open("/dl", OpenFlags.create | OpenFlags.exclusive) == -17)
            let buffer = program.room(64)
            #expect(program.call(89, program.path("/dl"), buffer, 64) == 2)
            #expect(text(program.bytes(buffer, 2)) == "/d")
            #expect(program.call(89, program.path("/d/f"), buffer, 64) == -22)
            #expect(program.status("/dl", follow: false)!.mode == 0o120777)
            #expect(program.status("/dl/", follow: false)!.mode == 0o40755)
            #expect(program.call(87, program.path("/dl")) == 0)
            #expect(program.contents("/d/f") == "text")
        }

        @Test("paths relative to a directory's descriptor, and AT_EMPTY_PATH")
        func relative() {
            let directory = UInt64(program.open("/d", OpenFlags.directory))
            let buffer = program.room(256)
            #expect(program.call(257, directory, program.path("f")) >= 0)
            #expect(program.call(262, directory, program.path("f"), buffer, 0) == 0)
            #expect(program.value(buffer + 48, UInt64.self) == 4)
            #expect(program.call(262, directory, program.path(""), buffer, 0x1000) == 0)
            #expect(program.value(buffer + 24, UInt32.self) == 0o40755)
            #expect(program.call(262, directory, program.path(""), buffer, 0) == -2)
            #expect(program.call(332, directory, program.path("f"), 0, 0x7FF, buffer) == 0)
            #expect(program.value(buffer + 40, UInt64.self) == 4)
            let file = UInt64(program.open("/d/f"))
            #expect(program.call(257, file, program.path("f")) == -20)
            #expect(program.call(257, 99, program.path("f")) == -9)
            #expect(program.call(81, directory) == 0)
            #expect(program.contents("f") == "text")
            #expect(program.call(79, buffer, 64) == 3)
            #expect(text(program.bytes(buffer, 2)) == "/d")
            #expect(program.call(79, buffer, 2) == -34)
        }

        @Test("a removed working directory has no path and takes no files, and chroot confines")
        func directories() {
            #expect(program.call(83, program.path("/gone"), 0o755) == 0)
            #expect(program.call(80, program.path("/gone")) == 0)
            #expect(program.call(84, program.path("/gone")) == 0)
            #expect(program.call(79, program.room(64), 64) == -2)
            #expect(program.put("x", "") == -2)
            #expect(program.contents("../d/f") == "text")
            #expect(program.call(161, program.path("/d")) == 0)
            #expect(program.call(80, program.path("/")) == 0)
            #expect(program.contents("/../../f") == "text")
            #expect(program.contents("/d/f") == "error 2")
        }

        @Test(
            "descriptors: the lowest is taken, duplicates share the position, close-on-exec is the descriptor's own"
        )
        func descriptors() {
            let first = program.open("/d/f")
            let second = program.open("/d/f")
            #expect(first == 0 && second == 1)
            let third = program.call(32, UInt64(first))
            #expect(third == 2)
            #expect(program.read(first, 2) == "te")
            #expect(program.read(third, 2) == "xt")
            #expect(program.read(second, 4) == "text")
            program.close(0)
            #expect(program.open("/d/f") == 0)
            #expect(program.call(33, 1, 500) == 500)
            #expect(program.call(33, 1, 1) == 1)
            #expect(program.call(292, 1, 1, 0) == -22)
            #expect(program.call(33, 77, 1) == -9)
            #expect(program.call(72, 1, 1030, 10) == 10)
            #expect(program.call(72, 10, 1) == 1)
            #expect(program.call(72, 1, 1) == 0)
            program.process.files.closeOnExec()
            #expect(program.call(3, 10) == -9)
            #expect(program.call(436, 1, 1000, 0) == 0)
            #expect(program.call(3, 500) == -9)
            program.process.limits.soft[7] = 3
            #expect(program.open("/d/f") == 1)
            #expect(program.open("/d/f") == 2)
            #expect(program.open("/d/f") == -24)
            #expect(program.call(33, 0, 3) == -9)
        }

        @Test("O_APPEND writes at the end, pwrite elsewhere, and read-only descriptors refuse")
        func writing() {
            let file = program.open("/d/f", OpenFlags.readWrite | OpenFlags.append)
            #expect(program.write(file, "+more") == 5)
            #expect(program.contents("/d/f") == "text+more")
            let reader = program.open("/d/f")
            #expect(program.write(reader, "x") == -9)
            let writer = program.open("/d/f", OpenFlags.writeOnly)
            #expect(program.read(writer) == "error 9")
            #expect(program.call(18, UInt64(writer), program.place([65]), 1, 0) == 1)
            #expect(program.contents("/d/f") == "Aext+more")
            #expect(program.call(18, UInt64(writer), program.place([65]), 1, UInt64.max) == -22)
            #expect(program.call(1, UInt64(writer), 0x7000_0000_0000, 10) == -14)
            #expect(program.call(1, UInt64(writer), UInt64.max - 5, 10) == -14)
        }

        @Test("readv and writev gather and scatter; a bad vector is refused")
        func vectors() {
            let (a, b) = (program.place(Array("one ".utf8)), program.place(Array("two".utf8)))
            var vector: [UInt8] = []
            for value in [a, 4, 0, 0, b, 3] as [UInt64] { withUnsafeBytes(of: value) { vector += Array($0) } }
            let file = program.open("/d/v", OpenFlags.create | OpenFlags.readWrite)
            #expect(program.call(20, UInt64(file), program.place(vector), 3) == 7)
            #expect(program.contents("/d/v") == "one two")
            #expect(program.call(20, UInt64(file), program.place(vector), 1025) == -22)
            let buffer = program.room(8)
            var target: [UInt8] = []
            for value in [buffer, 3, buffer + 3, 5] as [UInt64] {
                withUnsafeBytes(of: value) { target += Array($0) }
            }
            #expect(program.call(295, UInt64(file), program.place(target), 2, 2) == 5)
            #expect(text(program.bytes(buffer, 5)) == "e two")
        }

        @Test("times, owners and modes are kept; O_TMPFILE gets a name by linkat")
        func attributes() {
            var times: [UInt8] = []
            for value in [1_000, 5, 2_000, 0x3FFF_FFFE] as [Int64] {
                withUnsafeBytes(of: value) { times += Array($0) }
            }
            let before = program.room(144)
            program.call(4, program.path("/d/f"), before)
            #expect(
                program.call(280, TestProgram.workingDirectory, program.path("/d/f"), program.place(times), 0)
                    == 0)
            let after = program.room(144)
            program.call(4, program.path("/d/f"), after)
            #expect(
                program.value(after + 72, UInt64.self) == 1000 && program.value(after + 80, UInt64.self) == 5)
            #expect(program.value(after + 88, UInt64.self) == program.value(before + 88, UInt64.self))
            #expect(program.call(90, program.path("/d/f"), 0o4755) == 0)
            #expect(program.call(92, program.path("/d/f"), 5, UInt64(UInt32.max)) == 0)
            #expect(program.status("/d/f")!.mode == 0o100755)
            #expect(program.status("/d/f")!.user == 5)
            #expect(program.call(95, 0o077) == 0o022)
            let file = program.open("/d", 0o20200002, mode: 0o666)
            #expect(program.write(file, "unnamed") == 7)
            let name = program.path("/proc/self/fd/\(file)")
            let at = TestProgram.workingDirectory
            #expect(program.call(265, at, name, at, program.path("/d/named"), 0x400) == 0)
            #expect(program.contents("/d/named") == "unnamed")
            #expect(program.status("/d/named")!.mode == 0o100600)
        }

        @Test("extended attributes: none are there at first, and /proc takes none")
        func extendedAttributes() {
            #expect(program.call(191, program.path("/d/f"), program.path("user.x"), 0, 0) == -61)
            #expect(program.call(188, program.path("/proc"), program.path("user.x"), 0, 0, 0) == -95)
            #expect(program.call(194, program.path("/d/f"), 0, 0) == 0)
            #expect(program.call(191, program.path("/d/none"), program.path("user.x"), 0, 0) == -2)
        }
    }
}
