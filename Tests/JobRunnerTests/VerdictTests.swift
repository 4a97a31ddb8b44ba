import Glibc
import JobWire
import LinuxSystem
import SystemPackage
import Testing

@testable import JobRunner

/// Each way a job can end, told by a fake VMM over the real channels. (HOSTILE §18, docs/protocol.md)
@Suite(.serialized) struct VerdictTests {
    @Test("a job that exits has its own status")
    func exited() throws {
        let result = try run { machine in
            machine.hello()
            machine.exit(code: 7)
            machine.send(.finished)
            machine.closeStreams()
        }
        #expect(result.verdict == Verdict(.exited, exitCode: 7, status: 7))
        #expect(result.report?.code == 7)
    }

    @Test("the order in which the streams and the report end does not matter")
    func streamsFirst() throws {
        let result = try run { machine in
            machine.closeStreams()
            machine.hello()
            machine.exit(code: 0)
            machine.send(.finished)
        }
        #expect(result.verdict == Verdict(.exited, exitCode: 0, status: 0))
    }

    @Test("a job that a signal ended is 128 and the signal, with a line that says so")
    func signaled() throws {
        let result = try run { machine in
            machine.hello()
            machine.exit(.signaled, code: 9)
            machine.send(.finished)
            machine.closeStreams()
        }
        #expect(result.verdict == Verdict(.signaled, signal: 9, status: 137, message: "killed by signal 9"))
    }

    @Test("the guest's out-of-memory kill is 137 with a reason of its own")
    func outOfMemory() throws {
        let result = try run { machine in
            machine.hello()
            machine.exit(.outOfMemory, code: 9)
            machine.send(.finished)
            machine.closeStreams()
        }
        #expect(result.verdict.reason == .outOfMemory)
        #expect(result.verdict.status == 137)
        #expect(result.verdict.evidence?.isGuestsWord == true)
    }

    @Test("a kernel that says it has no memory left is out of memory, and its word is marked as such")
    func outOfKernelMemory() throws {
        let result = try run { machine in
            machine.hello()
            machine.event(.ended(cause: .guestPanic, message: Array("out of kernel memory".utf8)))
        }
        #expect(result.verdict.reason == .outOfMemory)
        #expect(result.verdict.status == 137)
        #expect(result.verdict.evidence?.isGuestsWord == true)
    }

    @Test(
        "a command that is not there is 127, one that cannot be executed 126",
        arguments: [
            (ENOENT, 127), (ENOTDIR, 127), (EACCES, 126), (ENOEXEC, 126), (EISDIR, 126), (E2BIG, 126),
        ] as [(Int32, Int32)])
    func execFailed(errno: Int32, status: Int32) throws {
        let result = try run { machine in
            machine.send(
                .hello(version: 1, nonce: machine.nonce, sinceEntryNanoseconds: 1),
                .failed(stage: .exec, errno: errno, about: Array("nothing".utf8)))
            machine.event(.ended(cause: .poweredOff, message: []))
        }
        #expect(result.verdict.reason == .startFailed)
        #expect(result.verdict.status == status)
        #expect(result.verdict.message?.hasPrefix("nothing: ") == true)
    }

    @Test(
        "HOSTILE 18: a guest that powers off without a report has broken the protocol, whatever it sent before",
        arguments: 0...3)
    func missingReport(steps: Int) throws {
        let result = try run { machine in
            if steps > 0 { machine.hello() }
            if steps > 1 { machine.exit(code: 0) }
            if steps > 2 { machine.closeStreams() }
            machine.event(.ended(cause: .poweredOff, message: []))
        }
        #expect(result.verdict.reason == .protocolError)
        #expect(result.verdict.status == 125)
    }

    @Test("HOSTILE 18: a report of success without the streams' ends is not success")
    func streamsMissing() throws {
        let result = try run { machine in
            machine.hello()
            machine.exit(code: 0)
            machine.send(.finished)
            machine.closeStreams(errno: ECONNRESET)
            machine.event(.ended(cause: .poweredOff, message: []))
        }
        #expect(result.verdict.reason == .protocolError)
    }

    @Test(
        "HOSTILE 18: fewer bytes arrived than the guest says were written: output was lost, and that is no success"
    )
    func lostBytes() throws {
        let result = try run { machine in
            machine.hello()
            machine.exit(code: 0, outputBytes: 10)
            machine.send(.finished)
            machine.closeStreams(outputBytes: 9)
        }
        #expect(result.verdict.reason == .protocolError)
        #expect(result.verdict.message?.contains("10 bytes of standard output, 9 arrived") == true)
    }

    @Test("a full disk under stdout turns success into 125")
    func fullDisk() throws {
        let result = try run { machine in
            machine.hello()
            machine.exit(code: 0, outputBytes: 10)
            machine.send(.finished)
            machine.closeStreams(outputBytes: 4, errno: ENOSPC)
        }
        #expect(result.verdict.reason == .exited)
        #expect(result.verdict.status == 125)
        #expect(result.verdict.message?.contains("No space left") == true)
    }

    @Test(
        "HOSTILE 15: each way a machine ends without a report has its reason, and none is success",
        arguments: [
            (.guestPanic, .guestPanic), (.tripleFault, .guestPanic), (.kvmInternalError, .guestPanic),
            (.deviceUnusable, .guestPanic), (.vmmError, .startFailed),
        ] as [(MachineEvent.EndCause, Reason)])
    func machineEnds(cause: MachineEvent.EndCause, reason: Reason) throws {
        let result = try run { $0.event(.ended(cause: cause, message: Array("on purpose".utf8))) }
        #expect(result.verdict.reason == reason)
        #expect(result.verdict.status == 125)
        #expect(result.verdict.message?.contains("on purpose") == true)
    }

    @Test(
        "HOSTILE 21: a VMM that is killed is vmm_error, one that its seccomp filter killed is seccomp",
        arguments: [
            (SIGKILL, .vmmError), (SIGSYS, .seccomp), (SIGSEGV, .vmmError),
        ] as [(CInt, Reason)])
    func killed(signal: CInt, reason: Reason) throws {
        let result = try run { machine in
            machine.hello()
            machine.die(signal)
        }
        #expect(result.verdict.reason == reason)
        #expect(result.verdict.status == 125)
    }

    @Test("a VMM that dies after a complete report does not spoil it")
    func diesAfterwards() throws {
        let result = try run { machine in
            machine.succeed()
            machine.die(SIGKILL)
        }
        #expect(result.verdict == Verdict(.exited, exitCode: 0, status: 0))
    }

    @Test("a control stream that just closes ends the job after a short grace")
    func controlCloses() throws {
        let result = try run { machine in
            machine.hello()
            machine.closeControl()
            sleep(5)
        }
        #expect(result.verdict.reason == .protocolError)
    }

    @Test("a job over its time is 124, and what it sent until then does not matter")
    func timeout() throws {
        let result = try run(limit: 100_000_000) { machine in
            machine.hello()
            sleep(2)
        }
        #expect(result.verdict.reason == .wallTimeout)
        #expect(result.verdict.status == 124)
    }

    @Test("HOSTILE 26: output beyond its limit ends the job at once with 153")
    func outputLimit() throws {
        let result = try run { machine in
            machine.hello()
            machine.event(.limitReached(port: JobPort.standardOutput))
            sleep(2)
        }
        #expect(result.verdict.reason == .outputLimit)
        #expect(result.verdict.status == 153)
    }

    @Test("a job over its output limit is stopped when its reader has all within it, which the result counts")
    func outputWithinLimit() throws {
        let result = try run { machine in
            machine.hello()
            machine.event(.limitReached(port: JobPort.standardOutput))
            machine.event(.streamClosed(port: JobPort.standardOutput, passed: 10, dropped: 20, errno: 0))
            sleep(2)
        }
        #expect(result.verdict.reason == .outputLimit)
        #expect(result.verdict.evidence?.measured == 30)
        #expect(result.standardOutput.deliveredBytes == 10)
        #expect(result.standardOutput.isTruncated && !result.standardError.isTruncated)
    }

    @Test("bytes that nobody has counted are said to be unknown, not none")
    func uncounted() throws {
        let result = try run(limit: 100_000_000) { machine in
            machine.hello()
            sleep(2)
        }
        #expect(result.standardOutput.deliveredBytes == nil)
    }

    @Test("output dropped at the very end is output_limit too, although the job had exited")
    func outputLimitAtEnd() throws {
        let result = try run { machine in
            machine.hello()
            machine.exit(code: 0, outputBytes: 30)
            machine.closeStreams(outputBytes: 10, dropped: 20)
            machine.send(.finished)
        }
        #expect(result.verdict.reason == .outputLimit)
        #expect(result.standardOutput.isTruncated)
    }

    @Test(
        "an event of the VMM that cannot be read is its failure, not a trap",
        arguments: [
            [], [1], [1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [99, 0, 0, 0],
        ] as [[UInt8]])
    func badEvent(bytes: [UInt8]) throws {
        let result = try run { machine in
            machine.event(bytes: bytes)
            machine.event(.ended(cause: .vmmError, message: []))
        }
        #expect(result.verdict.status == 125)
    }
}

@Suite struct PrintableTests {
    @Test("HOSTILE 18: what a guest says cannot move a terminal's cursor, hide text or forge a line")
    func controls() {
        #expect(
            printable(Array("a\u{1b}[2J\nb\u{202e}c\u{9b}".utf8) + [0xff])
                == "a\u{fffd}[2J\u{fffd}b\u{fffd}c\u{fffd}\u{fffd}")
        #expect(printable([UInt8](repeating: 65, count: 10_000)).count == 500)
    }
}
