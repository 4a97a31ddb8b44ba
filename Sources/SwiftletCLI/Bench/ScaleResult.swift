/// How swiftlet grows: with jobs in flight, and with one size of a job at a time.
struct ScaleResult {
    struct Throughput {
        let inFlight: Int
        let contender: String
        let jobs: Int
        let jobsPerSecond: Double
        /// Of the machine's processors, in percent: how busy the jobs kept them.
        let busyPercent: UInt64
    }

    struct Point {
        let label: String
        /// Whole jobs, microseconds.
        let whole: Quantiles
        /// The most that a VMM had resident, its guest's memory included, in KiB.
        let residentKiB: UInt64?
    }

    struct Curve {
        let title: String
        var points: [Point] = []
    }

    var throughput: [Throughput] = []
    var curves: [Curve] = []
    var failures: [String] = []

    var lines: [String] {
        var lines = ["jobs a second, true; until all have their status"]
        lines.append(BenchTable.row("in flight", ["jobs", "jobs/s", "CPU busy %"]))
        for row in throughput {
            let cells = ["\(row.jobs)", BatchSummary.decimal(row.jobsPerSecond), "\(row.busyPercent)"]
            lines.append(BenchTable.row("\(row.inFlight) \(row.contender)", cells))
        }
        for curve in curves {
            let longest = curve.points.map(\.whole.p50).max() ?? 1
            lines += ["", "\(curve.title); whole job, milliseconds"]
            lines.append(BenchTable.row("", ["n", "median", "p90", "VMM KiB"]))
            for point in curve.points {
                let bar = String(repeating: "#", count: Int(point.whole.p50 * 30 / max(1, longest)))
                let cells = [
                    "\(point.whole.count)", Ledger.milliseconds(point.whole.p50),
                    Ledger.milliseconds(point.whole.p90), point.residentKiB.map { "\($0)" } ?? "-",
                ]
                lines.append(BenchTable.row(point.label, cells) + (bar.isEmpty ? "" : "  " + bar))
            }
        }
        for failure in failures { lines.append("failed: \(failure)") }
        return lines
    }

    func write(_ json: inout JSONWriter) {
        json.object("scale") {
            $0.array("throughput") { list in
                for row in throughput {
                    list.object {
                        $0.number("in_flight", row.inFlight)
                        $0.string("contender", row.contender)
                        $0.number("jobs", row.jobs)
                        $0.decimal("jobs_per_second", row.jobsPerSecond)
                        $0.number("cpu_busy_percent", row.busyPercent)
                    }
                }
            }
            $0.array("curves") { list in
                for curve in curves {
                    list.object {
                        $0.string("title", curve.title)
                        $0.array("points") { points in
                            for point in curve.points {
                                points.object {
                                    $0.string("label", point.label)
                                    BenchJSON.write(&$0, "whole", point.whole)
                                    $0.number("vmm_resident_kib", point.residentKiB)
                                }
                            }
                        }
                    }
                }
            }
            $0.array("failures") { list in failures.forEach { list.string($0) } }
        }
    }
}
