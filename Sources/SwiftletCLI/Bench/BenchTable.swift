/// A bench's result for a reader.
struct BenchTable {
    let result: BenchResult

    var text: String {
        var lines = [result.machine.text]
        for (name, reason) in result.unable { lines.append("not run: \(name): \(reason)") }
        for comparison in result.comparisons { lines += ["", heading(comparison)] + rows(comparison) }
        if let scale = result.scale { lines += [""] + scale.lines }
        if let idle = result.idle { lines += [""] + idle.lines }
        return lines.joined(separator: "\n") + "\n"
    }

    private func heading(_ comparison: BenchResult.Comparison) -> String {
        if let skipped = comparison.skipped { return "\(comparison.workload.title): not run: \(skipped)" }
        return "\(comparison.workload.title); milliseconds, n = \(comparison.rounds)"
    }

    private static let nameColumns = 22

    private func rows(_ comparison: BenchResult.Comparison) -> [String] {
        guard comparison.skipped == nil else { return [] }
        var lines = [
            Self.row("", ["median", "p90", "p99", "max", "x bwrap", "until gone", "CPU", "x bwrap"])
        ]
        for entry in comparison.entries {
            if let failure = entry.failure {
                lines.append("  \(entry.contender) failed: \(failure)")
                continue
            }
            guard let whole = entry.whole else { continue }
            var cells = [whole.p50, whole.p90, whole.p99, whole.maximum].map(Ledger.milliseconds)
            cells.append(Self.ratio(comparison.ratio(entry, \.whole)))
            cells.append(Self.milliseconds(entry.gone?.p50))
            cells.append(Self.milliseconds(entry.processor?.p50))
            cells.append(Self.ratio(comparison.ratio(entry, \.processor)))
            lines.append(Self.row(entry.contender, cells))
        }
        if let volume = comparison.workload.volume {
            let rates = comparison.entries.compactMap { entry in
                entry.whole.map { "\(entry.contender) \(volume / max(1, $0.p50))" }
            }
            lines.append("    MB/s of the whole job: " + rates.joined(separator: ", "))
        }
        if let ledger = comparison.ledger { lines += self.ledger(ledger) }
        return lines
    }

    private func ledger(_ ledger: JobLedger) -> [String] {
        var lines = ledger.phases.map { name, phase in
            Self.row(
                "  \(name)", [phase.p50, phase.p90, phase.p99, phase.maximum].map(Ledger.milliseconds))
        }
        let names = [
            ("system_calls", "system calls"), ("page_faults", "page faults"), ("vm_exits.total", "VM exits"),
            ("queue_notifications", "notifications"), ("interrupts", "interrupts"),
        ]
        let counts = names.compactMap { name, text in ledger.count(name).map { "\(text) \($0)" } }
        if !counts.isEmpty { lines.append("    \(counts.joined(separator: ", "))") }
        return lines
    }

    static func row(_ name: String, _ cells: [String]) -> String {
        "  " + name + String(repeating: " ", count: max(1, nameColumns - name.count))
            + cells.map { String(repeating: " ", count: max(1, 11 - $0.count)) + $0 }.joined()
    }

    static func milliseconds(_ microseconds: UInt64?) -> String {
        microseconds.map(Ledger.milliseconds) ?? "-"
    }

    static func ratio(_ value: Double?) -> String {
        guard let value else { return "-" }
        return Ledger.milliseconds(UInt64(value * 1000))
    }
}
