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

        /// A directory that counts what is looked up in it and below it.
        private final class CountingDirectory: Inode {
            private let count: LookUps
            private var children: [[UInt8]: CountingDirectory] = [:]

            final class LookUps { var count = 0 }

            init(_ count: LookUps) {
                self.count = count
                super.init(type: .directory)
            }

            override var ownership: Ownership { Ownership(permissions: 0o755, user: 0, group: 0) }

            override func find(_ name: ArraySlice<UInt8>) throws(Errno) -> Inode? {
                count.count += 1
                return children[Array(name)]
            }

            override func create(
                _ name: [UInt8], _ new: NewInode, _ ownership: Ownership
            ) throws(Errno) -> Inode {
                let made = CountingDirectory(count)
                made.parent = self
                children[name] = made
                return made
            }
        }

        /// A tree on a root of its own, and what is looked up in it.
        private func countingTree() throws -> (InputTree, CountingDirectory.LookUps) {
            try FakeMachine.startThread()
            let count = CountingDirectory.LookUps()
            let context = FileSystemContext()
            context.root = CountingDirectory(count)
            return (InputTree(context), count)
        }

        @Test("each directory of a deep tree is one look-up, and one that leaves it begins where it leaves")
        func lookUps() throws {
            var (tree, count) = try countingTree()
            var path: [UInt8] = []
            for _ in 0..<2030 {
                path += text("/d")
                try tree.makeDirectory(path, mode: 0o755)
            }
            #expect(count.count == 2030)
            // Its neighbours: the way to their parent is known.
            try tree.makeDirectory(path.dropLast() + text("e"), mode: 0o755)
            try tree.makeDirectory(path.dropLast() + text("dd"), mode: 0o755)
            #expect(count.count == 2032)
            try tree.makeDirectory(Array(path[..<4]) + text("/x"), mode: 0o755)
            #expect(count.count == 2033)
            // Back into the depth: every name of it once more.
            try tree.makeDirectory(path, mode: 0o755)
            #expect(count.count == 2033 + 2028)
        }

        @Test("a path is what it says: slashes are one, dots are where they stand, a name's beginning is no name")
        func oddPaths() throws {
            let input = try read([
                begin, .argument(text("x")), .directory(mode: 0o700, path: text("//a//b/")),
                .directory(mode: 0o700, path: text("/a/./b/../c")),
                .file(mode: 0o600, size: 0, path: text("/a/bc/f")),
                .symlink(target: text("b"), path: text("/a/l")),
                .file(mode: 0o600, size: 0, path: text("/a/l/../g")),
                .file(mode: 0o600, size: 0, path: text("/a/l/h")),
                .symlink(target: text("/a/made"), path: text("/a/m")),
                .directory(mode: 0o711, path: text("/a/m/n")), .start,
            ])
            #expect(strings(input.specification.arguments) == ["x"])
            #expect(try status("/a/b").permissions == 0o700 && status("/a/c").permissions == 0o700)
            #expect(try status("/a/bc").permissions == 0o755)
            for path: StaticString in ["/a/bc/f", "/a/g", "/a/b/h"] {
                #expect(try status(path).type == .regular)
            }
            #expect(try status("/a/made/n").permissions == 0o711)
        }

        @Test("a file whose path is a directory's is EISDIR")
        func directoryAsFile() throws {
            let failure = #expect(throws: JobInput.Failure.self) {
                _ = try read([begin, .file(mode: 0o644, size: 0, path: text("/tmp/")), .start])
            }
            #expect(failure?.errno == .isDirectory)
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
