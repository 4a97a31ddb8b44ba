import JobRunner
import JobWire
import Testing

@testable import SwiftletCLI

@Suite struct LedgerTests {
    /// 10 ms in all: 2 to spawn, 1 to jail, 1 until the guest, 4 of the program from 0.5 ms after entry on, 1.5 to drain.
    private static var result: JobResult {
        var result = JobResult(verdict: Verdict(.exited, exitCode: 0, status: 0))
        result.timeline.begun = 1_000_000
        result.timeline.machineMain = 3_000_000
        result.timeline.jailed = 4_000_000
        result.timeline.guestEntered = 5_000_000
        result.timeline.guestBootDuration = 300_000
        result.timeline.guestStartDuration = 500_000
        result.timeline.startedReceived = 6_000_000
        result.timeline.exitReceived = 9_500_000
        result.timeline.finished = 11_000_000
        return result
    }

    @Test("each phase has a line with its time and a bar of its share of the whole")
    func phases() {
        #expect(
            Ledger(Self.result).lines == [
                "phase          ms",
                "spawn        2.00  ########",
                "jail         1.00  ####",
                "vm_create    1.00  ####",
                "kernel_boot  0.30  #",
                "exec         0.20  #",
                "run          4.00  ################",
                "drain        1.50  ######",
                "wall        10.00",
            ])
    }

    @Test(
        "a phase that was not reached has no time and no bar, and a guest's absurd times stay in their columns"
    )
    func missing() {
        var result = Self.result
        result.timeline.exitReceived = 0
        result.timeline.guestBootDuration = .max
        result.timeline.guestStartDuration = .max
        let lines = Ledger(result).lines
        #expect(lines.contains("run             -"))
        #expect(lines.allSatisfy { $0.count < 90 })
    }

    @Test("exits are told by kind, and only kinds there were")
    func exits() {
        var result = Self.result
        result.counters = [
            .init(.exits, 3), .init(.mmioExits, 2), .init(.haltExits, 1), .init(.queueNotifications, 8),
            .init(.interruptsRaised, 1),
        ]
        #expect(Ledger(result).lines.last == "exits        3 (2 MMIO, 1 halt), 8 notifications, 1 interrupt")
    }
}
