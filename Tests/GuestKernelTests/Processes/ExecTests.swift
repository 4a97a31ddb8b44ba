import Testing

@testable import GuestKernel

extension KernelSuite {
    @Suite(.serialized) struct ExecTests {
        /// Whoever writes the files; the kernel asks about limits.
        private let writer: TestProgram

        init() throws {
            try ProgramFixture.start()
            writer = try TestProgram()
        }

        private func text(_ space: AddressSpace, _ address: UInt64) throws -> String {
            String(decoding: try space.string(at: address, limit: 4096), as: UTF8.self)
        }

        @Test("a program finds argc, argv, the environment and the auxiliary vector where the ABI says")
        func initialStack() throws {
            try ProgramFixture.install(ExecutableBuilder().bytes, at: "/program")
            let program = try ProgramFixture.load("/program", ["one", "two"], environment: ["A=b"])
            let space = program.space
            let stack = program.stackPointer
            #expect(stack % 16 == 0)
            // 6 words before the auxiliary vector, 20 pairs and its end.
            let words = try (0..<48).map { try space.load(UInt64.self, at: stack + UInt64($0) * 8) }
            #expect(words[0] == 2)
            #expect(try text(space, words[1]) == "one")
            #expect(try text(space, words[2]) == "two")
            #expect(words[3] == 0)
            #expect(try text(space, words[4]) == "A=b")
            #expect(words[5] == 0)
            var auxiliary: [UInt64: UInt64] = [:]
            var i = 6
            while words[i] != 0 {
                auxiliary[words[i]] = words[i + 1]
                i += 2
            }
            #expect(auxiliary[3] == 0x40_0040)      // AT_PHDR
            #expect(auxiliary[5] == 2)              // AT_PHNUM
            #expect(auxiliary[9] == 0x40_1000)      // AT_ENTRY
            #expect(try text(space, try #require(auxiliary[31])) == "/program")     // AT_EXECFN
            #expect(auxiliary[25] != nil)           // AT_RANDOM
            #expect(program.entry == 0x40_1000)
        }

        @Test("what lies behind a segment's file part is zero, on its last page and after")
        func zeroedTail() throws {
            try ProgramFixture.install(ExecutableBuilder().bytes, at: "/program")
            let space = try ProgramFixture.load("/program").space
            #expect(try space.read(from: 0x40_2BFF, count: 3) == [0xCC, 0, 0])
            #expect(try space.read(from: 0x40_33FF, count: 1) == [0])
            #expect(space.area(at: 0x40_1000)?.access == [.read, .execute])
            #expect(space.area(at: 0x40_2800)?.access == [.read, .write])
        }

        @Test("a position-independent program lies elsewhere each time")
        func randomPlaces() throws {
            var builder = ExecutableBuilder()
            builder.kind = 3
            try ProgramFixture.install(builder.bytes, at: "/program")
            let first = try ProgramFixture.load("/program")
            let second = try ProgramFixture.load("/program")
            #expect(first.entry != second.entry)
            #expect(first.stackPointer != second.stackPointer)
        }

        @Test("a file cut off anywhere before the end of its segments is ENOEXEC")
        func truncated() throws {
            let whole = ExecutableBuilder().bytes
            for length in [0, 1, 3, 4, 63, 64, 100, 175, 176, 0x1000, 0x1BFF] {
                try ProgramFixture.install(Array(whole.prefix(length)), at: "/short")
                #expect(throws: Errno.notExecutable, "\(length) bytes") { try ProgramFixture.load("/short") }
            }
        }

        @Test("no number in a program header traps the kernel; what is loaded lies in the lower half")
        func hostileNumbers() throws {
            let hostile: [UInt64] = [
                0, 1, 0xFFF, 0x1000, 0x40_0000, 1 << 46, (1 << 47) - 0x1000, 1 << 47, 1 << 63, .max - 0xFFF,
                .max,
            ]
            for kind in [2, 3] as [UInt16] {
                for index in 0..<2 {
                    for field in 0..<4 {
                        for value in hostile {
                            var builder = ExecutableBuilder()
                            builder.kind = kind
                            switch field {
                            case 0: builder.segments[index].offset = value
                            case 1: builder.segments[index].address = value
                            case 2: builder.segments[index].fileBytes = value
                            default: builder.segments[index].memoryBytes = value
                            }
                            check(builder)
                        }
                    }
                }
                for value in hostile {
                    var builder = ExecutableBuilder()
                    builder.kind = kind
                    builder.entry = value
                    check(builder)
                    builder.segments.append(
                        .init(type: 3, flags: 4, offset: value, address: 0, fileBytes: 16, memoryBytes: 16))
                    check(builder)
                    builder.segments[2].offset = 0
                    builder.segments[2].fileBytes = value
                    check(builder)
                }
            }
        }

        private func check(_ builder: ExecutableBuilder) {
            do {
                try ProgramFixture.install(builder.bytes, at: "/hostile")
                let program = try ProgramFixture.load("/hostile")
                #expect(program.entry < 1 << 47)
                var last: UInt64 = 0
                for area in program.space.areas {
                    #expect(area.start >= last && area.start < area.end && area.end <= AddressSpace.top)
                    last = area.end
                }
            } catch {
                #expect(error is Errno)
            }
        }

        @Test("random damage to the headers is refused or loaded, never a trap: 1,000 times")
        func damaged() throws {
            var state: UInt64 = 0x9E37_79B9_7F4A_7C15      // the seed
            func next() -> UInt64 {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return state
            }
            for _ in 0..<1000 {
                var bytes = ExecutableBuilder().bytes
                for _ in 0..<(1 + next() % 6) { bytes[Int(next() % 176)] = UInt8(truncatingIfNeeded: next()) }
                try ProgramFixture.install(bytes, at: "/damaged")
                do { _ = try ProgramFixture.load("/damaged") } catch { #expect(error is Errno) }
            }
        }

        @Test("a 32-bit program is ENOEXEC; a directory and a file without x are EACCES; nothing is ENOENT")
        func refused() throws {
            var narrow = ExecutableBuilder().bytes
            narrow[4] = 1
            try ProgramFixture.install(narrow, at: "/narrow")
            #expect(throws: Errno.notExecutable) { try ProgramFixture.load("/narrow") }
            #expect(throws: Errno.accessDenied) { try ProgramFixture.load("/tmp") }
            try ProgramFixture.install(ExecutableBuilder().bytes, at: "/plain", mode: 0o644)
            #expect(throws: Errno.accessDenied) { try ProgramFixture.load("/plain") }
            #expect(throws: Errno.noSuchFile) { try ProgramFixture.load("/nothing") }
            try ProgramFixture.install([UInt8]("just text\n".utf8), at: "/text")
            #expect(throws: Errno.notExecutable) { try ProgramFixture.load("/text") }
        }

        @Test("a script's interpreter gets its one argument, the script and the rest of argv")
        func script() throws {
            try ProgramFixture.install(ExecutableBuilder().bytes, at: "/program")
            try ProgramFixture.install([UInt8]("#! /program  -x  y \nrest\n".utf8), at: "/script")
            let program = try ProgramFixture.load("/script", ["zero", "first"])
            let stack = program.stackPointer
            #expect(try program.space.load(UInt64.self, at: stack) == 4)
            let arguments = try (1...4).map {
                try text(program.space, try program.space.load(UInt64.self, at: stack + UInt64($0) * 8))
            }
            #expect(arguments == ["/program", "-x  y", "/script", "first"])
            #expect(String(decoding: program.name, as: UTF8.self) == "script")
        }

        @Test("a script without an interpreter, with too long a line, or that is its own, is refused")
        func badScripts() throws {
            try ProgramFixture.install([UInt8]("#!\n".utf8), at: "/empty")
            #expect(throws: Errno.notExecutable) { try ProgramFixture.load("/empty") }
            try ProgramFixture.install([UInt8]("#!/".utf8) + Array(repeating: 0x61, count: 400), at: "/long")
            #expect(throws: Errno.notExecutable) { try ProgramFixture.load("/long") }
            try ProgramFixture.install([UInt8]("#!/gone\n".utf8), at: "/orphan")
            #expect(throws: Errno.noSuchFile) { try ProgramFixture.load("/orphan") }
            try ProgramFixture.install([UInt8]("#!/self\n".utf8), at: "/self")
            #expect(throws: Errno.tooManySymbolicLinks) { try ProgramFixture.load("/self") }
        }

        @Test("arguments: 128 KiB a string and 2 MiB in all, E2BIG beyond")
        func argumentLimits() throws {
            try ProgramFixture.install(ExecutableBuilder().bytes, at: "/program")
            let longest = String(repeating: "a", count: 131_071)
            _ = try ProgramFixture.load("/program", [longest])
            #expect(throws: Errno.argumentListTooLong) {
                try ProgramFixture.load("/program", [longest + "a"])
            }
            _ = try ProgramFixture.load("/program", Array(repeating: longest, count: 15))
            #expect(throws: Errno.argumentListTooLong) {
                try ProgramFixture.load("/program", Array(repeating: longest, count: 17))
            }
        }
    }
}
