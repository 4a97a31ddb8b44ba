import JobRunner

/// One job that a bench gives to every contender.
struct Workload: Sendable {
    /// What of the bench's own files a command may name.
    struct Files: Sendable {
        /// The program of the CPU-bound loop, where it is for this contender.
        var spin = ""
        /// A folder in memory to write in.
        var scratch = "/tmp"
    }

    enum Input: Sendable {
        case none
        /// Lines of random digits, of about so many bytes.
        case lines(Int)
        /// Bytes of no meaning.
        case bytes(Int)
    }

    enum Answer: Sendable {
        case text(String)
        /// Output of so many bytes, whatever they are.
        case bytes(UInt64)
        case nothing
    }

    let name: String
    let title: String
    let image: String
    /// Inside the image: the program's path and its arguments.
    let command: @Sendable (Files) -> [String]
    var input = Input.none
    let answer: Answer
    /// Bytes that go through its streams, where that is what it is about.
    var volume: UInt64?
    /// Of the rounds that were asked for, the share that this one has: what takes seconds has fewer.
    var roundsDivisor = 1
    /// Whether it runs when none is named; all of these take about a minute.
    var isQuick = false

    /// How long the CPU-bound loop takes as a plain process, about.
    static let spinSeconds: UInt64 = 5

    private static let imports = "import json, re, subprocess"
    private static func manyFiles(in scratch: String) -> String {
        """
        cd "$(mktemp -d -p \(scratch))"; s=\(String(repeating: "x", count: 64))
        s=$s$s$s$s$s$s$s$s; s=$s$s$s$s$s$s$s$s
        i=0; while [ $i -lt 1000 ]; do printf %s "$s" >f$i; i=$((i+1)); done; cat f* | wc -c; rm -r "$PWD"
        """
    }

    static let all = basic + runtimes

    private static let basic: [Workload] = [
        .init(
            name: "true", title: "true, static", image: "base", command: { _ in ["/bin/true"] },
            answer: .nothing, isQuick: true),
        .init(
            name: "sh", title: "sh -c 'echo hi'", image: "base",
            command: { _ in ["/bin/sh", "-c", "echo hi"] }, answer: .text("hi\n"), isQuick: true),
        .init(
            name: "sort", title: "sort of 10 MB, dynamic", image: "python",
            command: { _ in ["/usr/bin/sort"] }, input: .lines(10_000_000), answer: .bytes(10_000_000),
            roundsDivisor: 2),
        .init(
            name: "python", title: "python3 hello", image: "python",
            command: { _ in ["/usr/bin/python3", "-c", "print('hello')"] }, answer: .text("hello\n"),
            isQuick: true),
        .init(
            name: "python-imports", title: "python3 \(imports)", image: "python",
            command: { _ in ["/usr/bin/python3", "-c", imports] }, answer: .nothing, isQuick: true),
        .init(
            name: "spin", title: "CPU-bound loop, \(spinSeconds) s", image: "base",
            command: { [$0.spin] }, answer: .nothing, roundsDivisor: 10),
        .init(
            name: "cat", title: "100 MB through cat", image: "base", command: { _ in ["/bin/cat"] },
            input: .bytes(100_000_000), answer: .bytes(100_000_000), volume: 100_000_000, roundsDivisor: 2),
        .init(
            name: "stdin", title: "100 MB into a job", image: "base",
            command: { _ in ["/bin/dd", "of=/dev/null", "bs=65536"] }, input: .bytes(100_000_000),
            answer: .nothing, volume: 100_000_000, roundsDivisor: 2),
        .init(
            name: "stdout", title: "100 MB out of a job", image: "base",
            command: { _ in ["/bin/dd", "if=/dev/zero", "bs=65536", "count=1600"] },
            answer: .bytes(1600 << 16), volume: 1600 << 16, roundsDivisor: 2),
        .init(
            name: "files", title: "1,000 files of 4 KB, written and read", image: "base",
            command: { ["/bin/sh", "-c", manyFiles(in: $0.scratch)] }, answer: .text("4096000\n"),
            isQuick: true),
    ]

    /// Big programs, of images that a host may not have.
    static let runtimes: [Workload] = [
        .init(
            name: "numpy", title: "python3 import numpy", image: "numpy",
            command: { _ in ["/usr/bin/python3", "-c", "import numpy"] }, answer: .nothing, roundsDivisor: 2),
        .init(
            name: "node", title: "node hello", image: "node",
            command: { _ in ["/usr/bin/node", "-e", "console.log('hello')"] }, answer: .text("hello\n"),
            roundsDivisor: 2),
        .init(
            name: "gcc", title: "gcc hello.c", image: "gcc", command: { _ in ["/bin/sh", "-c", compile] },
            answer: .nothing, roundsDivisor: 2),
        .init(
            name: "java", title: "java Hello", image: "java",
            command: { _ in ["/usr/bin/java", "-cp", "/opt/java", "Hello"] },
            answer: .text("hello from java 17\n"),
            roundsDivisor: 2),
    ]

    private static let compile =
        "cd /tmp && printf '#include <stdio.h>\\nint main(void) { puts(\"hello\"); }' >h.c && gcc h.c -o h"

    static func named(_ name: String) throws(UsageError) -> Workload {
        guard let workload = all.first(where: { $0.name == name }) else {
            throw UsageError(
                "no workload \"\(name)\"; there are \(all.map(\.name).joined(separator: ", "))")
        }
        return workload
    }

    /// Nil: right. Else what is wrong with how it ended.
    func problem(of outcome: MeasuredChild.Outcome) -> String? {
        guard outcome.status == 0 else {
            let line = outcome.complaint.split(separator: UInt8(ascii: "\n")).first.map(Array.init) ?? []
            return "status \(outcome.status)" + (line.isEmpty ? "" : ": \(printable(line))")
        }
        switch answer {
        case .nothing: return outcome.outputBytes == 0 ? nil : "output where there should be none"
        case .text(let text):
            return outcome.output.elementsEqual(text.utf8) ? nil : "its output is wrong"
        case .bytes(let count):
            guard outcome.outputBytes != count else { return nil }
            return "\(outcome.outputBytes) bytes of output, not \(count)"
        }
    }
}
