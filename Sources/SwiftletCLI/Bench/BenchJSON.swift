/// A bench's result as one JSON object. Times in microseconds; `null` is what is not known.
struct BenchJSON {
    let result: BenchResult

    var text: String {
        var json = JSONWriter()
        json.object {
            $0.object("machine") {
                $0.string("cpu", result.machine.processor)
                $0.number("cpus", result.machine.processors)
                $0.number("memory", result.machine.memoryBytes)
                $0.string("kernel", result.machine.kernel)
                $0.string("kvm", result.machine.kvm)
            }
            $0.string("baseline", Contender.baseline)
            $0.array("not_run") { list in
                for (name, reason) in result.unable {
                    list.object {
                        $0.string("contender", name)
                        $0.string("reason", reason)
                    }
                }
            }
            $0.array("workloads") { list in
                for comparison in result.comparisons { list.object { self.comparison(&$0, comparison) } }
            }
            if let scale = result.scale { scale.write(&$0) }
            if let idle = result.idle { idle.write(&$0) }
        }
        return json.text + "\n"
    }

    private func comparison(_ json: inout JSONWriter, _ comparison: BenchResult.Comparison) {
        json.string("name", comparison.workload.name)
        json.string("title", comparison.workload.title)
        json.string("skipped", comparison.skipped)
        json.number("rounds", comparison.rounds)
        json.array("contenders") { list in
            for entry in comparison.entries {
                list.object {
                    $0.string("name", entry.contender)
                    $0.string("failure", entry.failure)
                    Self.write(&$0, "whole", entry.whole)
                    Self.write(&$0, "gone", entry.gone)
                    Self.write(&$0, "cpu", entry.processor)
                    $0.decimal("whole_ratio", comparison.ratio(entry, \.whole))
                    $0.decimal("cpu_ratio", comparison.ratio(entry, \.processor))
                }
            }
        }
        guard let ledger = comparison.ledger else { return json.string("ledger", nil) }
        json.object("ledger") {
            $0.object("timing") { timing in
                for (name, quantiles) in ledger.phases { Self.write(&timing, name, quantiles) }
            }
            $0.object("usage") { usage in
                for (name, quantiles) in ledger.counts { Self.write(&usage, name, quantiles) }
            }
        }
    }

    static func write(_ json: inout JSONWriter, _ name: String, _ quantiles: Quantiles?) {
        guard let quantiles else { return json.string(name, nil) }
        json.object(name) {
            $0.number("n", quantiles.count)
            $0.number("min", quantiles.minimum)
            $0.number("p50", quantiles.p50)
            $0.number("p90", quantiles.p90)
            $0.number("p99", quantiles.p99)
            $0.number("max", quantiles.maximum)
        }
    }
}
