import JobWire
import Testing

@testable import GuestKernel

extension KernelSuite {
    struct JobTests {
        private func text(_ string: StaticString) -> [UInt8] {
            Array(UnsafeBufferPointer(start: string.utf8Start, count: string.utf8CodeUnitCount))
        }

        private func strings(_ list: [[UInt8]]) -> [String] { list.map { String(decoding: $0, as: UTF8.self) } }

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
        private func control(_ bytes: [UInt8], packets size: Int) throws -> (JobControl, VsockTests.Host, VsockConnection) {
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

        @Test("messages and data come out the same, whatever packets they came in", arguments: [50, 4096, 20000])
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
            try [1, 2, 3].withUnsafeBytes { try control.send(data: UnsafeRawBufferPointer(rebasing: $0[0..<3])) }
            var expected: [UInt8] = []
            GuestMessage.started(sinceEntryNanoseconds: 5).encode(to: &expected)
            DataFrame.appendHeader(count: 3, to: &expected)
            expected += [1, 0, 0]
            #expect(host.packets().flatMap(\.bytes) == expected)
        }
    }
}
