import JobWire
import LinuxSystem
import SystemPackage
import Testing

@testable import JobRunner

/// What limits make of a job's end, on the pure function that decides.
@Suite struct LimitVerdictTests {
    private func limits(_ change: (inout JobRequest) -> Void = { _ in }) -> JobRequest {
        let none = FileDescriptor(rawValue: -1)
        var request = JobRequest(
            arguments: [Array("job".utf8)], kernel: none, image: none,
            standardOutput: .descriptor(none), standardError: .descriptor(none))
        change(&request)
        return request
    }

    /// A job that has reported its end, with both streams where they belong.
    private func ended(
        code: UInt32, _ change: (inout GuestMessage.ExitReport) -> Void = { _ in }
    ) -> Observations {
        var report = GuestMessage.ExitReport(nonce: .init(low: 1, high: 2), kind: .exited, code: code)
        change(&report)
        var seen = Observations()
        seen.report = report
        seen.isFinished = true
        seen.standardOutput.isClosed = true
        seen.standardError.isClosed = true
        return seen
    }

    @Test("the host's out-of-memory killer is a vmm_error with evidence; any other SIGKILL is one without")
    func outOfMemoryKill() throws {
        var seen = Observations()
        seen.processEnd = .init(signal: 9, code: 0)
        #expect(try #require(Verdict(seen, limits: limits())).evidence == nil)
        seen.memoryKill = .init(limit: 100 << 20, peak: 90 << 20)
        let verdict = try #require(Verdict(seen, limits: limits()))
        #expect(verdict.reason == .vmmError)
        #expect(verdict.status == 125)
        #expect(
            verdict.evidence
                == Evidence(
                    limit: .hostMemory, value: 100 << 20, measured: 90 << 20, unit: .bytes,
                    isGuestsWord: false))
    }

    @Test("processor time that is used up is cpu_timeout, 124, with both times as evidence")
    func processorTime() {
        var seen = Observations()
        seen.intervention = .cpuTimeout(measured: 2_000_500_000)
        let verdict = Verdict(seen, limits: limits { $0.cpuTimeLimitNanoseconds = 2_000_000_000 })
        #expect(verdict?.reason == .cpuTimeout)
        #expect(verdict?.status == 124)
        #expect(
            verdict?.evidence
                == Evidence(
                    limit: .cpuTime, value: 2_000_000, measured: 2_000_500, unit: .microseconds,
                    isGuestsWord: false))
    }

    @Test("a kernel that never says hello is guest_hang, 125, and nothing it says later counts")
    func hang() {
        var seen = ended(code: 0)
        seen.intervention = .bootTimeout(measured: 60_000_000_000)
        let verdict = Verdict(seen, limits: limits())
        #expect(verdict?.reason == .guestHang)
        #expect(verdict?.status == 125)
        #expect(verdict?.evidence?.limit == .boot)
    }

    @Test(
        "a job that failed after its forks were refused is pids_limit with its own status, on the guest's word"
    )
    func processes() {
        let seen = ended(code: 3) { $0.processesRefused = 2 }
        let verdict = Verdict(seen, limits: limits { $0.processLimit = 5 })
        #expect(verdict?.reason == .pidsLimit)
        #expect(verdict?.status == 3)
        #expect(verdict?.exitCode == 3)
        #expect(
            verdict?.evidence
                == Evidence(limit: .pids, value: 5, measured: 2, unit: .refusals, isGuestsWord: true))
    }

    @Test("refusals make no failure of a success, and no limit is blamed that was not set")
    func notBlamed() {
        let success = Verdict(
            ended(code: 0) { $0.processesRefused = 2 }, limits: limits { $0.processLimit = 5 })
        #expect(success == Verdict(.exited, exitCode: 0, status: 0))
        let unlimited = Verdict(
            ended(code: 3) {
                $0.processesRefused = 2
                $0.diskRefused = 1
            }, limits: limits())
        #expect(unlimited == Verdict(.exited, exitCode: 3, status: 3))
    }

    @Test("what the host did decides over every claim of the guest's")
    func hostFirst() {
        var seen = ended(code: 3) { $0.processesRefused = 2 }
        seen.intervention = .wallTimeout(measured: 1_000_000)
        let verdict = Verdict(
            seen,
            limits: limits {
                $0.processLimit = 5
                $0.wallTimeLimitNanoseconds = 1_000_000
            })
        #expect(verdict?.reason == .wallTimeout)
        #expect(verdict?.evidence?.isGuestsWord == false)
    }
}
