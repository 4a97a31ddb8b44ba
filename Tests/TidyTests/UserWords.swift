/// What code may not do that sees what a user wrote: command lines, batch files, trees and names of any length. Whatever they
/// say is that job's error; a trap or the end of the stack would be the end of all jobs of the process.
enum UserWords {
    static let targets: Set<String> = ["JobRunner", "SwiftletCLI", "Images", "Templates", "JobWire", "LinuxSystem"]

    /// Files with traps for what only we can get wrong: how many, and why no user reaches them.
    static let traps: [String: (count: Int, why: String)] = [
        "Sources/JobWire/Frame.swift": (1, "the sender cuts content into pieces of its own size"),
        "Sources/Templates/ProcessorIdentity.swift": (1, "its words are read by a constant number"),
        "Sources/LinuxSystem/EventFD.swift": (1, "an eventfd of our own can be written to"),
        "Sources/LinuxSystem/OwnedDescriptor.swift": (1, "closed by somebody else: the number may be another file by now"),
        "Sources/LinuxSystem/Mapping.swift": (1, "a mapping of our own can be unmapped"),
    ]

    /// Functions that come back to themselves, and what bounds them.
    static let recursions: [String: String] = [
        "Sources/SwiftletCLI/Batch/JSONValue.swift": "JSONReader.maximumDepth",
        "Sources/SwiftletCLI/Attack/Leftovers.swift": "the host's own cgroups, looked through by doctor --attack",
        "Sources/SwiftletCLI/Bench/JobLedger.swift": "results that swiftlet itself wrote",
        "Sources/SwiftletCLI/OptionTable.swift": "apply is the option's own closure there",
        "Sources/JobWire/Bytes.swift": "append is the array's there",
    ]

    static var trap: Regex<Substring> {
        #/\b(?:precondition|preconditionFailure|assert|assertionFailure|fatalError)\s*\(/#
    }

    /// Lengths forced into so few bits that a text's may have more.
    static var narrowing: Regex<Substring> {
        #/\bU?Int(?:8|16)\(\s*[\w.]+\.count\s*\)/#
    }

    /// Names of functions in `code` that can come back to themselves by calls without a receiver, within the file. A name
    /// that several functions have is left out: which one a call means is not to be read off here.
    static func cycles(in code: [String]) -> [String] {
        var calls: [String: Set<String>] = [:]
        var declared: [String: Int] = [:]
        let all = SwiftCode.functions(in: code).filter { $0.name.hasPrefix("func ") }
        let functions = all.map { function -> (name: String, body: String) in
            let lines = code[function.start..<(function.start + function.lines)]
            let body = lines.joined(separator: "\n").drop { $0 != "{" }
            return (String(function.name.dropFirst(5)), String(body))
        }
        for function in functions { declared[function.name, default: 0] += 1 }
        let call = #/(?:^|[^\w.]|\b[sS]elf\.)(\w+)\s*\(/#
        for function in functions {
            for match in function.body.matches(of: call) where declared[String(match.1)] == 1 {
                calls[function.name, default: []].insert(String(match.1))
            }
        }
        return declared.filter { $0.value == 1 }.keys.filter { name in
            var seen: Set<String> = []
            var next = calls[name] ?? []
            while let other = next.popFirst() {
                if other == name { return true }
                if seen.insert(other).inserted { next.formUnion(calls[other] ?? []) }
            }
            return false
        }.sorted()
    }
}
