import Foundation

/// The repository's own Swift files, as text; found from where this file was compiled.
struct SourceTree {
    struct File {
        /// From the repository's root, with `/`.
        let path: String
        /// As written.
        let lines: [String]
        /// The same lines with string literals emptied and comments cut, so that words in them are not taken for code.
        let code: [String]

        /// `Sources/KVM/VM.swift` → `KVM`.
        var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
        var isSource: Bool { path.hasPrefix("Sources/") }
        func location(_ index: Int) -> String { "\(path):\(index + 1)" }
    }

    let root: URL
    let files: [File]

    /// Read once for all tests: reading it takes seconds in a debug build.
    static let read = Result { try SourceTree() }

    private init(testFile: String = #filePath) throws {
        root = URL(fileURLWithPath: testFile).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        var files: [File] = []
        for folder in ["Sources", "Tests"] {
            let all = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
            while let name = all?.nextObject() as? String {
                guard name.hasSuffix(".swift") else { continue }
                let path = folder + "/" + name
                let text = try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
                let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
                files.append(File(path: path, lines: lines, code: SwiftCode.stripped(lines)))
            }
        }
        self.files = files.sorted { $0.path < $1.path }
    }
}
