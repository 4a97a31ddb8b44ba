import JobWire
import Synchronization
import Testing

@testable import JobRunner

/// A guest that lies on the control stream. Whatever it sends, the job is a `protocol_error` and never a success.
@Suite(.serialized) struct ForgeryTests {
    private func expectViolation(
        _ what: String, location: SourceLocation = #_sourceLocation,
        _ script: @escaping @Sendable (FakeMachine) -> Void
    ) throws {
        let result = try run { machine in
            script(machine)
            machine.succeed()
        }
        #expect(result.verdict.reason == .protocolError, sourceLocation: location)
        #expect(result.verdict.status == 125, sourceLocation: location)
        #expect(result.verdict.message?.contains(what) == true, "\(result.verdict)", sourceLocation: location)
    }

    @Test("HOSTILE 18: bytes that are no frames")
    func garbage() throws {
        try expectViolation("unknown type") {
            $0.send([UInt8](repeating: 0x41, count: 1000).enumerated().map { $0.offset % 8 >= 6 ? 0 : 0x41 })
        }
        try expectViolation("4294967295 bytes") { $0.send([0xff, 0xff, 0xff, 0xff, 67, 0, 0, 0]) }
    }

    @Test("HOSTILE 18: frames of the host's direction")
    func hostFrames() throws {
        try expectViolation("unknown type 10") { machine in
            var bytes: [UInt8] = []
            HostMessage.start.encode(to: &bytes)
            machine.send(bytes)
        }
    }

    @Test("HOSTILE 18: an exit before the start, and a second exit")
    func exitsOutOfOrder() throws {
        try expectViolation("exited out of order") { $0.exit(code: 0) }
        try expectViolation("exited out of order") { machine in
            machine.hello()
            machine.exit(code: 0)
            machine.exit(code: 0)
        }
    }

    @Test("HOSTILE 18: a second hello, which would bring a nonce of its own")
    func secondHello() throws {
        try expectViolation("hello out of order") { $0.hello() }
    }

    @Test("HOSTILE 18: a hello with a nonce that is not the host's, whatever the report then carries")
    func foreignHello() throws {
        for forged in [GuestMessage.Nonce(low: 0, high: 0), .init(low: 1, high: 2)] {
            try expectViolation("a hello of another boot") { machine in
                machine.send(
                    .hello(version: 1, nonce: forged, sinceEntryNanoseconds: 1),
                    .started(sinceEntryNanoseconds: 2),
                    .exited(.init(nonce: forged, kind: .exited, code: 0)), .finished)
            }
        }
    }

    @Test("two jobs never have the same nonce")
    func freshNonces() throws {
        let seen = Mutex<[GuestMessage.Nonce]>([])
        for _ in 0..<5 {
            let result = try run { machine in
                seen.withLock { $0.append(machine.nonce) }
                machine.succeed()
            }
            #expect(result.verdict.reason == .exited)
        }
        seen.withLock { nonces in
            #expect(nonces.count == 5)
            for (index, nonce) in nonces.enumerated() {
                #expect(nonce.low != 0 && nonce.high != 0)
                #expect(!nonces[..<index].contains(nonce))
            }
        }
    }

    @Test("HOSTILE 18: an exit report of another boot")
    func foreignNonce() throws {
        try expectViolation("another boot") { machine in
            machine.hello()
            machine.send(.exited(.init(nonce: .init(low: 9, high: 9), kind: .exited, code: 0)))
        }
    }

    @Test(
        "HOSTILE 18: exit codes and signals that no process can have",
        arguments: [
            (.exited, 256), (.exited, .max), (.signaled, 0), (.signaled, 65),
        ] as [(GuestMessage.ExitReport.Kind, UInt32)])
    func impossibleCodes(kind: GuestMessage.ExitReport.Kind, code: UInt32) throws {
        try expectViolation(kind == .exited ? "exit code" : "signal") { machine in
            machine.hello()
            machine.exit(kind, code: code)
        }
    }

    @Test("HOSTILE 18: more unsupported system calls than Linux has")
    func unsupportedFlood() throws {
        try expectViolation("too many") { machine in
            machine.hello()
            for number in 0...UInt32(ReportReader.maximumUnsupported) {
                machine.send(.unsupported(systemCall: number, count: 1))
            }
        }
    }

    @Test(
        "HOSTILE 18: more missing files or unknown ioctls than a kernel may report, and a missing file with a NUL in it"
    )
    func missingFlood() throws {
        try expectViolation("too many missing") { machine in
            machine.hello()
            for i in 0...ReportReader.maximumMissing {
                machine.send(.missingFile(path: Array("/proc/\(i)".utf8), count: 1))
            }
        }
        try expectViolation("too many unsupported ioctls") { machine in
            machine.hello()
            for number in 0...UInt32(ReportReader.maximumMissing) {
                machine.send(.unsupportedControl(request: number, count: 1))
            }
        }
        try expectViolation("bad value") { machine in
            machine.hello()
            machine.send(.missingFile(path: [47, 0], count: 1))
        }
    }

    @Test(
        "HOSTILE 18: what a kernel lacks, named twice",
        arguments: [
            .unsupported(systemCall: 1, count: 1), .unsupportedControl(request: 1, count: 1),
            .missingFile(path: [47], count: 1),
        ] as [GuestMessage])
    func lacksTwice(message: GuestMessage) throws {
        try expectViolation("twice") { machine in
            machine.hello()
            machine.send(message)
            machine.send(message)
        }
    }

    @Test("HOSTILE 18, 19: an output that was not asked for, and data that belongs to none")
    func strayOutputs() throws {
        try expectViolation("not asked for") { machine in
            machine.hello()
            machine.exit(code: 0)
            machine.send(.outputFile(index: 0, mode: 0o644, size: 0))
        }
        try expectViolation("data outside") { machine in
            machine.hello()
            machine.sendData([1])
        }
    }

    @Test("HOSTILE 18: what is no UTF-8 in a guest's words is shown as such, on one line, and breaks nothing")
    func noText() throws {
        let result = try run { machine in
            machine.send(
                .hello(version: 1, nonce: machine.nonce, sinceEntryNanoseconds: 0),
                .failed(
                    stage: .exec, errno: 2, about: [0xff, 0xc3, 0x28, 0x0a, 0x1b, 0x5b, 0x41, 0xf0, 0x9f]))
        }
        #expect(result.verdict.reason == .startFailed)
        #expect(result.verdict.status == 127)
        let message = try #require(result.verdict.message)
        #expect(message == "\u{fffd}\u{fffd}(\u{fffd}\u{fffd}[A\u{fffd}: not found in the image")
    }

    @Test("HOSTILE 16: no word of the job's reaches the kernel's start: the VMM's arguments have none of it")
    func noInjection() throws {
        let machine = Box<[String]>()
        _ = try run(
            { fake in
                machine.value = fake.arguments
                fake.succeed()
            },
            preparing: {
                $0.arguments = ["--unconfined", "init=/evil", "nokaslr"].map { Array($0.utf8) }
                $0.environment = [Array("--kernel=9".utf8), Array("evil=1".utf8)]
                $0.workingDirectory = Array("/evil --debug-log".utf8)
            })
        let arguments = try #require(machine.value)
        #expect(arguments.contains("--events"))
        for word in ["evil", "--unconfined", "--debug-log", "nokaslr", "--kernel=9"] {
            #expect(!arguments.contains { $0.contains(word) })
        }
    }

    @Test("HOSTILE 18: a protocol of another version")
    func version() throws {
        try expectViolation("version 2") { machine in
            machine.send(.hello(version: 2, nonce: machine.nonce, sinceEntryNanoseconds: 0))
        }
    }
}
