import Glibc
import LinuxSystem
import SystemPackage

/// `swiftlet bench`
struct BenchCommand {
    private let options: BenchOptions

    static let help = """
        usage: swiftlet bench [options]
        Measures whole jobs here, beside the same jobs of what else this host has: from exec of the command to the caller
        having its status, and until every process it started is gone. All take turns, so only ratios of one run count.

        \(BenchOptions.table.help)

        Workloads (* is quick; together these take about a minute):
        \(Workload.all.map(line).joined(separator: "\n"))

        Contenders: \(Contender.all.map(\.name).joined(separator: ", "))
        Those that are not here or cannot do the same job are named with the reason. One whose job fails has no figures.
        Unpacked images are kept in $XDG_CACHE_HOME/swiftlet/bench, else in ~/.cache/swiftlet/bench.

        Exit status: 0; 1 a job of swiftlet's failed; 125 the bench could not go on; 128+N stopped by signal N; 2 bad option.

        """

    private static func line(_ workload: Workload) -> String {
        let name = (workload.isQuick ? "* " : "  ") + workload.name
        return "  " + name + String(repeating: " ", count: max(2, 20 - name.count)) + workload.title
    }

    init(_ words: CommandLineWords) throws(UsageError) {
        var options = BenchOptions()
        do throws(UsageError) {
            let index = try BenchOptions.table.parse(words.texts, into: &options, isBytewise: words.isText)
            if index < words.texts.count { throw UsageError("what is \"\(words.texts[index])\"?") }
        } catch {
            throw UsageError("bench: \(error.description)")
        }
        self.options = options
    }

    func run() -> Int32 {
        if options.wantsHelp { return printed(Self.help) }
        do throws(BenchFailure) {
            return try measure()
        } catch {
            if let signal = BenchRun.stopped {
                Terminal.say("swiftlet: bench: stopped")
                return 128 + signal
            }
            Terminal.say("swiftlet: bench: \(error.text)")
            return ExitStatus.ownFailure
        }
    }

    private func measure() throws(BenchFailure) -> Int32 {
        try BenchPlaces.attempting("becoming the reaper of", "the jobs") { () throws(Errno) in
            try MeasuredChild.becomeReaper()
        }
        // A job begins without a locale, and so does what it is compared with: sort(1) takes twice as long with one.
        for name in ["LANG", "LANGUAGE", "LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES"] { unsetenv(name) }
        let places = try BenchPlaces()
        defer { places.tidyUp() }
        let bench = BenchRun(options, places)
        var result = BenchResult(machine: MachineDescription())
        let contenders = bench.contenders(&result)
        for workload in options.chosenWorkloads {
            result.comparisons.append(try bench.compare(workload, contenders))
        }
        if options.measuresScale {
            let baseline = contenders.first { $0.name == Contender.baseline }
            result.scale = try ScaleRun(bench: bench, rounds: options.rounds, baseline: baseline).run()
        }
        if let count = options.idleMachines {
            result.idle = try IdleMachines(count: count).run(bench.progress)
        }
        if let path = options.picturePath {
            try BenchPlaces.attempting("writing", path) { () throws(Errno) in
                var file: MetaFile
                do throws(WrittenPlace.Refusal) { file = try MetaFile(path: path) } catch {
                    throw error.errno
                }
                try file.write(Array(PhasesPicture(result).svg.utf8))
                try file.publish()
            }
        }
        let text = options.printsJSON ? BenchJSON(result: result).text : BenchTable(result: result).text
        let status = printed(text)
        return status != 0 ? status : result.isWhole ? 0 : 1
    }
}
