/// What is told of many measurements of one thing. Nearest rank: each figure is one that was measured.
struct Quantiles: Equatable {
    let count: Int
    let minimum: UInt64
    let p50: UInt64
    let p90: UInt64
    let p99: UInt64
    let maximum: UInt64

    /// Nil without any sample.
    init?(_ samples: [UInt64]) {
        guard !samples.isEmpty else { return nil }
        let sorted = samples.sorted()
        count = sorted.count
        minimum = sorted[0]
        p50 = Self.nearest(sorted, 50)
        p90 = Self.nearest(sorted, 90)
        p99 = Self.nearest(sorted, 99)
        maximum = sorted[sorted.count - 1]
    }

    /// The least of `sorted` that at least `percent` of a hundred do not exceed. `sorted` is not empty.
    private static func nearest(_ sorted: [UInt64], _ percent: Int) -> UInt64 {
        let rank = (sorted.count * percent + 99) / 100
        return sorted[max(rank, 1) - 1]
    }
}
