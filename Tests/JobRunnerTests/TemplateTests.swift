import Glibc
import JobWire
import LinuxSystem
import SystemPackage
import Testing

@testable import JobRunner

/// What the launcher asks of a restored guest before it gives it a job, and of one that is to be saved.
@Suite(.serialized) struct TemplateTests {
    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func resumption(wallClock: UInt64) -> GuestMessage {
        .resumed(.init(isReseeded: true, isClockStepped: true, isIdentityNew: true, wallClock: wallClock))
    }

    private func restored(_ script: @escaping @Sendable (FakeMachine) -> Void) throws -> JobResult {
        let file = try OwnedDescriptor.memoryFile(name: "template")
        return try run(script) { $0.template = .restoring(file: file.borrowed) }
    }

    @Test("HOSTILE 17: a restored guest gets its job when it has confirmed, and not before")
    func confirmed() throws {
        let result = try restored { machine in
            machine.send(.hello(version: 1, nonce: machine.nonce, sinceEntryNanoseconds: 1))
            // Long enough for a launcher that does not wait to have sent the job.
            #expect(!machine.hasInput(within: 100))
            machine.send(Self.resumption(wallClock: Self.now))
            #expect(machine.receiveJob().messages.last == .powerOff)
            machine.send(.started(sinceEntryNanoseconds: 2))
            machine.exit(code: 0)
            machine.send(.finished)
            machine.closeStreams()
        }
        #expect(result.verdict.reason == .exited, "\(result.verdict)")
    }

    @Test("HOSTILE 17: a restored guest that starts without confirming is refused")
    func silent() throws {
        let result = try restored { $0.succeed() }
        #expect(result.verdict.message?.contains("started out of order") == true, "\(result.verdict)")
        #expect(result.verdict.status == 125)
    }

    @Test(
        "HOSTILE 17: a guest that has not drawn new random numbers, stepped its clock or taken a new identity is refused",
        arguments: [0, 1, 2])
    func incomplete(missing: Int) throws {
        let result = try restored { machine in
            machine.send(
                .hello(version: 1, nonce: machine.nonce, sinceEntryNanoseconds: 1),
                .resumed(
                    .init(
                        isReseeded: missing != 0, isClockStepped: missing != 1, isIdentityNew: missing != 2,
                        wallClock: Self.now)))
        }
        #expect(
            result.verdict.message?.contains("resumed without") == true, "\(result.verdict)")
    }

    @Test("HOSTILE 17: a guest whose clock shows a time outside of its job's is refused", arguments: [-60, 60])
    func wrongClock(seconds: Int64) throws {
        let result = try restored { machine in
            let clock = UInt64(Int64(Self.now) + seconds * 1_000_000_000)
            machine.send(
                .hello(version: 1, nonce: machine.nonce, sinceEntryNanoseconds: 1),
                Self.resumption(wallClock: clock))
        }
        #expect(result.verdict.message?.contains("its clock was not stepped") == true, "\(result.verdict)")
    }

    @Test("HOSTILE 17: a clock far out of any range is no trap", arguments: [0, UInt64.max])
    func wildClock(clock: UInt64) throws {
        let result = try restored { machine in
            machine.send(
                .hello(version: 1, nonce: machine.nonce, sinceEntryNanoseconds: 1),
                Self.resumption(wallClock: clock))
        }
        #expect(result.verdict.reason == .protocolError)
    }

    @Test("HOSTILE 17: a guest that booted cannot say that it resumed, or that it is to be saved")
    func notRestored() throws {
        for message in [Self.resumption(wallClock: Self.now), .checkpoint(.kernel), .checkpoint(.program)] {
            let result = try run { machine in
                machine.send(.hello(version: 1, nonce: machine.nonce, sinceEntryNanoseconds: 1), message)
            }
            #expect(result.verdict.reason == .protocolError, "\(result.verdict)")
            #expect(result.checkpoint == nil)
        }
    }

    private func made(_ script: @escaping @Sendable (FakeMachine) -> Void) throws -> JobResult {
        let memory = try OwnedDescriptor.memoryFile(name: "memory")
        return try run(script) { $0.template = .making(memory: memory.borrowed) }
    }

    @Test("a guest is saved when it says so, its machine says so, and its output has arrived")
    func saved() throws {
        let result = try made { machine in
            machine.hello()
            machine.send(.checkpoint(.program))
            machine.closeStreams()
            machine.event(.ended(cause: .checkpointed, message: []))
        }
        #expect(result.checkpoint == .program)
        #expect(result.verdict.reason == .checkpointed)
    }

    @Test(
        "HOSTILE 17: a machine that ends with its guest's word, its own or some output missing is not saved",
        arguments: [0, 1, 2])
    func notSaved(missing: Int) throws {
        let result = try made { machine in
            machine.hello()
            if missing != 0 { machine.send(.checkpoint(.program)) }
            if missing != 1 { machine.closeStreams() }
            machine.event(.ended(cause: missing == 2 ? .poweredOff : .checkpointed, message: []))
        }
        #expect(result.checkpoint == nil)
        #expect(result.verdict.status == 125, "\(result.verdict)")
    }
}
