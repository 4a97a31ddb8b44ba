/// What waiting machines hold.
struct IdleResult {
    let wanted: Int
    var ready = 0
    /// Jobs that ended as they should, after the measuring.
    var finished = 0
    var startMilliseconds: UInt64 = 0
    // Proportional set sizes, in KiB.
    var machineKiB: Quantiles?
    var guestKiB: Quantiles?
    /// Of the process `swiftlet run`.
    var launcherKiB: Quantiles?
    /// What MemAvailable fell by, for each: all of it and the host's kernel, and whatever others did meanwhile.
    var hostKiB: UInt64?
    var failure: String?

    init(wanted: Int) { self.wanted = wanted }

    var lines: [String] {
        var lines = [
            "\(ready) of \(wanted) idle machines at once, started in \(Ledger.milliseconds(startMilliseconds)) s; "
                + "afterwards \(finished) did their job",
            BenchTable.row("PSS in KiB", ["median", "p90", "max"]),
        ]
        for (name, quantiles) in [
            ("VMM", machineKiB), ("guest memory", guestKiB), ("swiftlet run", launcherKiB),
        ] {
            let cells = quantiles.map { ["\($0.p50)", "\($0.p90)", "\($0.maximum)"] } ?? ["not readable"]
            lines.append(BenchTable.row(name, cells))
        }
        if let hostKiB { lines.append("  MemAvailable fell by \(hostKiB) KiB for each") }
        if let failure { lines.append("failed: \(failure)") }
        return lines
    }

    func write(_ json: inout JSONWriter) {
        json.object("idle") {
            $0.number("wanted", wanted)
            $0.number("ready", ready)
            $0.number("finished", finished)
            $0.number("start_ms", startMilliseconds)
            BenchJSON.write(&$0, "vmm_pss_kib", machineKiB)
            BenchJSON.write(&$0, "guest_pss_kib", guestKiB)
            BenchJSON.write(&$0, "launcher_pss_kib", launcherKiB)
            $0.number("host_kib", hostKiB)
            $0.string("failure", failure)
        }
    }
}
