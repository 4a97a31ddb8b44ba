import Glibc
import JobWire
import Testing

@testable import GuestInit

/// Whole jobs, from `hello` to `finished`, with init as process 1 of namespaces of this host.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct JobSessionTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// The kinds of messages, in order.
    private func order(_ job: JobOnHost) -> [String] {
        job.messages.map { message in
            String("\(message)".prefix { $0 != "(" })
        }
    }

    @Test("a command runs: hello, started, its report with the nonce, finished; its output is its stream's")
    func echo() throws {
        let job = try JobOnHost(["echo", "hello"])
        #expect(order(job) == ["hello", "started", "exited", "finished"])
        #expect(job.text == "hello\n")
        #expect(job.report?.nonce == GuestInitOnHost.nonce)
        #expect(job.report?.kind == .exited && job.report?.code == 0)
        #expect(job.report?.standardOutputBytes == 6)
        #expect(job.status == 0)
    }

    @Test("an exit status arrives as it is, a signal as a signal")
    func ends() throws {
        #expect(try JobOnHost(["sh", "-c", "exit 7"]).report?.code == 7)
        let killed = try JobOnHost(["sh", "-c", "kill -9 $$"]).report
        #expect(killed?.kind == .signaled && killed?.code == 9)
        let crashed = try JobOnHost(["sh", "-c", "kill -SEGV $$"]).report
        #expect(crashed?.kind == .signaled && crashed?.code == 11)
    }

    @Test("the two output streams are apart, and each is whole")
    func outputs() throws {
        let script = "i=0; while [ $i -lt 50 ]; do yes o | head -c 10000; yes e | head -c 10000 >&2; i=$((i+1)); done"
        let job = try JobOnHost(["sh", "-c", script])
        #expect(job.output.count == 500_000 && !job.output.contains(UInt8(ascii: "e")))
        #expect(job.error.count == 500_000 && !job.error.contains(UInt8(ascii: "o")))
        #expect(job.report?.standardErrorBytes == 500_000)
    }

    @Test("standard input is the host's, whole, and ends with it; without one it is empty")
    func input() throws {
        var content: [UInt8] = []
        for index in 0..<1_000_000 { content.append(UInt8(truncatingIfNeeded: index &* 7 >> 3)) }
        #expect(try JobOnHost(["cat"], host: .init(input: content)).output == content)
        #expect(try JobOnHost(["cat"]).output == [])
    }

    @Test("a job that does not read its input ends all the same")
    func ignoredInput() throws {
        let job = try JobOnHost(["echo", "x"], host: .init(input: [UInt8](repeating: 1, count: 5_000_000)))
        #expect(job.text == "x\n" && job.report?.code == 0)
    }

    @Test("a host that goes away from standard output ends the job with SIGPIPE, not init")
    func brokenOutput() throws {
        let job = try JobOnHost(["yes"], host: .init(outputLimit: 100_000))
        #expect(job.report?.kind == .signaled && job.report?.code == UInt32(SIGPIPE))
    }

    @Test("nothing of the job outlives its command, and what holds its output does not hold its end")
    func leftovers() throws {
        let job = try JobOnHost(["sh", "-c", "sleep 1000 & (sleep 1000 & exec sleep 1000) & echo done"])
        #expect(job.text == "done\n")
        #expect(job.report?.kind == .exited)
        #expect(job.status == 0)
    }

    @Test("a command that is not there, or not executable, is `failed` with its errno")
    func failures() throws {
        func failure(_ command: [String], _ more: [HostMessage] = []) throws -> GuestMessage? {
            let job = try JobOnHost(command, more)
            #expect(order(job) == ["hello", "failed"])
            return job.messages.last
        }
        #expect(try failure(["no-such"]) == .failed(stage: .exec, errno: ENOENT, about: bytes("no-such")))
        #expect(try failure(["/usr"]) == .failed(stage: .exec, errno: EACCES, about: bytes("/usr")))
        #expect(
            try failure(["/etc/passwd"])
                == .failed(stage: .exec, errno: EACCES, about: bytes("/etc/passwd")))
        #expect(
            try failure(["true"], [.workingDirectory(bytes("/no/such"))])
                == .failed(stage: .workingDirectory, errno: ENOENT, about: bytes("/no/such")))
        #expect(
            try failure(["true"], [.file(mode: 0o644, size: 0, path: bytes("/proc/x/y"))])
                == .failed(stage: .inputFile, errno: ENOENT, about: bytes("/proc/x/y")))
    }

    @Test("arguments beyond what exec accepts are E2BIG")
    func tooLong() throws {
        let job = try JobOnHost(
            ["true"], (0..<20).map { _ in .argument([UInt8](repeating: 65, count: 128 << 10)) })
        #expect(job.messages.last == .failed(stage: .exec, errno: E2BIG, about: bytes("true")))
    }

    @Test("directory, environment, limits of files, signals and descriptors are the job's own")
    func surroundings() throws {
        let script = """
            pwd; echo $A; ulimit -n; ulimit -Hn; umask; ls /proc/self/fd | tr '\\n' ' '; echo
            grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\t'
            awk '/^Max pending signals/ { print $4, $5 }' /proc/self/limits
            """
        let job = try JobOnHost(
            ["sh", "-c", script], [.environment(bytes("A=b c")), .workingDirectory(bytes("/usr"))],
            host: .init(openFiles: (12, 20)))
        #expect(
            job.text == """
                /usr
                b c
                12
                20
                0022
                0 1 2 3 
                SigBlk:0000000000000000
                SigIgn:0000000000000000
                16384 16384

                """)
    }

    @Test("files go in with their modes and directories, links as links, and outputs come back")
    func files() throws {
        var template = Array("/tmp/guest-init-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        let directory = String(cString: made)
        defer { _ = try? JobOnHost(["rm", "-rf", directory]) }
        let content = bytes("content\n")
        let job = try JobOnHost(
            [
                "sh", "-c",
                """
                cd \(directory); stat -c %a a a/b a/b/file; cat a/b/file; readlink link
                echo back >out; chmod 640 out
                """,
            ],
            [
                .directory(mode: 0o750, path: bytes("\(directory)/a/b")),
                .file(mode: 0o640, size: UInt64(content.count), path: bytes("\(directory)/a/b/file")),
                .symlink(target: bytes("a/b/file"), path: bytes("\(directory)/link")),
                .output(index: 0, path: bytes("\(directory)/out")),
                .output(index: 1, path: bytes("\(directory)/missing")),
                .output(index: 2, path: bytes("\(directory)/a")),
                .output(index: 3, path: bytes("/dev/null")),
            ], data: content)
        #expect(job.text == "750\n750\n640\ncontent\na/b/file\n")
        #expect(job.messages.contains(.outputFile(index: 0, mode: 0o100640, size: 5)))
        #expect(job.files[0] == bytes("back\n"))
        #expect(job.messages.contains(.outputMissing(index: 1, errno: ENOENT)))
        #expect(job.messages.contains(.outputMissing(index: 2, errno: EISDIR)))
        #expect(job.messages.contains(.outputMissing(index: 3, errno: EINVAL)))
        #expect(job.messages.last == .finished)
    }

    @Test("the report counts processes, processor time, faults and memory")
    func usage() throws {
        let script = "for i in 1 2 3 4 5; do /bin/true; done; awk 'BEGIN { while (i < 3000000) i++ }'"
        let job = try JobOnHost(["sh", "-c", script])
        let report = try #require(job.report)
        #expect(report.processesCreated >= 6)
        #expect(report.userNanoseconds > 1_000_000)
        #expect(report.pageFaults > 100)
        #expect(report.maximumResidentBytes > 500_000)
    }

    @Test("a job with a terminal has one that it controls, of the size it is told, and of the size it becomes")
    func terminal() throws {
        let job = try JobOnHost(
            [
                "sh", "-c",
                """
                test -t 0 && test -t 1 && test -t 2 && stty size; trap 'stty size; exit 3' WINCH
                echo ready; while :; do sleep 0.1; done
                """,
            ],
            host: .init(
                isTerminal: true, windowSize: .init(rows: 24, columns: 80),
                later: ("ready", .windowSize(.init(rows: 30, columns: 100)))))
        #expect(job.text == "24 80\r\nready\r\n30 100\r\n")
        #expect(job.report?.code == 3)
    }

    @Test("what is typed at a terminal is a line for the job and echoed, and Ctrl-C is its signal")
    func typing() throws {
        let job = try JobOnHost(
            ["sh", "-c", "trap 'echo caught; exit 5' INT; read line; echo \"<$line>\"; read other"],
            host: .init(input: bytes("typed\n"), isTerminal: true, typedLater: ("<typed>", [3])))
        #expect(job.text.contains("<typed>") && job.text.contains("caught"))
        #expect(job.report?.code == 5)
    }
}
