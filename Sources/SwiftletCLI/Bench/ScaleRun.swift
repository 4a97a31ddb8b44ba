import Glibc
import LinuxSystem
import SystemPackage

/// Measures how swiftlet grows.
struct ScaleRun {
    let bench: BenchRun
    let rounds: Int
    /// Whether bubblewrap is there to be compared with.
    let baseline: Contender?

    private static let inFlight = [1, 2, 4, 16, 64]
    /// Enough for a second or so, and for several times the largest number in flight.
    private static let jobs = 256
    private static let roundsOfCurve = 15
    private static let image = "base"

    func run() throws(BenchFailure) -> ScaleResult {
        var result = ScaleResult()
        try throughput(&result)
        for (title, points) in try curves() { try curve(title, points, &result) }
        bench.progress.clear()
        return result
    }

    // MARK: - Jobs a second

    private func throughput(_ result: inout ScaleResult) throws(BenchFailure) {
        let own = try Contender.ownProgram()
        let workload = Workload.all[0]
        let line = "{\"command\": [\"true\"]}\n"
        let batch = try bench.places.file("jobs") {
            Array(String(repeating: line, count: Self.jobs).utf8)
        }
        for number in Self.inFlight {
            if let baseline {
                let words = try baseline.words(workload, bench.places, 0)
                try load(words, number, baseline.name, &result)
            }
            let words = [own, "run", "--image", Self.image, "--", "true"]
            try load(words, number, "swiftlet run", &result)
            try BenchRun.checkStopped()
            bench.progress.update("scale", "batch -j \(number)")
            let outcome = try bench.run([own, "batch", "-q", "-j", "\(number)", batch])
            guard outcome.status == 0 else {
                result.failures.append("batch -j \(number): status \(outcome.status)")
                continue
            }
            result.throughput.append(
                row(number, "swiftlet batch", outcome.times.whole, outcome.times.processor))
        }
    }

    private func load(
        _ words: [String], _ number: Int, _ name: String, _ result: inout ScaleResult
    ) throws(BenchFailure) {
        try BenchRun.checkStopped()
        bench.progress.update("scale", "\(number) \(name) in flight")
        let load = ParallelLoad(words: words, jobs: Self.jobs, inFlight: number)
        let outcome = try BenchPlaces.attempting("running", words[0]) { () throws(Errno) in try load.run() }
        guard outcome.failed == 0 else {
            result.failures.append("\(number) \(name) in flight: \(outcome.failed) of \(Self.jobs) jobs")
            return
        }
        result.throughput.append(
            row(number, name, outcome.nanoseconds / 1000, outcome.processorMicroseconds))
    }

    private func row(
        _ number: Int, _ name: String, _ microseconds: UInt64, _ processor: UInt64
    ) -> ScaleResult.Throughput {
        let capacity = microseconds * UInt64(MachineDescription().processors)
        return .init(
            inFlight: number, contender: name, jobs: Self.jobs,
            jobsPerSecond: Double(Self.jobs) * 1e6 / Double(max(1, microseconds)),
            busyPercent: processor * 100 / max(1, capacity))
    }

    // MARK: - Curves

    private typealias PointWords = (label: String, words: [String])

    private func curves() throws(BenchFailure) -> [(title: String, points: [PointWords])] {
        let own = try Contender.ownProgram()
        func words(_ options: [String], _ command: [String] = ["true"]) -> [String] {
            [own, "run"] + options + ["--"] + command
        }
        let memory = ["64M", "256M", "1G", "4G", "8G"].map { ($0, words(["-m", $0])) }
        var images: [PointWords] = []
        for (label, bytes): (String, UInt64) in [
            ("10 MB", 10_000_000), ("1 GB", 1_000_000_000), ("10 GB", 10_000_000_000),
        ] {
            images.append((label, words(["--image", try enlarged(label, bytes)])))
        }
        let file = try bench.places.file("small") { Array("swiftlet\n".utf8) }
        let files = [1, 10, 100, 1000, 10_000].map { count in
            ("\(count) files", words((0..<count).flatMap { ["--in", "\(file):/job/\($0)"] }))
        }
        // Pieces of 64 KiB: a program that writes 4 KiB at a time is measured by its system calls.
        let output = [("64 KiB", 1), ("1 MiB", 16), ("10 MiB", 160), ("100 MiB", 1600)]
            .map { ($0.0, words([], ["dd", "if=/dev/zero", "bs=65536", "count=\($0.1)"])) }
        return [
            ("guest memory", memory), ("size of the root image's file", images),
            ("input files", files), ("bytes of output", output),
        ]
    }

    /// The base image in a file of so many bytes: the rest is a hole, which the host maps like the rest.
    private func enlarged(_ label: String, _ bytes: UInt64) throws(BenchFailure) -> String {
        let source = try bench.places.imagePath(Self.image)
        let path = try bench.places.file("image-\(bytes).erofs") {
            guard let file = try? OwnedDescriptor.open(source, flags: O_RDONLY) else { return [] }
            return (try? file.borrowed.readAll(atMost: 64 << 20)) ?? []
        }
        let size = bytes / 4096 * 4096
        try BenchPlaces.attempting("enlarging", path) { () throws(Errno) in
            let file = try OwnedDescriptor.open(path, flags: O_WRONLY)
            try file.borrowed.truncate(to: size)
        }
        return path
    }

    private func curve(
        _ title: String, _ points: [PointWords], _ result: inout ScaleResult
    ) throws(BenchFailure) {
        let rounds = max(1, min(self.rounds, Self.roundsOfCurve))
        var samples = points.map { _ in [UInt64]() }
        var results = points.map { _ in [[UInt8]]() }
        var failures = [String?](repeating: nil, count: points.count)
        for turn in Interleaving(contenders: points.count, rounds: rounds, warmUps: 1).turns
        where failures[turn.contender] == nil {
            try BenchRun.checkStopped()
            bench.progress.update("scale", "\(title): \(points[turn.contender].label)")
            let (outcome, meta) = try bench.runWithResult(points[turn.contender].words)
            guard outcome.status == 0 else {
                failures[turn.contender] = "status \(outcome.status)"
                continue
            }
            if turn.isCounted {
                samples[turn.contender].append(outcome.times.whole)
                results[turn.contender].append(meta)
            }
        }
        var curve = ScaleResult.Curve(title: title)
        for (index, point) in points.enumerated() {
            if let failure = failures[index] {
                result.failures.append("\(title), \(point.label): \(failure)")
            } else if let whole = Quantiles(samples[index]) {
                let ledger = try BenchRun.ledger(of: results[index])
                curve.points.append(
                    .init(label: point.label, whole: whole, residentKiB: ledger.count("vmm.max_resident_kib")))
            }
        }
        result.curves.append(curve)
    }
}
