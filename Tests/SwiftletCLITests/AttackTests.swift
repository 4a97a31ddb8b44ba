import JobRunner
import Testing

@testable import SwiftletCLI

@Suite struct AttackTests {
    private func report(
        _ outcomes: [AttackTrial.Outcome], unnamed: [String] = [], groupsLeft: Int = 0
    ) -> AttackReport {
        AttackReport(
            rows: [AttackCommand.Row(attack: Attack.all[0], outcomes: outcomes)], honestJobs: 1,
            unnamed: unnamed, groupsLeft: groupsLeft)
    }

    private let right = AttackTrial.Outcome(
        kernel: "power-off", verdict: Verdict(.protocolError, status: 125, message: "no report"))

    @Test("an attack is held only if nothing is wrong with any of its guests, and the report says what is")
    func oneProblem() {
        #expect(report([right]).isHeld)
        var wrong = right
        wrong.problems = ["it looks like success"]
        let report = report([right, wrong])
        #expect(!report.isHeld)
        #expect(report.text.contains("NOT OK  \(Attack.all[0].name)"))
        #expect(report.text.contains("power-off: it looks like success"))
        #expect(report.text.contains("0 of 1 attacks held"))
    }

    @Test("a kernel that no attack names, and a control group that is left, are not held either")
    func leftovers() {
        #expect(!report([right], unnamed: ["new"]).isHeld)
        #expect(!report([right], groupsLeft: 1).isHeld)
    }

    @Test("an attack that this host cannot run is called skipped, and is not counted as held")
    func skipped() {
        let none = AttackTrial.Outcome(kernel: "block-wild", skipped: "no disk")
        let report = report([none])
        #expect(report.isHeld)
        #expect(report.text.contains("skipped \(Attack.all[0].name)"))
        #expect(report.text.contains("0 of 0 attacks held: 0 hostile guests"))
    }

    @Test("every attack has a kernel of its own and at least one verdict, and success is none of them")
    func list() {
        let kernels = Attack.all.flatMap(\.kernels)
        #expect(Set(kernels).count == kernels.count)
        for attack in Attack.all {
            #expect(!attack.kernels.isEmpty && !attack.verdicts.isEmpty)
            #expect(!attack.verdicts.contains(.exited))
            #expect(!attack.verdicts.contains(.vmmError) && !attack.verdicts.contains(.seccomp))
        }
    }
}
