import Foundation
import Testing

/// The ways through the code that documents show, followed: a line `Type.function → Type.function → …` in a block of its own.
struct WalkTests {
    private struct Stop: Hashable, CustomStringConvertible {
        let type: String
        let function: String

        var description: String { "\(type).\(function)" }

        /// How it is called: an initialiser by its type's name.
        var call: String { function == "init" ? type : function }
    }

    private let tree: SourceTree

    init() throws { tree = try SourceTree.read.get() }

    /// The walks of one document, by line.
    private func walks(in document: String) throws -> [[Stop]] {
        let text = try String(contentsOf: tree.root.appendingPathComponent(document), encoding: .utf8)
        return text.split(separator: "\n").filter { $0.wholeMatch(of: #/\w+\.\w+( → \w+\.\w+)+/#) != nil }.map {
            line in
            line.split(separator: " → ").map { stop in
                let parts = stop.split(separator: ".").map(String.init)
                return Stop(type: parts[0], function: parts[1])
            }
        }
    }

    /// The code of every function of the sources, by its type, which begins in the first column, and its name.
    private func bodies() -> [Stop: [String]] {
        var bodies: [Stop: [String]] = [:]
        let type = #/^(?:[\w@()]+ )*?(?:class|struct|enum|extension) (\w+)/#
        for file in tree.files where file.isSource {
            let types = file.code.map { $0.firstMatch(of: type).map { String($0.1) } }
            for function in SwiftCode.functions(in: file.code) {
                guard let owner = types[...function.start].last(where: { $0 != nil }) ?? nil else { continue }
                let name = function.name.prefixMatch(of: #/(?:func\s+)?(\w+)/#).map { String($0.1) } ?? ""
                // The declaration itself is no call.
                let body = file.code[function.start..<(function.start + function.lines)].joined(separator: "\n")
                bodies[Stop(type: owner, function: name), default: []].append(
                    String(body[(body.firstIndex(of: "{") ?? body.startIndex)...]))
            }
        }
        return bodies
    }

    @Test("the walks in README lead through functions that are there, each of which calls the next")
    func readme() throws {
        let walks = try walks(in: "README.md")
        #expect(walks.count >= 7, "README's walks are gone, or written otherwise")
        let bodies = bodies()
        for walk in walks {
            for stop in walk { #expect(bodies[stop] != nil, "\(stop) is not there") }
            for (from, to) in zip(walk, walk.dropFirst()) {
                // Simple: of Unicode's words `a.b` is one.
                let called = try Regex("\\b\(to.call)[(<]").wordBoundaryKind(.simple)
                let isCalled = bodies[from, default: []].contains { $0.contains(called) }
                #expect(isCalled, "\(from) does not call \(to)")
            }
        }
    }
}
