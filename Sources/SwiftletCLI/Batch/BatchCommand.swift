import Glibc
import JobRunner
import LinuxSystem
import SystemPackage

/// `swiftlet batch`
struct BatchCommand {
    private let options: BatchOptions
    /// `-`: standard input.
    private let path: String

    static let help = """
        usage: swiftlet batch [options] JOBS.ndjson|-
        Runs many jobs, each in a virtual machine of its own. Each line of the input is a job, a JSON object:
          {"command": ["python3", "solve.py"], "image": "python", "timeout": "10s", "in": ["a.py:solve.py"], "stdin": "1 2"}
        Its members are the options of `swiftlet run` (an array for what may be repeated), `command`, and `stdin` as text.
        Each result is one line of JSON, as of `run --json`, with the number of the job's line and that line's digest.

        \(BatchOptions.ownTable.help)

        and, as defaults for every job:

        \(OptionTable(BatchOptions.defaultOptions).help)

        Exit status: 0 every job succeeded; 1 some did not; 125 swiftlet's own failure; 128+N stopped by signal N; 2 bad
        option. A line that is no job has a result that says so, and the others run. Ctrl-C ends running jobs without a
        result; --resume with the same --output goes on there.

        """

    init(_ words: CommandLineWords) throws(UsageError) {
        var options = BatchOptions()
        do throws(UsageError) {
            var given: Set<String> = []
            let operands = try BatchOptions.table.parsePermuted(
                words.texts, into: &options, isBytewise: words.isText
            ) { given.insert($0) }
            options.given = given
            let rest = operands.map { words.texts[$0] }
            if !options.wantsHelp {
                guard let index = operands.first, operands.count == 1 else {
                    throw UsageError("one file with jobs is wanted, or - for standard input")
                }
                guard words.isText(index) else { throw UsageError("the file's name is not UTF-8") }
                if options.resumes, options.outputPath == nil || options.outputPath == "-" {
                    throw UsageError("--resume: needs --output FILE")
                }
            }
            path = rest.first ?? "-"
        } catch {
            throw UsageError("batch: \(error.description)")
        }
        self.options = options
    }

    func run() -> Int32 {
        if options.wantsHelp { return printed(Self.help) }
        do throws(BatchFailure) {
            return try runJobs()
        } catch {
            Terminal.say("swiftlet: batch: \(error.text)")
            return ExitStatus.ownFailure
        }
    }

    private func runJobs() throws(BatchFailure) -> Int32 {
        let input: OwnedDescriptor
        do throws(Errno) {
            input =
                path == "-"
                ? OwnedDescriptor(owning: .standardInput) : try OwnedDescriptor.open(path, flags: O_RDONLY)
        } catch {
            throw BatchFailure("\(path): \(error)")
        }
        let kvm = try launching { () throws(LaunchError) in try JobRunner.openKVM() }
        let launcher = try launching { () throws(LaunchError) in
            try Launcher(
                path: OwnFiles.machine, isVerbose: false, groups: options.defaults.controlGroups)
        }
        launcher.tidyUp()
        let reaper = Reaper()
        let runner = JobRunner(kvm: kvm.borrowed, reaper: reaper) { machine throws(LaunchError) in
            try launcher.start(machine)
        }
        let shells = try options.shells > 0 ? self.shells(runner, reaper) : nil
        defer {
            shells?.close()
            reaper.finish()
        }
        let batch = try BatchRun(
            options, input: input.borrowed, runner: runner, shells: shells, reaper: reaper)
        return try batch.run()
    }

    private func shells(_ runner: JobRunner, _ reaper: Reaper) throws(BatchFailure) -> ShellPool {
        do throws(Errno) {
            return try ShellPool(size: options.shells, runner: runner, reaper: reaper)
        } catch {
            throw BatchFailure("preparing machines: \(error)")
        }
    }

    private func launching<Result: ~Copyable>(
        _ body: () throws(LaunchError) -> Result
    ) throws(BatchFailure) -> Result {
        do throws(LaunchError) { return try body() } catch { throw BatchFailure(error.description) }
    }
}
