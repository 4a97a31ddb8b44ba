import Testing

@testable import SwiftletCLI

private func words(_ texts: String...) -> CommandLineWords {
    CommandLineWords(texts.map { Array($0.utf8) })
}

private func parse(_ texts: String...) throws(UsageError) -> (options: RunOptions, rest: [String]) {
    var options = RunOptions()
    let index = try RunOptions.table.parse(texts, into: &options)
    return (options, Array(texts[index...]))
}

@Suite struct OptionTests {
    @Test("options end at the command, and what follows is the command's own")
    func endOfOptions() throws {
        let (options, rest) = try parse("-i", "--json", "echo", "-n", "--json", "-x")
        #expect(options.passesInput && options.printsJSON)
        #expect(rest == ["echo", "-n", "--json", "-x"])
    }

    @Test("-- ends options too, and a command may begin with a dash behind it")
    func doubleDash() throws {
        #expect(try parse("-q", "--", "-weird").rest == ["-weird"])
    }

    @Test(
        "a slip of the finger gets the nearest name, and a habit of docker's an answer",
        arguments: [
            ("--imgae", "(did you mean --image?)"), ("--memory-limit", "(did you mean --memory?)"),
            ("--tiemout", "(did you mean --timeout?)"), ("-d", "in the foreground"),
            ("--rm", "nothing to remove"),
        ])
    func hints(word: String, hint: String) {
        let error = #expect(throws: UsageError.self) { try parse(word, "x") }
        #expect(error?.description.hasPrefix("unknown option \(word)") == true)
        #expect(error?.description.hasSuffix(hint) == true || error?.description.contains(hint) == true)
    }

    @Test("a word of a megabyte is an unknown option like any other")
    func longWord() {
        let word = "--" + String(repeating: "a", count: 1 << 20)
        #expect(throws: UsageError.self) { try parse(word) }
    }

    @Test("options and operands of a batch come in any order, and behind -- are operands only")
    func permuted() throws {
        var options = BatchOptions()
        let words = ["-j", "2", "jobs", "-o", "results", "--", "-x"]
        let operands = try BatchOptions.table.parsePermuted(words, into: &options)
        #expect(operands.map { words[$0] } == ["jobs", "-x"])
        #expect(options.outputPath == "results" && options.parallelJobs == 2)
    }

    @Test(
        "a duration may have a fraction",
        arguments: [
            ("1.5s", 1_500_000_000), ("0.25", 250_000_000), (".5", nil), ("1.s", nil), ("1.5.5s", nil),
            ("2.5m", 150_000_000_000),
            ("0.1234567891234ms", 123_456),
        ] as [(String, UInt64?)])
    func fractions(text: String, nanoseconds: UInt64?) {
        #expect((try? Quantities.nanoseconds(text)) == nanoseconds)
    }

    @Test(
        "a value may be attached, follow, or be given with =",
        arguments: [
            ["-m64M", "x"], ["-m", "64M", "x"], ["-m=64M", "x"], ["--memory=64M", "x"],
            ["--memory", "64M", "x"],
            ["-iqm64M", "x"],
        ])
    func valueForms(texts: [String]) throws {
        var options = RunOptions()
        let index = try RunOptions.table.parse(texts, into: &options)
        #expect(options.memoryBytes == 64 << 20)
        #expect(texts[index...] == ["x"])
    }

    @Test("an unknown option is named, with the nearest known one")
    func unknown() {
        #expect(throws: UsageError("unknown option --memroy (did you mean --memory?)")) {
            try parse("--memroy", "1")
        }
        #expect(throws: UsageError("unknown option -Z")) { try parse("-Z") }
    }

    @Test(
        "HOSTILE 22: 0 processors are refused, and so is what is no number or more than 64",
        arguments: ["0", "-1", "65", "4294967297", "99999999999999999999", "two", ""])
    func badProcessors(text: String) {
        let error = #expect(throws: UsageError.self) { try parse("--cpus", text, "x") }
        #expect(error?.description.hasPrefix("--cpus: ") == true)
        #expect(throws: UsageError.self) { try parse("-c" + text, "x") }
    }

    @Test("several processors are for a Linux kernel: the kernel tiny has one, and says so")
    func processors() throws {
        #expect(try parse("-c", "4", "--kernel", "linux", "x").options.processors == 4)
        try parse("-c", "4", "--kernel", "linux", "x").options.checkTogether()
        try parse("-c", "1", "x").options.checkTogether()
        #expect(throws: UsageError(RunOptions.oneProcessor)) { try parse("-c", "2", "x").options.checkTogether() }
    }

    @Test("--kernel names ours, a stored kernel or, with a slash, a file; --initramfs may be repeated")
    func kernels() throws {
        #expect(try parse("x").options.kernel == .tiny)
        #expect(try parse("--kernel", "tiny", "x").options.kernel == .tiny)
        #expect(try parse("--kernel", "debian", "x").options.kernel == .named("debian"))
        #expect(try parse("--kernel", "./vmlinux", "x").options.kernel == .file("./vmlinux"))
        #expect(throws: UsageError("--kernel: the value is empty")) { try parse("--kernel", "", "x") }
        #expect(try parse("--initramfs", "a", "--initramfs", "b", "x").options.initramfs == ["a", "b"])
    }

    @Test("what a Linux kernel does not serve is refused by the option's name, and nothing else is")
    func linuxMisfits() throws {
        func misfit(_ texts: String...) throws -> String? {
            var options = RunOptions()
            var given: Set<String> = []
            _ = try RunOptions.table.parse(texts, into: &options, given: { given.insert($0) })
            return LinuxKernel.misfit(options, given: given)
        }
        #expect(try misfit("-m", "1G", "--disk", "1G", "-c", "2", "--pool", "--root-transport", "block", "-t", "x") == nil)
        #expect(try misfit("--root-transport", "pmem", "x")?.hasPrefix("--root-transport pmem: ") == true)
    }

    @Test("a host that interprets ring 0 is refused with that sentence, one that runs it is not")
    func linuxRefusals() {
        #expect(LinuxKernel.refusal(.ended(.native)) == nil)
        #expect(LinuxKernel.refusal(.ended(.interpreted))?.contains("ring-deprivileged") == true)
        #expect(LinuxKernel.refusal(.failed("no KVM")) == "no KVM")
    }

    @Test(
        "HOSTILE 22: sizes that are none are refused with the option's name",
        arguments: [
            "0", "1", "4095", "1K", "banana", "-1", "-5M", "1e9", "99999999999999999999", "16E", "8388608T",
            "",
        ])
    func badMemory(text: String) {
        let error = #expect(throws: UsageError.self) { try parse("-m", text, "x") }
        #expect(error?.description.contains("--memory") == true)
    }

    @Test(
        "durations that are none are refused with the option's name",
        arguments: ["banana", "-1s", "1x", "", "0"])
    func badTimeout(text: String) {
        let error = #expect(throws: UsageError.self) { try parse("--timeout", text, "x") }
        #expect(error?.description.contains("--timeout") == true)
    }

    @Test("units mean what docker and timeout mean by them")
    func units() throws {
        #expect(try Quantities.bytes("3K") == 3072)
        #expect(try Quantities.bytes("1GiB") == 1 << 30)
        #expect(try Quantities.nanoseconds("500ms") == 500_000_000)
        #expect(try Quantities.nanoseconds("2m") == 120_000_000_000)
        #expect(try Quantities.nanoseconds("7") == 7_000_000_000)
    }

    @Test("HOSTILE 22: memory is rounded up to the pages of 2 MiB that the guest maps")
    func roundedMemory() throws {
        #expect(try parse("-m", "17M", "x").options.memoryBytes == 18 << 20)
    }

    @Test("an option's value that is no UTF-8 is refused, the command's words may be any bytes")
    func bytes() throws {
        let bad: [UInt8] = [0x63, 0xe9]
        let command = CommandLineWords([Array("echo".utf8), bad])
        #expect(throws: Never.self) { try RunCommand(command, begun: 0) }
        let option = CommandLineWords([Array("--in".utf8), bad, Array("true".utf8)])
        #expect(throws: UsageError("run: --in: the value is not valid UTF-8")) {
            try RunCommand(option, begun: 0)
        }
    }

    @Test("no command is a usage error")
    func noCommand() {
        #expect(throws: UsageError.self) { try RunCommand(words("-i"), begun: 0) }
    }

    @Test(
        "the job's environment is what -e says over a fixed start, and a bare name passes the caller's value")
    func environment() {
        let variables = RunCommand.environment(["A=1=2", "HOME=/x", "PASSED", "ABSENT"]) {
            $0 == "PASSED" ? "yes" : nil
        }
        let texts = variables.map { String(decoding: $0, as: UTF8.self) }
        #expect(texts.dropFirst() == ["A=1=2", "HOME=/x", "PASSED=yes"])
        #expect(texts[0].hasPrefix("PATH="))
    }
}

@Suite struct PathPairTests {
    @Test("--in without a destination goes into the working directory under its own name")
    func inputDefault() throws {
        let pair = try PathPair.input("dir/solve.py", workingDirectory: "/job")
        #expect(pair.host == "dir/solve.py" && pair.guest == "/job/solve.py")
    }

    @Test("the last colon splits, so a name with a colon needs its destination written out")
    func lastColon() throws {
        let pair = try PathPair.input("a:b.txt:/x/b", workingDirectory: "/job")
        #expect(pair.host == "a:b.txt" && pair.guest == "/x/b")
    }

    @Test("a destination with a slash at its end is a directory to put the file into")
    func intoDirectory() throws {
        #expect(try PathPair.input("a/b:c/", workingDirectory: "/w").guest == "/w/c/b")
        #expect(try PathPair.output("/job/r:out", workingDirectory: "/") { $0 == "out" }.host == "out/r")
    }

    @Test("--out without a host path comes to the current directory under its own name")
    func outputDefault() throws {
        let pair = try PathPair.output("results/r.json", workingDirectory: "/job") { _ in false }
        #expect(pair.guest == "/job/results/r.json" && pair.host == "r.json")
    }

    @Test(
        "a missing part or a path without a name is refused",
        arguments: ["", ":", "a:", ":b", "/", "..", "x/.."])
    func refused(text: String) {
        #expect(throws: UsageError.self) { try PathPair.input(text, workingDirectory: "/job") }
    }
}

@Suite struct TerminalTests {
    @Test("HOSTILE 31: nothing that is said moves a terminal's cursor, whoever's words are in it")
    func visible() {
        #expect(Terminal.visible("a\u{1b}[2Jb\u{7}\u{9b}c\r") == "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}")
        #expect(Terminal.visible("two\nlines\tof ours é") == "two\nlines\tof ours é")
    }
}

@Suite struct JSONWriterTests {
    @Test("objects, arrays and values are separated as RFC 8259 wants")
    func shape() {
        var json = JSONWriter()
        json.object {
            $0.number("a", 1)
            $0.array("b") { list in
                list.number(-2)
                list.object { $0.string("c", nil) }
                list.boolean(true)
            }
            $0.object("d") { _ in }
            $0.number("e", nil as UInt64?)
        }
        #expect(json.text == #"{"a":1,"b":[-2,{"c":null},true],"d":{},"e":null}"#)
    }

    @Test("quotes, backslashes and control characters are escaped, invalid UTF-8 becomes U+FFFD")
    func strings() {
        var json = JSONWriter()
        json.string(Array("a\"b\\c\n\u{1}".utf8) + [0xff])
        #expect(json.text == "\"a\\\"b\\\\c\\n\\u0001\u{fffd}\"")
    }

    /// Bytes of every kind: mostly long pieces of one kind, so that the pieces' ends fall into all of them.
    private func randomBytes(_ random: inout some RandomNumberGenerator) -> [UInt8] {
        let kinds: [[UInt8]] = [
            [0], Array("a\"\\\n\u{7f}é€😀".utf8), [0xff], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0x80], [65],
        ]
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let kind = kinds[Int.random(in: 0..<kinds.count, using: &random)]
            for _ in 0..<Int.random(in: 0...20_000, using: &random) { bytes += kind }
        }
        return bytes
    }

    @Test("HOSTILE 31: any bytes are read again as what String makes of them, and are said to be exact only if they are")
    func anyBytes() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<30 {
            let bytes = randomBytes(&random)
            var json = JSONWriter()
            let isExact = json.string(bytes)
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(try JSONReader.value(of: json.bytes) == .string(text), "\(bytes.count) bytes")
            #expect(isExact == text.utf8.elementsEqual(bytes))
            #expect(!json.bytes.contains { $0 < 0x20 })
        }
    }

    @Test("HOSTILE 31: a sink gets the same bytes in pieces, and no more than a piece is held")
    func sink() {
        var random = SystemRandomNumberGenerator()
        let bytes = [UInt8](repeating: 0, count: 300_000) + randomBytes(&random) + [0xff]
        var whole = JSONWriter()
        whole.object {
            $0.key("text")
            $0.string(bytes)
            $0.key("base64")
            $0.base64(bytes)
        }
        var pieces: [[UInt8]] = []
        var piecewise = JSONWriter { pieces.append($0) }
        piecewise.object {
            $0.key("text")
            $0.string(bytes)
            $0.key("base64")
            $0.base64(bytes)
        }
        piecewise.finish()
        #expect(Array(pieces.joined()) == whole.bytes)
        #expect(piecewise.bytes.isEmpty && pieces.allSatisfy { $0.count < 700_000 })
    }

    @Test(
        "base64 is as RFC 4648 §10 has it",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func base64(bytes: String, text: String) {
        #expect(String(decoding: Base64.encoded(Array(bytes.utf8)), as: UTF8.self) == text)
    }
}
