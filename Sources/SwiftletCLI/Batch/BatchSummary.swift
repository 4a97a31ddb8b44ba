/// What a batch came to: counts by reason, and how long its jobs took.
struct BatchSummary {
    private(set) var jobs = 0
    private(set) var failed = 0
    private var reasons: [String: Int] = [:]
    /// Whole jobs, in microseconds: four bytes a job.
    private var walls: [UInt32] = []

    mutating func count(reason: String, status: Int32, wallMicroseconds: UInt64?) {
        jobs += 1
        if status != 0 {
            failed += 1
            reasons[reason == "exited" ? "exited with a status" : reason, default: 0] += 1
        }
        if let wallMicroseconds { walls.append(UInt32(clamping: wallMicroseconds)) }
    }

    /// The value below which `share` of all jobs lie (nearest rank); nil without any.
    static func percentile(_ sorted: [UInt32], _ share: Double) -> UInt32? {
        guard !sorted.isEmpty else { return nil }
        let rank = Int((Double(sorted.count) * share).rounded(.up))
        return sorted[max(0, min(sorted.count, rank) - 1)]
    }

    /// One line.
    func text(nanoseconds: UInt64, alreadyDone: Int, failedBefore: Int = 0, notRun: Bool) -> String {
        let seconds = Double(nanoseconds) / 1e9
        var text = "\(jobs) jobs in \(Self.decimal(seconds)) s"
        if seconds > 0 { text += ", \(Self.decimal(Double(jobs) / seconds)) jobs/s" }
        text += "; \(jobs - failed) succeeded, \(failed) failed"
        if failed > 0 {
            let parts = reasons.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
                "\($0.key) \($0.value)"
            }
            text += " (\(parts.joined(separator: ", ")))"
        }
        let sorted = walls.sorted()
        if let median = Self.percentile(sorted, 0.5), let high = Self.percentile(sorted, 0.99) {
            text +=
                "; p50 \(Self.decimal(Double(median) / 1000)) ms, p99 \(Self.decimal(Double(high) / 1000)) ms"
        }
        if alreadyDone > 0 { text += "; \(alreadyDone) were done already" }
        if failedBefore > 0 { text += ", \(failedBefore) of them failed" }
        if notRun { text += "; the rest was not run" }
        return text
    }

    static func decimal(_ value: Double) -> String {
        let tenths = UInt64(max(0, value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
