import Glibc
import LinuxSystem
import SystemPackage

/// `swiftlet doctor --attack`: runs the hostile-guest kit on this host and says of each attack whether it was held.
struct AttackCommand {
    /// One attack, and what came of its kernels.
    struct Row {
        let attack: Attack
        let outcomes: [AttackTrial.Outcome]

        var isHeld: Bool { outcomes.allSatisfy { $0.problems.isEmpty } }
        /// Whether none of its kernels could be run on this host.
        var isSkipped: Bool { outcomes.allSatisfy { $0.skipped != nil } }

        /// Each once, in the order in which they came.
        var verdicts: [String] {
            outcomes.reduce(into: []) { verdicts, outcome in
                let verdict = outcome.verdict?.reason.rawValue ?? "-"
                if !verdicts.contains(verdict) { verdicts.append(verdict) }
            }
        }
    }

    /// Where the kit may be: installed beside the executable, or in the tree where it was built.
    private static var directories: [String] {
        [OwnFiles.directory + "/evil", OwnFiles.directory + "/../evil"]
    }

    private let printsJSON: Bool

    init(printsJSON: Bool) {
        self.printsJSON = printsJSON
    }

    /// - Returns: the exit status: 0 only if every attack was held. What this host cannot run is named.
    func run() -> Int32 {
        do throws(BatchFailure) {
            return try attack()
        } catch {
            Terminal.say("swiftlet: doctor --attack: \(error.text)")
            return 1
        }
    }

    private func attack() throws(BatchFailure) -> Int32 {
        let kit = try Self.kit()
        let groups = Leftovers.groups()
        let trial = try AttackTrial()
        let progress = ProgressLine()
        var rows: [Row] = []
        for (index, attack) in Attack.all.enumerated() {
            var outcomes: [AttackTrial.Outcome] = []
            for kernel in attack.kernels {
                progress.update("attack \(index + 1) of \(Attack.all.count)", kernel)
                outcomes.append(trial.run(attack, kernel, at: kit.directory + "/" + kernel))
            }
            rows.append(Row(attack: attack, outcomes: outcomes))
        }
        progress.clear()
        let report = AttackReport(
            rows: rows, honestJobs: trial.honestJobs,
            unnamed: kit.kernels.subtracting(Attack.all.flatMap(\.kernels)).sorted(),
            groupsLeft: Self.groupsLeft(since: groups))
        let status = printed(printsJSON ? report.json : report.text)
        return status != 0 ? status : report.isHeld ? 0 : 1
    }

    private static func kit() throws(BatchFailure) -> (directory: String, kernels: Set<String>) {
        for directory in directories {
            guard let names = try? listDirectory(Array(directory.utf8)), !names.isEmpty else { continue }
            return (directory, Set(names.map { String(decoding: $0, as: UTF8.self) }))
        }
        throw BatchFailure(
            "the evil kernels are neither in \(directories.joined(separator: " nor in ")); `make evil` builds them, "
                + "into build/evil")
    }

    /// New groups without a process; those of other swiftlets on this host vanish while we look.
    private static func groupsLeft(since before: Set<[UInt8]>) -> Int {
        var left = Leftovers.abandoned(Leftovers.groups().subtracting(before))
        for _ in 0..<20 where !left.isEmpty {
            usleep(100_000)
            left = Leftovers.abandoned(left)
        }
        return left.count
    }
}
