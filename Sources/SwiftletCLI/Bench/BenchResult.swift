/// What a bench found out, to be shown as a table, JSON or a picture. Times are in microseconds.
struct BenchResult {
    /// How one contender did in one workload.
    struct Entry {
        let contender: String
        /// Why there are no figures: a run that fails is told, never averaged.
        var failure: String?
        var whole: Quantiles?
        var gone: Quantiles?
        var processor: Quantiles?
    }

    struct Comparison {
        let workload: Workload
        var rounds = 0
        var entries: [Entry] = []
        var ledger: JobLedger?
        /// Why it was not run at all.
        var skipped: String?

        func entry(_ contender: String) -> Entry? { entries.first { $0.contender == contender } }

        /// Median of the whole job, and of its processor time, beside bubblewrap's in the same run.
        func ratio(_ entry: Entry, _ figure: (Entry) -> Quantiles?) -> Double? {
            guard let base = self.entry(Contender.baseline).flatMap(figure), base.p50 > 0,
                let own = figure(entry)
            else { return nil }
            return Double(own.p50) / Double(base.p50)
        }
    }

    let machine: MachineDescription
    /// Contenders that could not take part, and why.
    var unable: [(name: String, reason: String)] = []
    var comparisons: [Comparison] = []
    var scale: ScaleResult?
    var idle: IdleResult?

    /// Whether everything of swiftlet's own went well. What happened to the others is information.
    var isWhole: Bool {
        let ours = Set(Contender.all.filter(\.isSwiftlet).map(\.name))
        let isFailed = comparisons.contains { comparison in
            comparison.entries.contains { ours.contains($0.contender) && $0.failure != nil }
        }
        return !isFailed && scale?.failures.isEmpty ?? true && idle?.failure == nil
    }
}
