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

    @Test("bytes that are no frames")
    func garbage() throws {
        try expectViolation("unknown type") {
            $0.send([UInt8](repeating: 0x41, count: 1000).enumerated().map { $0.offset % 8 >= 6 ? 0 : 0x41 })
        }
        try expectViolation("4294967295 bytes") { $0.send([0xff, 0xff, 0xff, 0xff, 67, 0, 0, 0]) }
    }

    @Test("frames of the host's direction")
    func hostFrames() throws {
        try expectViolation("unknown type 10") { machine in
            var bytes: [UInt8] = []
            HostMessage.start.encode(to: &bytes)
            machine.send(bytes)
        }
    }

    @Test("an exit before the start, and a second exit")
    func exitsOutOfOrder() throws {
        try expectViolation("exited out of order") { $0.exit(code: 0) }
        try expectViolation("exited out of order") { machine in
            machine.hello()
            machine.exit(code: 0)
            machine.exit(code: 0)
        }
    }

    @Test("a second hello, which would bring a nonce of its own")
    func secondHello() throws {
        try expectViolation("hello out of order") { $0.hello() }
    }

    @Test("a hello with a nonce that is not the host's, whatever the report then carries")
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

    @Test("an exit report of another boot")
    func foreignNonce() throws {
        try expectViolation("another boot") { machine in
            machine.hello()
            machine.send(.exited(.init(nonce: .init(low: 9, high: 9), kind: .exited, code: 0)))
        }
    }

    @Test(
        "exit codes and signals that no process can have",
        arguments: [
            (.exited, 256), (.exited, .max), (.signaled, 0), (.signaled, 65),
        ] as [(GuestMessage.ExitReport.Kind, UInt32)])
    func impossibleCodes(kind: GuestMessage.ExitReport.Kind, code: UInt32) throws {
        try expectViolation(kind == .exited ? "exit code" : "signal") { machine in
            machine.hello()
            machine.exit(kind, code: code)
        }
    }

    @Test("more unsupported system calls than Linux has")
    func unsupportedFlood() throws {
        try expectViolation("too many") { machine in
            machine.hello()
            for number in 0...UInt32(ReportReader.maximumUnsupported) {
                machine.send(.unsupported(systemCall: number, count: 1))
            }
        }
    }

    @Test("more missing files or unknown ioctls than a kernel may report, and a missing file with a NUL in it")
    func missingFlood() throws {
        try expectViolation("too many missing") { machine in
            machine.hello()
            for _ in 0...ReportReader.maximumMissing { machine.send(.missingFile(path: [47], count: 1)) }
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

    @Test("an output that was not asked for, and data that belongs to none")
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

    @Test("a protocol of another version")
    func version() throws {
        try expectViolation("version 2") { machine in
            machine.send(.hello(version: 2, nonce: machine.nonce, sinceEntryNanoseconds: 0))
        }
    }
}
