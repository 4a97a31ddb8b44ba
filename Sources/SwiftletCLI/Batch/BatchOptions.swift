/// The options of `swiftlet batch`: its own, and those of `run` as defaults for every job.
struct BatchOptions {
    var defaults = RunOptions()
    /// The long names of the options there were.
    var given: Set<String> = []
    /// Jobs at a time; nil: one for each processor.
    var parallelJobs: Int?
    /// Memory that all running jobs may have together, in bytes; nil: nine tenths of what is available.
    var totalMemoryBytes: UInt64?
    /// How many machines are kept prepared for jobs to come.
    var shells = 0
    var isUnordered = false
    var failsFast = false
    /// Where results go instead of the standard output.
    var outputPath: String?
    var resumes = false
    /// How often a job is tried again whose VM did not start.
    var retries = 1
    var isQuiet = false
    var wantsHelp = false

    /// More threads than this no machine has use for: each holds a VM.
    static let maximumParallelJobs = 4096

    /// Each holds ten descriptors here, and the usual limit is 1024.
    static let maximumShells = 64

    /// What belongs to a single run and its caller's terminal.
    private static let ofRunOnly: Set<String> = [
        "json", "meta", "interactive", "tty", "quiet", "verbose", "dry-run", "help", "pool",
    ]

    /// What is the same for all jobs of a batch.
    private static let ofAllJobs: Set<String> = ["cgroup-parent"]

    /// The options of `run` that a job of a batch may have.
    static let jobOptions = RunOptions.table.specifications.filter {
        !ofRunOnly.contains($0.long) && !ofAllJobs.contains($0.long)
    }

    private static let own: [OptionSpecification<BatchOptions>] = [
        .init(
            "jobs", "j", "run so many jobs at a time [one for each processor]",
            .value(placeholder: "N", setJobs)),
        .init(
            "total-memory", "memory of all running jobs together [nine tenths of what is available]",
            .value(placeholder: "SIZE") { options, text throws(UsageError) in
                options.totalMemoryBytes = try Quantities.bytes(text)
            }),
        .init(
            "shells", "keep so many machines prepared, of the shape most jobs have [0]",
            .value(placeholder: "N") { options, text throws(UsageError) in
                guard let number = Int(text), (0...maximumShells).contains(number) else {
                    throw UsageError("\"\(text)\" is not a number from 0 to \(maximumShells)")
                }
                options.shells = number
            }),
        .init(
            "unordered", "give each result as it comes, not in the order of the jobs",
            .flag { $0.isUnordered = true }),
        .init("fail-fast", "start no more jobs after the first that fails", .flag { $0.failsFast = true }),
        .init(
            "output", "o", "append the results to a file [standard output]",
            .value(placeholder: "FILE") { options, text throws(UsageError) in
                if text.isEmpty { throw UsageError("the value is empty") }
                options.outputPath = text
            }),
        .init("resume", "skip the jobs whose results the file of --output has", .flag { $0.resumes = true }),
        .init(
            "retries", "try a job again so often if its VM does not start; never once it has [1]",
            .value(placeholder: "N") { options, text throws(UsageError) in
                guard let number = Int(text), (0...100).contains(number) else {
                    throw UsageError("\"\(text)\" is not a number from 0 to 100")
                }
                options.retries = number
            }),
        .init("quiet", "q", "no summary and no progress", .flag { $0.isQuiet = true }),
        .init("help", "h", "this text", .flag { $0.wantsHelp = true }),
    ]

    static let ownTable = OptionTable(own)
    /// Of these, what all jobs may share.
    static let defaultOptions = RunOptions.table.specifications.filter {
        !ofRunOnly.contains($0.long) && !["out", "name"].contains($0.long)
    }

    static let table = OptionTable(
        own
            + defaultOptions.map {
                $0.lifted { options, body throws(UsageError) in try body(&options.defaults) }
            })

    private static func setJobs(_ options: inout BatchOptions, _ text: String) throws(UsageError) {
        guard let number = Int(text), (1...maximumParallelJobs).contains(number) else {
            throw UsageError("\"\(text)\" is not a number from 1 to \(maximumParallelJobs)")
        }
        options.parallelJobs = number
    }
}
