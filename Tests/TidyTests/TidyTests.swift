import Foundation
import Testing

/// What a reviewer would otherwise have to look for in every change.
struct TidyTests {
    let tree: SourceTree

    init() throws { tree = try SourceTree.read.get() }

    /// The first of several failures are enough to act on.
    private func report(_ violations: [String]) -> Comment {
        Comment(rawValue: "\(violations.count):\n" + violations.prefix(30).joined(separator: "\n"))
    }

    /// A comment may be as wide as the documents in docs/ are.
    @Test("code has at most 110 columns, comments have at most 126")
    func columns() {
        var violations: [String] = []
        for file in tree.files {
            for (index, line) in file.lines.enumerated() where !line.contains("https://") {
                let isComment = line.trimmingPrefix(while: \.isWhitespace).hasPrefix("//")
                if line.count > (isComment ? 126 : 110), line.count > 126 || file.code[index].count > 110 {
                    violations.append("\(file.location(index)): \(line.count) columns")
                }
            }
        }
        #expect(violations.isEmpty, report(violations))
    }

    @Test("functions have at most 70 lines")
    func functionLength() {
        var violations: [String] = []
        for file in tree.files {
            for function in SwiftCode.functions(in: file.code) where function.lines > 70 {
                let place = file.location(function.start)
                violations.append("\(place): \(function.name) has \(function.lines) lines")
            }
        }
        #expect(violations.isEmpty, report(violations))
    }

    @Test("files have at most 500 lines")
    func fileLength() {
        let violations = tree.files.filter { $0.lines.count > 501 }
            .map { "\($0.path): \($0.lines.count - 1) lines" }
        #expect(violations.isEmpty, report(violations))
    }

    @Test("every target imports only what the design's table allows it")
    func imports() {
        var violations: [String] = []
        for file in tree.files where file.isSource {
            guard let allowed = ImportTable.allowed[file.target] else {
                violations.append("\(file.path): target \(file.target) is not in ImportTable")
                continue
            }
            for (index, line) in file.code.enumerated() {
                let match = line.firstMatch(of: #/^\s*(?:\S+\s+)*?import\s+(?:\w+\s+)??(\w+)\s*$/#)
                if let match, !allowed.contains(String(match.1)) {
                    violations.append("\(file.location(index)): \(file.target) may not import \(match.1)")
                }
            }
        }
        #expect(violations.isEmpty, report(violations))
    }

    @Test("what the compiler cannot check says why it is safe: SAFETY in a comment near it")
    func safetyComments() {
        let always = #/@unchecked Sendable|nonisolated\(unsafe\)|unsafeBitCast|unsafeDowncast/#
        // The tiny kernel is made of raw addresses; there only the promises about sharing are held to this.
        let onHost = #/assumingMemoryBound|bindMemory/#
        var violations: [String] = []
        for file in tree.files where file.isSource {
            for (index, line) in file.code.enumerated() {
                let isUnsafe =
                    line.contains(always) || (file.target != "GuestKernel" && line.contains(onHost))
                guard isUnsafe else { continue }
                // One comment may speak for a group of declarations, or stand first inside the type.
                let near = file.lines[max(0, index - 30)..<min(file.lines.count, index + 5)]
                if !near.contains(where: { $0.contains("SAFETY") }) {
                    violations.append("\(file.location(index)): \(line.trimmingCharacters(in: .whitespaces))")
                }
            }
        }
        #expect(violations.isEmpty, report(violations))
    }

    /// In the guest kernel a forced unwrap is a panic of the guest, which hurts its own job only; on the host nothing that
    /// a guest or a user can influence may be one. `baseAddress!` of a buffer with elements is the usual, harmless one.
    @Test("nothing on the host is forced: no try!, no as!, no unwrapping with !")
    func forces() {
        let forced = #/\btry!|\bas!|[\w\])]!(?:[.,;:)\]\s\[(]|$)/#
        var violations: [String] = []
        for file in tree.files where file.isSource && file.target != "GuestKernel" {
            for (index, line) in file.code.enumerated() {
                let code = line.replacing("baseAddress!", with: "baseAddress")
                guard code.contains(forced) else { continue }
                violations.append("\(file.location(index)): \(line.trimmingCharacters(in: .whitespaces))")
            }
        }
        #expect(violations.isEmpty, report(violations))
    }

    /// `+`, `-` and `*` trap, and so do conversions and indices: right for the kernel's own numbers, a panic for a program's.
    /// What the compiler cannot tell apart is held to where such a number is nearest: a register of a system call. And
    /// nothing is taken from another object's state, which may have changed since it was read.
    @Test("the guest kernel calculates with a program's registers only where BOUNDED says what bounds them")
    func boundedRegisters() {
        let operand = #/arguments\.[a-f] [-+*]=? |[^&][-+*]=? \(?arguments\.[a-f]\b/#
        let converted = #/\bU?Int(?:8|16|32|64)?\(arguments\.[a-f]\)|\[arguments\.[a-f]\]/#
        let taken = #/(?:^|[^.\w])[a-z]\w*[?!]?(?:\.\w+)+ -= /#
        var violations: [String] = []
        for file in tree.files where file.isSource && file.target == "GuestKernel" {
            for (index, line) in file.code.enumerated() {
                let isCalculated = line.contains(operand) || line.contains(converted)
                guard isCalculated || line.contains(taken) else { continue }
                let near = file.lines[max(0, index - 12)...index]
                if !near.contains(where: { $0.contains("BOUNDED") }) {
                    violations.append("\(file.location(index)): \(line.trimmingCharacters(in: .whitespaces))")
                }
            }
        }
        #expect(violations.isEmpty, report(violations))
    }

    @Test("HOSTILE 30: what sees a user's words has no trap within their reach, no unbounded recursion, no narrowed length")
    func userWords() {
        var violations: [String] = []
        for file in tree.files where file.isSource && UserWords.targets.contains(file.target) {
            let traps = file.code.indices.filter { file.code[$0].contains(UserWords.trap) }
            let allowed = UserWords.traps[file.path]?.count ?? 0
            if traps.count != allowed {
                violations += traps.map { "\(file.location($0)): a trap; \(allowed) are allowed in this file" }
                if traps.isEmpty { violations.append("\(file.path): has no trap any more; UserWords says \(allowed)") }
            }
            for (index, line) in file.code.enumerated() where line.contains(UserWords.narrowing) {
                violations.append("\(file.location(index)): a length forced into fewer bits")
            }
            let cycles = UserWords.cycles(in: file.code)
            if !cycles.isEmpty, UserWords.recursions[file.path] == nil {
                violations.append("\(file.path): \(cycles.joined(separator: ", ")) can come back to itself")
            }
        }
        #expect(violations.isEmpty, report(violations))
    }

    @Test("the rule about recursion finds a function that calls itself, and two that call each other")
    func recursion() {
        let code = [
            "func a(_ n: Int) {", "  if n > 0 { a(n - 1) }", "}", "func b() { self.c() }", "func c() {", "  b()", "}",
            "func d() { other.d() }", "func e() { a(1) }",
        ]
        #expect(UserWords.cycles(in: code) == ["a", "b", "c"])
    }

    @Test("nothing unfinished is called done: no TODO, no FIXME")
    func unfinished() {
        var violations: [String] = []
        for file in tree.files where file.isSource {
            for (index, line) in file.lines.enumerated() where line.contains(#/\b(TODO|FIXME|XXX)\b/#) {
                violations.append("\(file.location(index)): \(line.trimmingCharacters(in: .whitespaces))")
            }
        }
        #expect(violations.isEmpty, report(violations))
    }

    /// Tests/hostile-table finds each test by the number in its name and writes docs/hostile.md from that.
    @Test("everything Tests/hostile-items names has a test that says so, and docs/hostile.md is their current table")
    func hostileTable() throws {
        let script = Process()
        let output = Pipe()
        script.executableURL = tree.root.appendingPathComponent("Tests/hostile-table")
        script.arguments = ["--check"]
        script.standardOutput = output
        try script.run()
        let problems = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        script.waitUntilExit()
        #expect(script.terminationStatus == 0, Comment(rawValue: problems))
    }

    @Test("the licence is there")
    func licence() throws {
        let text = try String(contentsOf: tree.root.appendingPathComponent("LICENSE"), encoding: .utf8)
        #expect(text.contains("Apache License"))
    }

    @Test("the reading behind these tests tells code from comments, strings and nested functions")
    func reading() {
        let code = SwiftCode.stripped([
            #"func a() { // {"#, #"  let s = "}\(b("{"))" /* { */"#, "  func b() {", "  }", "}",
            "protocol P { func c() }",
        ])
        #expect(code[1].contains("{") == false)
        let functions = SwiftCode.functions(in: code)
        #expect(functions.first { $0.name == "func a" }?.lines == 5)
        #expect(functions.first { $0.name == "func b" }?.lines == 2)
    }
}
