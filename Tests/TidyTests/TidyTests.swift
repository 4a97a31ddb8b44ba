import Foundation
import Testing

/// What a reviewer would otherwise have to look for in every change (shared/STYLE.md §4 and §7).
struct TidyTests {
    let tree: SourceTree

    init() throws { tree = try SourceTree() }

    /// The first of several failures are enough to act on.
    private func report(_ violations: [String]) -> Comment {
        Comment(rawValue: "\(violations.count):\n" + violations.prefix(30).joined(separator: "\n"))
    }

    @Test("lines have at most 110 columns")
    func columns() {
        var violations: [String] = []
        for file in tree.files {
            for (index, line) in file.lines.enumerated() where line.count > 110 && !line.contains("https://") {
                violations.append("\(file.location(index)): \(line.count) columns")
            }
        }
        #expect(violations.isEmpty, report(violations))
    }

    @Test("functions have at most 70 lines")
    func functionLength() {
        var violations: [String] = []
        for file in tree.files {
            for function in SwiftCode.functions(in: file.code) where function.lines > 70 {
                violations.append("\(file.location(function.start)): \(function.name) has \(function.lines) lines")
            }
        }
        #expect(violations.isEmpty, report(violations))
    }

    @Test("files have at most 500 lines")
    func fileLength() {
        let violations = tree.files.filter { $0.lines.count > 501 }.map { "\($0.path): \($0.lines.count - 1) lines" }
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
                guard let match = line.firstMatch(of: #/^\s*(?:\S+\s+)*?import\s+(?:\w+\s+)??(\w+)\s*$/#) else { continue }
                if !allowed.contains(String(match.1)) {
                    violations.append("\(file.location(index)): \(file.target) may not import \(match.1)")
                }
            }
        }
        #expect(violations.isEmpty, report(violations))
    }

    @Test("what the compiler cannot check says why it is safe: a SAFETY comment in the lines above")
    func safetyComments() {
        let always = #/@unchecked Sendable|nonisolated\(unsafe\)|unsafeBitCast|unsafeDowncast/#
        // The tiny kernel is made of raw addresses; there only the promises about sharing are held to this.
        let onHost = #/assumingMemoryBound|bindMemory|Unmanaged|Pointer\(bitPattern:/#
        var violations: [String] = []
        for file in tree.files where file.isSource {
            for (index, line) in file.code.enumerated() {
                let isUnsafe =
                    line.contains(always) || (file.target != "GuestKernel" && line.contains(onHost))
                guard isUnsafe else { continue }
                let above = file.lines[max(0, index - 8)...index]
                if !above.contains(where: { $0.contains("SAFETY:") }) {
                    violations.append("\(file.location(index)): \(line.trimmingCharacters(in: .whitespaces))")
                }
            }
        }
        #expect(violations.isEmpty, report(violations))
    }

    @Test("nothing is forced: no try!, no as!, no unwrapping with !")
    func forces() {
        let forced = #/\btry!|\bas!|[\w\])]!(?:[.,;:)\]\s\[(]|$)/#
        var violations: [String] = []
        for file in tree.files where file.isSource {
            for (index, line) in file.code.enumerated() where line.contains(forced) {
                violations.append("\(file.location(index)): \(line.trimmingCharacters(in: .whitespaces))")
            }
        }
        #expect(violations.isEmpty, report(violations))
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

    @Test("the licence is there")
    func licence() throws {
        let text = try String(contentsOf: tree.root.appendingPathComponent("LICENSE"), encoding: .utf8)
        #expect(text.contains("Apache License"))
    }

    @Test("the reading behind these tests tells code from comments, strings and nested functions")
    func reading() {
        let code = SwiftCode.stripped([
            #"func a() { // {"#, #"  let s = "}\(b("{"))" /* { */"#, "  func b() {", "  }", "}", "protocol P { func c() }",
        ])
        #expect(code[1].contains("{") == false)
        let functions = SwiftCode.functions(in: code)
        #expect(functions.first { $0.name == "func a" }?.lines == 5)
        #expect(functions.first { $0.name == "func b" }?.lines == 2)
    }
}
