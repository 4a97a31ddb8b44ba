// The parts of the VMM and the launcher that every byte passes, without a VM: `swift run -c release swiftlet-micro`.
// Each figure is the best and the median of several runs in one process; compare only figures of one run.

/// The best and the median of so many runs.
private func measured(_ name: String, _ unit: String, isRate: Bool = false, _ body: () throws -> Double) throws {
    let runs = 15
    let values = try (0..<runs).map { _ in try body() }.sorted()
    let best = isRate ? values[runs - 1] : values[0]
    func text(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
    let pad = String(repeating: " ", count: max(1, 44 - name.count))
    print("\(name)\(pad)median \(text(values[runs / 2])) \(unit), best \(text(best)), n = \(runs)")
}

@main struct Program {
    static func main() throws {
        for (length, batch): (UInt16, Int) in [(1, 1), (1, 64), (2, 1), (2, 64), (8, 1)] {
            let queue = try QueueBenchmark(chainLength: length)
            try measured("queue: chains of \(length), \(batch) at a time", "ns a chain") {
                try queue.nanosecondsPerChain(chains: 200_000, batch: batch)
            }
        }
        try measured("wire: encode a message", "ns") {
            try WireBenchmark.messages(count: 100_000).encodeNanoseconds
        }
        try measured("wire: decode a message", "ns") {
            try WireBenchmark.messages(count: 100_000).decodeNanoseconds
        }
        for size in [4 << 10, 64 << 10] {
            try measured("wire: data frames of \(size >> 10) KiB", "MB/s", isRate: true) {
                try WireBenchmark.dataRate(bytes: 64 << 20, frameBytes: size)
            }
        }
    }
}
