import Glibc
import JobWire
import Testing

@testable import GuestInit

/// What process 1 does around its checkpoint: the machine that is "restored" is the same process with new connections. It
/// ends with a panic if it saves while one is open.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct TemplateTests {
    private func order(_ job: JobOnHost) -> [String] {
        job.messages.map { message in
            String("\(message)".prefix { $0 != "(" })
        }
    }

    @Test("a job without a command is saved as soon as it is whole; a restored one greets anew and runs any job")
    func kernel() throws {
        let (maker, restored) = try JobOnHost.template([], then: ["sh", "-c", "echo \"$0\"; exit 4", "word"])
        #expect(order(maker) == ["hello", "checkpoint"])
        #expect(maker.messages.last == .checkpoint(.kernel))
        #expect(order(restored) == ["hello", "resumed", "started", "exited", "finished"])
        #expect(restored.text == "word\n" && restored.report?.code == 4)
        #expect(restored.report?.nonce == GuestInitOnHost.restoredNonce)
    }

    /// A directory with a file where /dev/checkpoint is in a guest.
    private func withCheckpointFile(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/guest-init-XXXXXX".utf8CString)
        let directory = String(cString: try #require(mkdtemp(&template)))
        let path = directory + "/checkpoint"
        close(creat(path, 0o444))
        defer {
            unlink(path)
            rmdir(directory)
        }
        try body(path)
    }

    @Test("a program is saved when it reads the file, not before; a restored one gets the new job's arguments and their end")
    func program() throws {
        try withCheckpointFile { path in
            let script = """
                exec 3<\(path); sleep 0.2; echo before; kept=42; words=$(tr '\\0' ' ' <&3)
                echo "$kept $words"; cat; echo e >&2; exit 3
                """
            let (maker, restored) = try JobOnHost.template(
                ["sh", "-c", script], host: .init(checkpoint: path), then: ["one", "two  three"],
                restoredHost: .init(input: Array("typed\n".utf8)))
            #expect(order(maker) == ["hello", "started", "checkpoint"])
            #expect(maker.text == "before\n")
            #expect(order(restored) == ["hello", "resumed", "started", "exited", "finished"])
            #expect(restored.text == "42 one two  three \ntyped\n")
            #expect(restored.errorText == "e\n")
            #expect(restored.report?.code == 3 && restored.report?.nonce == GuestInitOnHost.restoredNonce)
            #expect(restored.report?.standardOutputBytes == 25)
        }
    }

    @Test("arguments larger than a pipe arrive whole, and a job without input or arguments has both at their end")
    func sizes() throws {
        let long = String(repeating: "x", count: 120_000)
        let words = [String](repeating: long, count: 15)
        try withCheckpointFile { path in
            let (_, restored) = try JobOnHost.template(
                ["sh", "-c", "wc -c <\(path)"], host: .init(checkpoint: path), then: words)
            #expect(restored.text == "\(15 * 120_001)\n")
        }
        try withCheckpointFile { path in
            let (maker, restored) = try JobOnHost.template(
                ["sh", "-c", "cat; wc -c <\(path); wc -c"], host: .init(checkpoint: path), then: [])
            #expect(maker.text == "" && restored.text == "0\n0\n")
        }
    }

    @Test("limits, files in and files out are the new job's")
    func job() throws {
        try withCheckpointFile { path in
            let directory = String(path.dropLast("/checkpoint".count))
            let file = Array("\(directory)/out".utf8)
            let (_, restored) = try JobOnHost.template(
                ["sh", "-c", "cat \(path) >/dev/null; ulimit -n; ls \(directory); echo back >\(directory)/out"],
                host: .init(checkpoint: path), then: ["a"],
                [.file(mode: 0o600, size: 0, path: file), .output(index: 0, path: file)],
                restoredHost: .init(openFiles: (77, 88)))
            #expect(restored.text == "77\ncheckpoint\nout\n")
            #expect(restored.files[0] == Array("back\n".utf8))
            unlink("\(directory)/out")
        }
    }

    @Test("bytes of a writer that its reader holds up are neither lost nor written twice")
    func flight() throws {
        try withCheckpointFile { path in
            let script = "seq 1 100000 & words=$(tr '\\0' ' ' <\(path)); wait"
            let (maker, restored) = try JobOnHost.template(
                ["sh", "-c", script], host: .init(checkpoint: path), then: [])
            let expected = (1...100_000).map { "\($0)\n" }.joined()
            #expect(maker.text + restored.text == expected)
        }
    }

    @Test("a program that ends without asking has its report, and only one may ask")
    func others() throws {
        try withCheckpointFile { path in
            let job = try JobOnHost(["sh", "-c", "exit 4"], host: .init(makesTemplate: true, checkpoint: path))
            #expect(order(job) == ["hello", "started", "exited", "finished"] && job.report?.code == 4)
            unlink(path + "-")
        }
        try withCheckpointFile { path in
            // The file that was there before is there again, and empty.
            let (_, restored) = try JobOnHost.template(
                ["sh", "-c", "cat \(path); stat -c '%F' \(path)"], host: .init(checkpoint: path), then: [])
            #expect(restored.text == "regular empty file\n")
        }
    }
}
