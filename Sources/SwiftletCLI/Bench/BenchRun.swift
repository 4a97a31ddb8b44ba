import Glibc
import LinuxSystem
import Synchronization
import SystemPackage

/// The signal that asked to stop, or 0. Written by a signal handler, hence atomic.
private let stopSignal = Atomic<CInt>(0)

/// Runs workloads by contenders, in turn.
final class BenchRun {
    let places: BenchPlaces
    let progress = ProgressLine()
    private let options: BenchOptions

    /// Runs of swiftlet for its ledger, at most: it is one more run for each.
    private static let ledgerRounds = 50

    init(_ options: BenchOptions, _ places: BenchPlaces) {
        self.options = options
        self.places = places
        stopSignal.store(0, ordering: .relaxed)  // initialised here, not first in a signal handler
        // Ctrl-C reaches the running job by itself; we stay to take away our files.
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { stopSignal.store($0, ordering: .relaxed) }
        }
    }

    /// The signal that asked to stop, or nil.
    static var stopped: CInt? {
        let number = stopSignal.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }

    static func checkStopped() throws(BenchFailure) {
        if stopped != nil { throw BenchFailure("stopped") }
    }

    /// Who takes part; the others are named in `result`.
    func contenders(_ result: inout BenchResult) -> [Contender] {
        var ready: [Contender] = []
        for contender in options.contenders {
            switch contender.availability() {
            case .ready: ready.append(contender)
            case .unable(let reason): result.unable.append((contender.name, reason))
            }
        }
        return ready
    }

    func compare(
        _ workload: Workload, _ contenders: [Contender]
    ) throws(BenchFailure) -> BenchResult.Comparison {
        var comparison = BenchResult.Comparison(workload: workload)
        do throws(BenchFailure) {
            _ = try places.imagePath(workload.image)
        } catch {
            comparison.skipped = error.text
            return comparison
        }
        let rounds = max(min(options.rounds, 3), options.rounds / workload.roundsDivisor)
        let warmUps = workload.roundsDivisor == 1 ? 2 : 1
        comparison.rounds = rounds
        var samples = contenders.map { _ in [MeasuredChild.Times]() }
        var failures = [String?](repeating: nil, count: contenders.count)
        let input = BenchPlaces.input(workload.input)
        let plan = Interleaving(contenders: contenders.count, rounds: rounds, warmUps: warmUps)
        for (sequence, turn) in plan.turns.enumerated() where failures[turn.contender] == nil {
            try Self.checkStopped()
            progress.update(workload.name, "round \(turn.round + 1) of \(rounds + warmUps)")
            do throws(BenchFailure) {
                let words = try contenders[turn.contender].words(workload, places, sequence)
                let times = try self.times(words, input, workload)
                if turn.isCounted { samples[turn.contender].append(times) }
            } catch {
                try Self.checkStopped()
                failures[turn.contender] = "round \(turn.round + 1): \(error.text)"
            }
        }
        for (index, contender) in contenders.enumerated() {
            var entry = BenchResult.Entry(contender: contender.name, failure: failures[index])
            if failures[index] == nil {
                entry.whole = Quantiles(samples[index].map(\.whole))
                entry.gone = Quantiles(samples[index].map(\.gone))
                entry.processor = Quantiles(samples[index].map(\.processor))
            }
            comparison.entries.append(entry)
        }
        if let own = contenders.firstIndex(where: \.isSwiftlet), failures[own] == nil {
            comparison.ledger = try ledger(contenders[own], workload, input, min(rounds, Self.ledgerRounds))
        }
        progress.clear()
        return comparison
    }

    private func times(
        _ words: [String], _ input: [UInt8]?, _ workload: Workload
    ) throws(BenchFailure) -> MeasuredChild.Times {
        let outcome = try run(words, input)
        if let problem = workload.problem(of: outcome) { throw BenchFailure(problem) }
        return outcome.times
    }

    func run(_ words: [String], _ input: [UInt8]? = nil) throws(BenchFailure) -> MeasuredChild.Outcome {
        try BenchPlaces.attempting("running", words[0]) { () throws(Errno) in
            try MeasuredChild(words: words, input: input).run()
        }
    }

    /// The phases of jobs of the same kind, from their results; not counted in the times, for a result is a file to write.
    private func ledger(
        _ contender: Contender, _ workload: Workload, _ input: [UInt8]?, _ rounds: Int
    ) throws(BenchFailure) -> JobLedger {
        var results: [[UInt8]] = []
        for round in 0..<rounds {
            try Self.checkStopped()
            progress.update(workload.name, "ledger \(round + 1) of \(rounds)")
            let words = try contender.words(workload, places, round)
            let (outcome, result) = try runWithResult(words, input)
            if let problem = workload.problem(of: outcome) { throw BenchFailure("ledger: \(problem)") }
            results.append(result)
        }
        return try Self.ledger(of: results)
    }

    static func ledger(of results: [[UInt8]]) throws(BenchFailure) -> JobLedger {
        do throws(JSONError) {
            return try JobLedger(results: results)
        } catch {
            throw BenchFailure("a result of swiftlet run: \(error.description)")
        }
    }

    /// Runs `swiftlet run …` and reads the result it wrote.
    func runWithResult(
        _ words: [String], _ input: [UInt8]? = nil
    ) throws(BenchFailure) -> (MeasuredChild.Outcome, [UInt8]) {
        let path = "\(places.work)/meta.json"
        let outcome = try run(Array(words[..<2]) + ["--meta", path] + words[2...], input)
        let result = try BenchPlaces.attempting("reading", path) { () throws(Errno) in
            let file = try OwnedDescriptor.open(path, flags: O_RDONLY)
            return try file.borrowed.readAll(atMost: 1 << 20)
        }
        return (outcome, result)
    }
}
