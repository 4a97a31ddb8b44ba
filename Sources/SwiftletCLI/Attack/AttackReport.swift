/// What the attacks came to.
struct AttackReport {
    let rows: [AttackCommand.Row]
    let honestJobs: Int
    /// Kernels of the kit that no attack names: a kit of another version.
    let unnamed: [String]
    /// Control groups of ours without a process in them, after everything.
    let groupsLeft: Int

    var isHeld: Bool { rows.allSatisfy(\.isHeld) && unnamed.isEmpty && groupsLeft == 0 }

    /// A table, and what held for all of them.
    var text: String {
        let names = column(rows.map(\.attack.name), heading: "attack")
        let verdicts = column(rows.map { $0.verdicts.joined(separator: ", ") }, heading: "verdict")
        var text = "        \(names[0])  \(verdicts[0])  what must hold\n"
        for (index, row) in rows.enumerated() {
            text += !row.isHeld ? "NOT OK  " : row.isSkipped ? "skipped " : "ok      "
            text += "\(names[index + 1])  \(verdicts[index + 1])  \(row.attack.mustHold)\n"
            for outcome in row.outcomes {
                if let reason = outcome.skipped { text += "        \(outcome.kernel): \(reason)\n" }
                for problem in outcome.problems { text += "        \(outcome.kernel): \(problem)\n" }
            }
        }
        for kernel in unnamed { text += "NOT OK  \(kernel): in the kit, and no attack of this version\n" }
        if groupsLeft > 0 { text += "NOT OK  \(groupsLeft) control groups are left behind\n" }
        return text + summary + "\n"
    }

    private var summary: String {
        let run = rows.filter { !$0.isSkipped }
        let held = run.filter(\.isHeld).count
        let guests = run.reduce(0) { $0 + $1.outcomes.count }
        return """
            \(held) of \(run.count) attacks held: \(guests) hostile guests, with \(honestJobs) honest jobs beside them.
            Held also means: never success, no VMM that failed, ended within its limit and 20 s, memory within
            the guest's and 32 MiB, the honest job right, and no process, descriptor or control group left.
            """
    }

    private func column(_ texts: [String], heading: String) -> [String] {
        let width = ([heading] + texts).map(\.count).max() ?? 0
        return ([heading] + texts).map { $0 + String(repeating: " ", count: width - $0.count) }
    }

    var json: String {
        var json = JSONWriter()
        json.object {
            $0.boolean("held", isHeld)
            $0.number("honest_jobs", honestJobs)
            $0.number("control_groups_left", groupsLeft)
            $0.array("unnamed_kernels") { list in
                for kernel in unnamed { list.string(kernel) }
            }
            $0.array("attacks") { list in
                for row in rows { list.object { write(row, to: &$0) } }
            }
        }
        return json.text + "\n"
    }

    private func write(_ row: AttackCommand.Row, to json: inout JSONWriter) {
        json.string("attack", row.attack.name)
        json.string("must_hold", row.attack.mustHold)
        json.boolean("held", row.isHeld)
        json.array("guests") { list in
            for outcome in row.outcomes {
                list.object {
                    $0.string("kernel", outcome.kernel)
                    $0.string("verdict", outcome.verdict?.reason.rawValue)
                    $0.string("message", outcome.verdict?.message)
                    $0.string("skipped", outcome.skipped)
                    $0.array("problems") { problems in
                        for problem in outcome.problems { problems.string(problem) }
                    }
                }
            }
        }
    }
}
