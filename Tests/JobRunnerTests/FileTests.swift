import CLinux
import Glibc
import JobWire
import LinuxSystem
import Synchronization
import SystemPackage
import Testing

@testable import JobRunner

/// Carries a value out of a fake machine's script.
final class Box<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value?> = Mutex(nil)
    var value: Value? {
        get { mutex.withLock { $0 } }
        set { mutex.withLock { $0 = newValue } }
    }
}

@Suite(.serialized) struct InputTests {
    @Test("a job's specification arrives in the order of the protocol")
    func order() throws {
        let received = Box<[HostMessage]>()
        let result = try run(
            { machine in
                received.value = machine.receiveJob().messages
                machine.succeed()
            },
            preparing: {
                $0.arguments = [Array("echo".utf8), [], [0xff]]
                $0.environment = [Array("A=b".utf8)]
                $0.workingDirectory = Array("/tmp".utf8)
                $0.user = 5
                $0.group = 6
            })
        #expect(result.verdict.status == 0)
        #expect(
            received.value == [
                .begin(.init(isInputConnected: false, user: 5, group: 6)), .argument(Array("echo".utf8)),
                .argument([]), .argument([0xff]), .environment(Array("A=b".utf8)),
                .workingDirectory(Array("/tmp".utf8)), .directory(mode: 0o1777, path: Array("/job".utf8)),
                .start, .powerOff,
            ])
    }

    @Test("a large file is streamed unchanged, with its mode, while the guest reads slowly and talks back")
    func largeFile() throws {
        let directory = try TemporaryDirectory()
        let content = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
        let path = try directory.write("big", content, mode: 0o751)
        let received = Box<(messages: [HostMessage], data: [UInt8])>()
        _ = try run(
            { machine in
                machine.hello()  // before a byte of the job was read: neither side may wait for the other
                received.value = machine.receiveJob()
                machine.exit(code: 0)
                machine.send(.finished)
                machine.closeStreams()
            }, preparing: { $0.inputs = [.init(hostPath: path, guestPath: Array("/job/big".utf8))] })
        #expect(received.value?.data == content)
        #expect(
            received.value?.messages.contains(
                .file(mode: 0o751, size: 3_000_000, path: Array("/job/big".utf8))) == true)
    }

    @Test("a directory is sent with its files and with its links as links")
    func directory() throws {
        let directory = try TemporaryDirectory()
        _ = try directory.write("a", Array("x".utf8))
        #expect(symlink("a", directory.path + "/link") == 0)
        let plan = try InputPlan([.init(hostPath: Array(directory.path.utf8), guestPath: Array("/d".utf8))])
        let entries = Array(plan.entries.dropFirst())
        guard entries.count == 2, case .file(let source, let path) = entries[0] else {
            Issue.record("\(entries)")
            return
        }
        #expect(plan.hostPath(source) == Array("\(directory.path)/a".utf8) && path == Array("/d/a".utf8))
        #expect(entries[1] == .symlink(target: Array("a".utf8), guestPath: Array("/d/link".utf8)))
    }

    @Test("a missing input is named before any VM is started")
    func missing() throws {
        let path = Array("/no/such/file".utf8)
        #expect(throws: LaunchError.input(path: path, errno: .noSuchFileOrDirectory)) {
            try run(
                { _ in Issue.record("a VM was started") },
                preparing: {
                    $0.inputs = [.init(hostPath: path, guestPath: Array("/x".utf8))]
                })
        }
    }

    @Test("HOSTILE 20: a device or pipe as input is refused and named")
    func device() throws {
        let error = #expect(throws: LaunchError.self) {
            try InputPlan([.init(hostPath: Array("/dev/zero".utf8), guestPath: Array("/x".utf8))])
        }
        #expect(error?.description.contains("/dev/zero") == true)
    }
}

@Suite(.serialized) struct OutputTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func output(_ name: String) -> JobRequest.OutputFile {
        .init(guestPath: Array("/job/\(name)".utf8), hostPath: Array("\(directory.path)/\(name)".utf8))
    }

    @Test("HOSTILE 19: an output comes back with content and permission bits, and without set-user-ID")
    func comesBack() throws {
        let target = output("r")
        let result = try run(
            { machine in
                machine.hello()
                machine.exit(code: 0)
                machine.send(.outputFile(index: 0, mode: 0o104640, size: 5))
                machine.sendData(Array("he".utf8))
                machine.sendData(Array("llo".utf8))
                machine.send(.finished)
                machine.closeStreams()
            }, preparing: { $0.outputs = [target] })
        #expect(result.verdict.status == 0)
        #expect(try directory.read("r") == Array("hello".utf8))
        #expect(try PathStatus(of: target.hostPath, followingLinks: false).mode == 0o640)
        #expect(try directory.names() == ["r"])
        #expect(result.outputFiles.first?.size == 5)
    }

    @Test(
        "a missing output turns success into 125 and keeps any other status; both say which",
        arguments: [
            (0, 125), (3, 3),
        ] as [(UInt32, Int32)])
    func missing(code: UInt32, status: Int32) throws {
        let target = output("m")
        let result = try run(
            { machine in
                machine.hello()
                machine.exit(code: code)
                machine.send(.outputMissing(index: 0, errno: ENOENT), .finished)
                machine.closeStreams()
            }, preparing: { $0.outputs = [target] })
        #expect(result.verdict.status == status)
        #expect(result.verdict.message?.contains("/job/m") == true)
        #expect(try directory.names() == [])
    }

    @Test(
        "HOSTILE 19: nothing half-written is left, and an old file stays, when the guest dies in the middle of an output")
    func diesInTheMiddle() throws {
        let target = output("r")
        _ = try directory.write("r", Array("old".utf8))
        let result = try run(
            { machine in
                machine.hello()
                machine.exit(code: 0)
                machine.send(.outputFile(index: 0, mode: 0o644, size: 100))
                machine.sendData([1, 2, 3])
                machine.event(.ended(cause: .guestPanic, message: []))
            }, preparing: { $0.outputs = [target] })
        #expect(result.verdict.reason == .guestPanic)
        #expect(try directory.names() == ["r"])
        #expect(try directory.read("r") == Array("old".utf8))
    }

    @Test("HOSTILE 19: a complete output is not published when the report around it is not")
    func incompleteReport() throws {
        let target = output("r")
        let result = try run(
            { machine in
                machine.hello()
                machine.exit(code: 0)
                machine.send(.outputFile(index: 0, mode: 0o644, size: 0))
                machine.event(.ended(cause: .poweredOff, message: []))
            }, preparing: { $0.outputs = [target] })
        #expect(result.verdict.reason == .protocolError)
        #expect(try directory.names() == [])
    }

    @Test("an output that the job did not live to send is not in the result as an empty file")
    func neverSent() throws {
        let target = output("r")
        let result = try run(
            { machine in
                machine.hello()
                machine.event(.ended(cause: .guestPanic, message: []))
            }, preparing: { $0.outputs = [target] })
        #expect(result.verdict.reason == .guestPanic)
        #expect(result.outputFiles.map(\.size) == [nil])
    }

    @Test("HOSTILE 19: finished without an answer for every output is a broken report")
    func unanswered() throws {
        let target = output("r")
        let result = try run({ $0.succeed() }, preparing: { $0.outputs = [target] })
        #expect(result.verdict.reason == .protocolError)
    }

    @Test("HOSTILE 19: more data than the announced size is refused")
    func tooMuchData() throws {
        let target = output("r")
        let result = try run(
            { machine in
                machine.hello()
                machine.exit(code: 0)
                machine.send(.outputFile(index: 0, mode: 0o644, size: 2))
                machine.sendData([1, 2, 3])
            }, preparing: { $0.outputs = [target] })
        #expect(result.verdict.reason == .protocolError)
        #expect(try directory.names() == [])
    }

    @Test("HOSTILE 19: a sparse file larger than all its guest can hold ends the job, and fills no disk of the host's")
    func sparseBomb() throws {
        let target = output("r")
        let sizes: [(UInt64, Reason)] = [
            (1 << 25, .exited), ((1 << 25) + 1, .outputLimit), (1 << 40, .outputLimit),
        ]
        for (size, reason) in sizes {
            let result = try run(
                { machine in
                    machine.hello()
                    machine.exit(code: 0)
                    machine.send(.outputFile(index: 0, mode: 0o644, size: size))
                    machine.sendData([UInt8](repeating: 0, count: WireLimit.payload))
                    guard reason == .exited else { return }
                    for _ in 1..<(Int(size) / WireLimit.payload) {
                        machine.sendData([UInt8](repeating: 0, count: WireLimit.payload))
                    }
                    machine.send(.finished)
                    machine.closeStreams()
                },
                preparing: {
                    $0.memoryBytes = 1 << 25
                    $0.outputs = [target]
                })
            #expect(result.verdict.reason == reason, "\(size): \(result.verdict)")
            #expect(try directory.names() == (reason == .exited ? ["r"] : []))
            try? unlinkFile(target.hostPath)
        }
    }

    @Test("HOSTILE 19: an answer has a number and no name: a guest never decides a host path")
    func numbersOnly() throws {
        let target = JobRequest.OutputFile(
            guestPath: Array("/../../../tmp/x".utf8), hostPath: Array("\(directory.path)/r".utf8))
        for index: UInt32 in [1, 2, 0x7fff_ffff, .max] {
            let result = try run(
                { machine in
                    machine.hello()
                    machine.exit(code: 0)
                    machine.send(.outputFile(index: index, mode: 0o644, size: 1))
                    machine.sendData([65])
                    machine.send(.finished)
                    machine.closeStreams()
                }, preparing: { $0.outputs = [target] })
            #expect(result.verdict.reason == .protocolError)
            #expect(try directory.names() == [])
        }
    }

    @Test("HOSTILE 19: an output that is answered twice is a broken report, and neither answer is published")
    func answeredTwice() throws {
        let target = output("r")
        let result = try run(
            { machine in
                machine.hello()
                machine.exit(code: 0)
                machine.send(.outputFile(index: 0, mode: 0o644, size: 1))
                machine.sendData([65])
                machine.send(.outputMissing(index: 0, errno: ENOENT), .finished)
                machine.closeStreams()
            }, preparing: { $0.outputs = [target] })
        #expect(result.verdict.reason == .protocolError)
        #expect(try directory.names() == [])
    }

    @Test("HOSTILE 20: a link that waits under the name of a temporary file is not followed; the output fails instead")
    func waitingLink() throws {
        let target = output("r")
        _ = try directory.write("precious", Array("p".utf8))
        // Only a file that takes the place of another has a temporary name at all.
        _ = try directory.write("r", Array("old".utf8))
        #expect(symlink("precious", directory.path + "/.r.swiftlet-\(getpid())-0") == 0)
        let result = try run(
            { machine in
                machine.hello()
                machine.exit(code: 0)
                machine.send(.outputFile(index: 0, mode: 0o644, size: 1))
                machine.sendData([65])
                machine.send(.finished)
                machine.closeStreams()
            }, preparing: { $0.outputs = [target] })
        #expect(result.verdict.status == 125)
        #expect(try directory.read("precious") == Array("p".utf8))
        #expect(try directory.read("r") == Array("old".utf8))
        #expect(result.outputFiles.first?.size == nil)
    }

    /// Answers the job's only output with these bytes.
    private func deliver(
        _ content: [UInt8], mode: UInt32 = 0o644, to target: JobRequest.OutputFile
    ) throws -> JobResult {
        try run(
            { machine in
                machine.hello()
                machine.exit(code: 0)
                machine.send(.outputFile(index: 0, mode: mode, size: UInt64(content.count)))
                machine.sendData(content)
                machine.send(.finished)
                machine.closeStreams()
            }, preparing: { $0.outputs = [target] })
    }

    @Test("HOSTILE 19, 33: a target that nothing can be written to is refused before the job runs, and says why")
    func badTargets() throws {
        let socket = try OwnedDescriptor(checking: linux_unix_socket(CInt(SOCK_STREAM.rawValue)))
        #expect(linux_unix_listen(socket.borrowed.rawValue, "\(directory.path)/socket", 1) == 0)
        #expect(symlink("loop", directory.path + "/loop") == 0)
        let reasons: [(String, WrittenPlace.Refusal)] = [
            ("/tmp", .directory), ("\(directory.path)/socket", .socket), ("\(directory.path)/", .directory),
            ("\(directory.path)/none/r", .errno(.noSuchFileOrDirectory)),
            ("\(directory.path)/loop", .errno(.tooManySymbolicLinkLevels)),
        ]
        for (path, why) in reasons {
            let file = JobRequest.OutputFile(guestPath: Array("/r".utf8), hostPath: Array(path.utf8))
            #expect(throws: LaunchError.output(path: file.hostPath, why)) {
                try OutputCollector.places(of: [file])
            }
        }
    }

    @Test("HOSTILE 19, 33: a link at the target is followed, to a file that is there and to a new one; it stays a link")
    func link() throws {
        _ = try directory.write("precious", Array("a longer text".utf8))
        for name in ["precious", "new"] {
            try? unlinkFile(output("r").hostPath)
            #expect(symlink(name, directory.path + "/r") == 0)
            #expect(try deliver([65], to: output("r")).verdict.status == 0)
            #expect(try directory.read(name) == [65])
            #expect(try PathStatus(of: output("r").hostPath, followingLinks: false).isSymbolicLink)
        }
        #expect(try directory.names() == ["new", "precious", "r"])
    }

    @Test("HOSTILE 33: a FIFO gets the file when the verdict stands, and stays one; nothing of a job without a verdict")
    func pipe() throws {
        let target = output("r")
        #expect(mkfifo("\(directory.path)/r", 0o600) == 0)
        let reader = try OwnedDescriptor.open("\(directory.path)/r", flags: O_RDONLY | O_NONBLOCK)
        #expect(try deliver(Array("hello".utf8), to: target).verdict.status == 0)
        #expect(try reader.borrowed.read(upTo: 100) == Array("hello".utf8))
        let dead = try run(
            { machine in
                machine.hello()
                machine.exit(code: 0)
                machine.send(.outputFile(index: 0, mode: 0o644, size: 3))
                machine.sendData([1, 2, 3])
                machine.event(.ended(cause: .guestPanic, message: []))
            }, preparing: { $0.outputs = [target] })
        #expect(dead.verdict.reason == .guestPanic)
        #expect(try reader.borrowed.read(upTo: 100) == [])
        #expect(try PathStatus(of: target.hostPath, followingLinks: false).kind == .pipe)
    }

    @Test("HOSTILE 33: a device is written to and is there afterwards; one that is full is the job's failure")
    func device() throws {
        let null = JobRequest.OutputFile(guestPath: Array("/r".utf8), hostPath: Array("/dev/null".utf8))
        #expect(try deliver([65], to: null).verdict.status == 0)
        #expect(try PathStatus(of: null.hostPath, followingLinks: false).kind == .characterDevice)
        let full = JobRequest.OutputFile(guestPath: Array("/r".utf8), hostPath: Array("/dev/full".utf8))
        let result = try deliver([65], to: full)
        #expect(result.verdict.status == 125 && result.verdict.message?.contains("/dev/full") == true)
    }

    @Test("HOSTILE 33: an open file behind a link of /proc is written to at its end, and keeps what it has")
    func openFile() throws {
        let path = try directory.write("log", Array("before ".utf8))
        let file = try OwnedDescriptor.open(path: path, flags: O_WRONLY | O_APPEND)
        let inode = try file.borrowed.status().inode
        let target = JobRequest.OutputFile(
            guestPath: Array("/r".utf8), hostPath: Array("/proc/self/fd/\(file.borrowed.rawValue)".utf8))
        #expect(try deliver(Array("after".utf8), to: target).verdict.status == 0)
        #expect(try directory.read("log") == Array("before after".utf8))
        #expect(try PathStatus(of: path, followingLinks: false).identity.inode == inode)
    }

    @Test("HOSTILE 33: a guest's mode gives no more than the caller's umask leaves")
    func mask() throws {
        let file = try OwnedDescriptor.open("/proc/self/status", flags: O_RDONLY)
        let status = try file.borrowed.readAll(atMost: 1 << 16)
        let lines = String(decoding: status, as: UTF8.self).split(separator: "\n")
        let digits = lines.first { $0.hasPrefix("Umask:") }?.dropFirst(7)
        let mask = try #require(digits.flatMap { UInt32($0, radix: 8) })
        let target = output("m")
        _ = try deliver([65], mode: 0o106777, to: target)
        #expect(try PathStatus(of: target.hostPath, followingLinks: false).mode == 0o777 & ~mask)
    }
}

@Suite(.serialized) struct CaptureTests {
    @Test("captured output is all there when the verdict is, and never more than its limit")
    func bounded() throws {
        let result = try run(
            { machine in
                machine.hello()
                let bytes = [UInt8](repeating: 65, count: 100_000)
                // A VMM that ignores the limit it was given.
                try? FileDescriptor(rawValue: machine.output).write(all: bytes)
                machine.exit(code: 0, outputBytes: 100_000)
                machine.send(.finished)
                machine.closeStreams(outputBytes: 100_000)
            },
            preparing: {
                $0.standardOutput = .captured
                $0.standardError = .captured
                $0.outputLimitBytes = 70_000
            })
        #expect(result.standardOutput.captured?.count == 70_000)
        #expect(result.standardError.captured == [])
    }
}
