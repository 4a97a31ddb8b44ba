import Foundation
import Testing

@testable import GuestKernel

/// docs/abi.md says what of Linux's system calls the kernel serves; these tests keep it true.
@Suite(.serialized) struct SystemCallSupportTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    @Test("a call that is listed as absent is refused with ENOSYS, or EPERM where the list says so")
    func absentCallsAreRefused() throws {
        let program = try TestProgram()
        for call in SystemCall.allCases {
            guard case .absent(let reason) = call.support else { continue }
            let result = program.call(UInt64(call.rawValue))
            let isRefused = result == -38 || result == -1 && reason.contains("EPERM")
            #expect(isRefused, "\(call) is listed as absent (\(reason)) and answers \(result)")
        }
    }

    @Test("a call that is listed as complete or partial is served somewhere in the kernel's sources")
    func servedCallsAreInTheSources() throws {
        let sources = Self.root.appendingPathComponent("Sources/GuestKernel")
        var words: Set<Substring> = []
        let files = FileManager.default.enumerator(atPath: sources.path)
        while let name = files?.nextObject() as? String {
            guard name.hasSuffix(".swift"), !name.hasPrefix("Boundary/SystemCall") else { continue }
            let text = try String(contentsOf: sources.appendingPathComponent(name), encoding: .utf8)
            words.formUnion(text.split { !$0.isLetter && !$0.isNumber && $0 != "_" && $0 != "." })
        }
        for call in SystemCall.allCases {
            if case .absent = call.support { continue }
            #expect(words.contains(".\(call)"), "\(call) is listed as \(call.support) and nobody serves it")
        }
    }

    @Test("a call that is absent has no server, and one that is there has one")
    func absentCallsHaveNoServer() {
        for call in SystemCall.allCases where call.part == .absent {
            if case .absent = call.support { continue }
            Issue.record("\(call) is listed as \(call.support) and is nobody's")
        }
    }

    @Test("docs/abi.md is what the list says; `make abi` writes it")
    func documentIsCurrent() throws {
        let file = Self.root.appendingPathComponent("docs/abi.md")
        let document = Self.document()
        if ProcessInfo.processInfo.environment["SWIFTLET_WRITE_ABI"] != nil {
            try document.write(to: file, atomically: true, encoding: .utf8)
        }
        let written = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        #expect(written == document, "docs/abi.md is not what SystemCallSupport.swift says: run `make abi`")
    }

    private static func document() -> String {
        let calls = SystemCall.allCases.sorted { "\($0)" < "\($1)" }
        var counts = (complete: 0, partial: 0, absent: 0)
        var rows = ""
        for call in calls {
            let (word, text): (String, String)
            switch call.support {
            case .complete: (word, text) = ("complete", ""); counts.complete += 1
            case .partial(let missing): (word, text) = ("partial", missing); counts.partial += 1
            case .absent(let reason): (word, text) = ("absent", reason); counts.absent += 1
            }
            rows += "| \(call) | \(call.rawValue) | \(word) | \(text) |\n"
        }
        return """
            # Linux's x86-64 system calls in the tiny kernel
            Written by `make abi` from Sources/GuestKernel/Boundary/SystemCallSupport.swift; do not edit. \(calls.count) \
            calls:
            \(counts.complete) complete (what programs use of them behaves as on Linux), \(counts.partial) partial \
            (with what is missing), \(counts.absent) absent.
            What is absent returns ENOSYS unless the table says otherwise and is counted by name in the job's result \
            (`unsupported_syscalls`).

            | call | number | | |
            |---|---|---|---|
            \(rows)
            """
    }
}
