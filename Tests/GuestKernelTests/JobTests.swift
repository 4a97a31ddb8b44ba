import JobWire
import Testing

@testable import GuestKernel

extension KernelSuite {
    struct JobTests {
        private func text(_ string: StaticString) -> [UInt8] {
            Array(UnsafeBufferPointer(start: string.utf8Start, count: string.utf8CodeUnitCount))
        }

        private func strings(_ list: [[UInt8]]) -> [String] {
            list.map { String(decoding: $0, as: UTF8.self) }
        }

        @Test("a command with a slash is looked for nowhere else")
        func pathOfItsOwn() {
            var job = JobSpecification()
            job.add(argument: text("bin/x"))
            job.add(variable: text("PATH=/a:/b"))
            #expect(strings(job.candidates) == ["bin/x"])
        }

        @Test("a bare command is looked for along PATH, whose empty entries are the working directory")
        func searchPath() {
            var job = JobSpecification()
            job.add(argument: text("x"))
            job.add(variable: text("XPATH=/no"))
            job.add(variable: text("PATH=/a::/b"))
            #expect(strings(job.candidates) == ["/a/x", "x", "/b/x"])
        }

        @Test("without PATH the usual directories are searched")
        func defaultPath() {
            var job = JobSpecification()
            job.add(argument: text("x"))
            #expect(strings(job.candidates).contains("/usr/bin/x"))
        }

        @Test("arguments and environment together are bounded as exec bounds them")
        func textLimit() {
            var job = JobSpecification()
            for _ in 0..<16 { job.add(argument: [UInt8](repeating: 65, count: 128 << 10)) }
            #expect(job.isTooLong)
            #expect(job.arguments.count == 15)
            job.add(variable: text("A=b"))
            #expect(job.environment.isEmpty)
        }

        /// A control stream whose host sends `bytes` in packets of `size`.
        private func control(_ bytes: [UInt8], packets size: Int) throws -> (
            JobControl, VsockTests.Host, VsockConnection
        ) {
            let host = try VsockTests.Host()
            let connection = host.connected(wide: true)
            var rest = bytes[...]
            while !rest.isEmpty {
                host.send(.data, to: connection, Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
                _ = host.driver.poll()
            }
            return (JobControl(host.driver, connection), host, connection)
        }

        @Test(
            "messages and data come out the same, whatever packets they came in",
            arguments: [50, 4096, 20000])
        func decoding(packetBytes: Int) throws {
            var bytes: [UInt8] = []
            HostMessage.begin(.init(isInputConnected: true, user: 7, group: 8)).encode(to: &bytes)
            let content = (0..<1500).map { UInt8(truncatingIfNeeded: $0) }
            HostMessage.file(mode: 0o644, size: 1500, path: text("/f")).encode(to: &bytes)
            DataFrame.appendHeader(count: content.count, to: &bytes)
            bytes += content
            HostMessage.start.encode(to: &bytes)

            let (control, _, _) = try control(bytes, packets: packetBytes)
            guard case .message(.begin(let begin)) = try control.next() else {
                Issue.record("no begin")
                return
            }
            #expect(begin.user == 7 && begin.isInputConnected)
            guard case .message(.file(_, 1500, _)) = try control.next() else {
                Issue.record("no file")
                return
            }
            var received: [UInt8] = []
            while case .data(let piece) = try control.next() {
                received += piece
                if received.count == 1500 { break }
            }
            #expect(received == content)
            guard case .message(.start) = try control.next() else {
                Issue.record("no start")
                return
            }
        }

        @Test("what is queued goes out as one write, data behind its header")
        func sending() throws {
            let (control, host, _) = try control([], packets: 1)
            control.queue(.started(sinceEntryNanoseconds: 5))
            try [1, 2, 3].withUnsafeBytes {
                try control.send(data: UnsafeRawBufferPointer(rebasing: $0[0..<3]))
            }
            var expected: [UInt8] = []
            GuestMessage.started(sinceEntryNanoseconds: 5).encode(to: &expected)
            DataFrame.appendHeader(count: 3, to: &expected)
            expected += [1, 0, 0]
            #expect(host.packets().flatMap(\.bytes) == expected)
        }

        private func read(_ messages: [HostMessage], data: [UInt8] = []) throws -> JobInput {
            try FakeMachine.startThread()
            try FileSystem.startEmpty()
            var bytes: [UInt8] = []
            for message in messages {
                message.encode(to: &bytes)
                if case .file(_, let size, _) = message, size > 0 {
                    DataFrame.appendHeader(count: data.count, to: &bytes)
                    bytes += data
                }
            }
            let (control, _, _) = try control(bytes, packets: 3000)
            var input = JobInput(control)
            try input.read { _ in }
            return input
        }

        private let begin = HostMessage.begin(.init(isInputConnected: false, user: 1000, group: 100))

        private func status(_ path: StaticString, followLast: Bool = true) throws -> FileStatus {
            try FileSystem.lookup(
                text(path), in: FileSystemContext(), as: Credentials(), followLast: followLast
            ).status()
        }

        @Test("input files arrive with content, mode and owner; what is missing above them is made")
        func inputFiles() throws {
            let content = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let input = try read(
                [
                    begin, .argument(text("x")), .environment(text("A=b")), .workingDirectory(text("/job")),
                    .directory(mode: 0o700, path: text("/job/deep/er")),
                    .file(mode: 0o640, size: 5000, path: text("/new/place/f")),
                    .file(mode: 0o755, size: 0, path: text("/job/empty")),
                    .symlink(target: text("../new/place/f"), path: text("/job/link")),
                    .output(index: 3, path: text("/job/result")), .start,
                ], data: content)
            #expect(strings(input.specification.arguments) == ["x"])
            #expect(input.specification.outputs.map(\.index) == [3])
            #expect(input.specification.credentials.effectiveUser == 1000)
            let file = try status("/job/link")
            #expect(file.size == 5000 && file.permissions == 0o640 && file.user == 1000 && file.group == 100)
            #expect(try status("/job/empty").permissions == 0o755)
            #expect(try status("/job/deep/er").permissions == 0o700)
            #expect(try status("/job/link", followLast: false).type == .symbolicLink)
            var read = [UInt8](repeating: 0, count: 6000)
            let opened = try FileSystem.openForReading(text("/new/place/f"))
            let count = try read.withUnsafeMutableBytes { raw in
                var buffer = IOBuffer(kernel: UnsafeRawBufferPointer(raw))
                return try opened.read(&buffer, at: 0)
            }
            #expect(Array(read[..<count]) == content)
        }

        @Test("an input file that cannot be made fails the job, with its path and why")
        func impossibleInput() throws {
            let failure = #expect(throws: JobInput.Failure.self) {
                _ = try read([
                    begin, .file(mode: 0o644, size: 0, path: text("/f")),
                    .file(mode: 0o644, size: 0, path: text("/f/below")), .start,
                ])
            }
            #expect(failure?.stage == .inputFile && failure?.errno == .notDirectory)
            #expect(failure.map { String(decoding: $0.about, as: UTF8.self) } == "/f/below")
        }

        @Test(
            "output files go back with mode and content, a missing one with its errno, whatever else there is"
        )
        func outputs() throws {
            let input = try read(
                [
                    begin, .argument(text("x")), .file(mode: 0o600, size: 3, path: text("/r")),
                    .output(index: 0, path: text("/none")), .output(index: 1, path: text("/r")),
                    .output(index: 2, path: text("/tmp")), .start,
                ], data: [7, 8, 9])
            let (control, host, _) = try control([], packets: 1)
            try JobOutput(control: control).send(input.specification.outputs)
            try control.flush()
            var expected: [UInt8] = []
            GuestMessage.outputMissing(index: 0, errno: 2).encode(to: &expected)
            GuestMessage.outputFile(index: 1, mode: 0o100600, size: 3).encode(to: &expected)
            DataFrame.appendHeader(count: 3, to: &expected)
            expected += [7, 8, 9]
            GuestMessage.outputMissing(index: 2, errno: 21).encode(to: &expected)
            #expect(host.packets().flatMap(\.bytes) == expected)
        }

        @Test(
            "a command that is nowhere is ENOENT, a directory EACCES, a working directory that is none ENOTDIR"
        )
        func startFailures() throws {
            let host = try VsockTests.Host()
            let stream = VsockStream(host.driver, host.connected(), flags: 1)
            func failure(_ command: StaticString, in directory: StaticString) throws -> JobInput.Failure? {
                let input = try read([
                    begin, .argument(text(command)), .workingDirectory(text(directory)),
                    .file(mode: 0o644, size: 0, path: text("/plain")), .start,
                ])
                return #expect(throws: JobInput.Failure.self) {
                    try JobCommand(input.specification).start(input: nil, output: stream, error: stream)
                }
            }
            #expect(try failure("nonesuch", in: "/")?.errno == .noSuchFile)
            #expect(try failure("/tmp", in: "/")?.errno == .accessDenied)
            #expect(try failure("/plain", in: "/")?.errno == .accessDenied)
            let directory = try failure("x", in: "/plain")
            #expect(directory?.stage == .workingDirectory && directory?.errno == .notDirectory)
        }
    }
}
