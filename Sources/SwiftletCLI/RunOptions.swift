import CLinux
import JobRunner

/// The options of `swiftlet run`, parsed and checked as far as that needs no host.
struct RunOptions {
    var image = "base"
    var kernel = KernelChoice.tiny
    /// Paths of archives that a Linux kernel unpacks after our own.
    var initramfs: [String] = []
    var rootTransport = JobRequest.RootTransport.pmem
    var memoryBytes: UInt64 = 256 << 20
    var processors: UInt32 = 1
    /// Of the scratch disk; nil: there is none.
    var diskBytes: UInt64?
    var timeoutNanoseconds: UInt64?
    var processorTimeNanoseconds: UInt64?
    /// Processes and threads; nil: the guest kernel's own limit.
    var processLimit: UInt32?
    /// Nil: the guest kernel's own limit.
    var openFiles: JobRequest.OpenFiles?
    var streamRate: UInt64?
    var diskRates = DiskRates()
    var rootRates = DiskRates()
    /// Whether the job's machine comes from a pool.
    var pool = PoolChoice.none
    /// Where the VMM's cgroup is made.
    var controlGroups = ControlGroups.Choice.automatic
    /// Nil: no limit for streams that are passed on, `defaultCaptureLimit` for captured ones.
    var outputLimitBytes: UInt64?
    var environment: [String] = []
    var workingDirectory = "/job"
    var user: UInt32 = 0
    var group: UInt32 = 0
    var passesInput = false
    var hasTerminal = false
    var inputs: [String] = []
    /// Those of `inputs` that no template may keep.
    var secretInputs: [String] = []
    /// Name of the template that the machine is restored from; nil: it boots.
    var template: String?
    var outputs: [String] = []
    var name: String?
    var labels: [(key: String, value: String)] = []
    var printsJSON = false
    var metaPath: String?
    var isQuiet = false
    var isVerbose = false
    var isDryRun = false
    var wantsHelp = false

    enum PoolChoice: Equatable {
        case none
        /// The pool of this user; it must be there.
        case standard
        /// The pool of this user if it is there.
        case automatic
        /// The pool at this socket; it must be there.
        case path(String)
    }

    static let defaultCaptureLimit: UInt64 = 16 << 20
    /// Less than this does not hold the kernel, its tables and a program.
    static let minimumMemory: UInt64 = 16 << 20
    /// The VMM makes so many.
    static let maximumProcessors: UInt32 = 64
    static let minimumDisk: UInt64 = 1 << 20
    /// The guest numbers its 4 KiB blocks with 31 bits.
    static let maximumDisk: UInt64 = 8 << 40 - 4096

    static let table = OptionTable<RunOptions>([
        .init("image", "root image: a name, or a path with a slash [base]", value("NAME") { $0.image = $1 }),
        .init(
            "kernel", "guest kernel: tiny, one of image build-kernel, or a path with a slash [tiny]",
            .value(placeholder: "tiny|linux|PATH") { options, text throws(UsageError) in
                if text.isEmpty { throw UsageError("the value is empty") }
                options.kernel = KernelChoice(text)
            }),
        .init(
            "initramfs", "an archive that a Linux kernel unpacks beside ours; may be repeated",
            .value(placeholder: "FILE") { options, text throws(UsageError) in
                if text.isEmpty { throw UsageError("the value is empty") }
                options.initramfs.append(text)
            }),
        .init(
            "root-transport", "how the guest reads its image: mapped, or virtio-block [pmem]",
            .value(placeholder: "pmem|block", setRootTransport)),
        .init("memory", "m", "guest memory [256M]", .value(placeholder: "SIZE", setMemory)),
        .init(
            "cpus", "c", "the guest's processors; more than one with a Linux kernel [1]",
            .value(placeholder: "N", setProcessors)),
        .init(
            "disk", "a scratch disk for the job's files; without it they lie in guest memory [none]",
            .value(placeholder: "SIZE", setDisk)),
        .init(
            "device-read-bps", "most bytes a second read from a disk: disk, or root as virtio-block [none]",
            .value(placeholder: "DEVICE:SIZE", rate(\.readBytes, Quantities.bytes))),
        .init(
            "device-write-bps", "most bytes a second written to it [none]",
            .value(placeholder: "DEVICE:SIZE", rate(\.writeBytes, Quantities.bytes))),
        .init(
            "device-read-iops", "most read requests a second [none]",
            .value(placeholder: "DEVICE:N", rate(\.readOperations, operations))),
        .init(
            "device-write-iops", "most other requests a second [none]",
            .value(placeholder: "DEVICE:N", rate(\.writeOperations, operations))),
        .init(
            "stream-bps", "most bytes a second on each of the job's standard streams [none]",
            .value(placeholder: "SIZE") { options, text throws(UsageError) in
                options.streamRate = try Quantities.bytes(text)
                if options.streamRate == 0 { throw UsageError("must be more than zero") }
            }),
        .init(
            "timeout", "stop the job after this long (30s, 500ms, 5m) [none]",
            .value(placeholder: "TIME", setTimeout)),
        .init(
            "cpu-time", "stop the job after so much processor time [none]",
            .value(placeholder: "TIME", setProcessorTime)),
        .init(
            "pids", "most processes and threads at a time [as memory allows]",
            .value(placeholder: "N", setProcesses)),
        .init(
            "ulimit", "most open files of a process [nofile=1024:1048576]",
            .value(placeholder: "nofile=N[:HARD]", setUserLimit)),
        .init(
            "cgroup-parent", "make the VMM's cgroup in this one; none: make none [in swiftlet's own, if it can]",
            .value(placeholder: "PATH|none", setControlGroups)),
        .init(
            "pool", "take a machine that swiftlet pool has prepared; auto: if there is one [none]",
            .optionalValue(placeholder: "PATH|auto", setPool)),
        .init(
            "max-output", "stop the job after this many bytes on a stream [none; 16M with --json]",
            .value(placeholder: "SIZE", setOutputLimit)),
        .init(
            "env", "e", "set an environment variable; without =VALUE, pass the caller's",
            .value(placeholder: "NAME[=VALUE]", addEnvironment)),
        .init(
            "workdir", "w", "the job's working directory [/job]",
            .value(placeholder: "DIR", setWorkingDirectory)),
        .init(
            "user", "u", "the job's user and group, as numbers [0:0]",
            .value(placeholder: "UID[:GID]", setUser)),
        .init(
            "interactive", "i", "pass standard input; without it the job's is empty",
            .flag { $0.passesInput = true }),
        .init(
            "tty", "t", "give the job a terminal; with -i, standard input must be one",
            .flag { $0.hasTerminal = true }),
        .init(
            "in", "bring a file or directory into the job [DST: /job/NAME]",
            .value(placeholder: "SRC[:DST]") { options, value throws(UsageError) in
                options.inputs.append(value)
            }),
        .init(
            "in-secret", "the same for what must stay with one job: no template is made with it",
            .value(placeholder: "SRC[:DST]") { options, value throws(UsageError) in
                options.inputs.append(value)
                options.secretInputs.append(value)
            }),
        .init(
            "template", "go on from a saved guest (swiftlet template), whose program gets ARG... [boot one]",
            value("NAME") { $0.template = $1 }),
        .init(
            "out", "bring a file back after the job [HOST: ./NAME]",
            .value(placeholder: "GUEST[:HOST]") { options, value throws(UsageError) in
                options.outputs.append(value)
            }),
        .init(
            "json", "print one JSON result, with the job's output in it, on stdout",
            .flag { $0.printsJSON = true }),
        .init("meta", "write the JSON result to a file", value("FILE") { $0.metaPath = $1 }),
        .init("name", "a name for the job, for the result", value("NAME") { $0.name = $1 }),
        .init("label", "a label for the result; may be repeated", .value(placeholder: "KEY=VALUE", addLabel)),
        .init("quiet", "q", "say nothing about why a job failed", .flag { $0.isQuiet = true }),
        .init(
            "verbose", "v", "say where the time went, and show the guest kernel's log",
            .flag { $0.isVerbose = true }),
        .init("dry-run", "check everything, print what would run, run nothing", .flag { $0.isDryRun = true }),
        .init("help", "h", "this text", .flag { $0.wantsHelp = true }),
        .init(
            "net", "the job's network: none, always, in this version", .value(placeholder: "none", setNetwork)
        ),
    ])

    private static func value(
        _ placeholder: String, _ apply: @escaping @Sendable (inout RunOptions, String) -> Void
    ) -> OptionSpecification<RunOptions>.Effect {
        .value(placeholder: placeholder) { options, text throws(UsageError) in
            if text.isEmpty { throw UsageError("the value is empty") }
            apply(&options, text)
        }
    }

    private static func setRootTransport(_ options: inout RunOptions, _ text: String) throws(UsageError) {
        guard let transport = JobRequest.RootTransport(rawValue: text) else {
            throw UsageError("'\(text)' is neither pmem nor block")
        }
        options.rootTransport = transport
    }

    private static func setMemory(_ options: inout RunOptions, _ text: String) throws(UsageError) {
        let bytes = try Quantities.bytes(text)
        guard bytes >= minimumMemory else {
            throw UsageError("\"\(text)\" of memory is too little; the least is 16M")
        }
        let host = linux_physical_memory()
        guard bytes <= host else {
            throw UsageError("\"\(text)\" of memory is more than this machine has (\(host >> 20)M)")
        }
        // The guest maps its memory in pages of 2 MiB.
        options.memoryBytes = (bytes + (2 << 20) - 1) & ~((2 << 20) - 1)
    }

    private static func setProcessors(_ options: inout RunOptions, _ text: String) throws(UsageError) {
        guard let number = UInt32(text), (1...maximumProcessors).contains(number) else {
            throw UsageError("\"\(text)\" is not a number of processors from 1 to \(maximumProcessors)")
        }
        options.processors = number
    }

    private static func setDisk(_ options: inout RunOptions, _ text: String) throws(UsageError) {
        let bytes = try Quantities.bytes(text)
        guard bytes >= minimumDisk else {
            throw UsageError("\"\(text)\" of disk is too little; the least is 1M")
        }
        guard bytes <= maximumDisk else {
            throw UsageError("\"\(text)\" of disk is too much; the most is 8T")
        }
        options.diskBytes = (bytes + 4095) & ~4095
    }

    private typealias Rate = WritableKeyPath<DiskRates, UInt64?> & Sendable

    /// docker's notation; our devices are `disk` and `root`.
    private static func rate(
        _ rate: Rate, _ parse: @escaping @Sendable (String) throws(UsageError) -> UInt64
    ) -> @Sendable (inout RunOptions, String) throws(UsageError) -> Void {
        { options, text throws(UsageError) in
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw UsageError("\"\(text)\" is not DEVICE:RATE") }
            let value = try parse(String(parts[1]))
            guard value > 0 else { throw UsageError("must be more than zero") }
            switch parts[0] {
            case "disk": options.diskRates[keyPath: rate] = value
            case "root": options.rootRates[keyPath: rate] = value
            default: throw UsageError("\"\(parts[0])\" is no device; they are disk and root")
            }
        }
    }

    private static func operations(_ text: String) throws(UsageError) -> UInt64 {
        guard let number = UInt64(text) else { throw UsageError("\"\(text)\" is not a number of requests") }
        return number
    }

    static let oneProcessor = "--cpus: the kernel tiny has one processor; several need a Linux (--kernel linux)"

    /// What only makes sense together.
    func checkTogether() throws(UsageError) {
        if processors > 1, kernel == .tiny { throw UsageError(Self.oneProcessor) }
        if diskRates != DiskRates(), diskBytes == nil {
            throw UsageError("--device-…: there is no device \"disk\" without --disk")
        }
        if pool != .none, pool != .automatic {
            if diskBytes != nil {
                throw UsageError(
                    "--pool: with --disk a job needs a machine of its own; leave out one of them")
            }
            if case .parent = controlGroups {
                throw UsageError(
                    "--pool: its machines are in the pool's cgroups; give --cgroup-parent to swiftlet pool")
            }
        }
        // Only what `--kernel` names may be a Linux, which reads its image through virtio-block in any case.
        if rootRates != DiskRates(), rootTransport != .block, kernel == .tiny {
            throw UsageError(
                "--device-…: the root image is mapped into the guest and read without requests, which have no rate; "
                    + "use --root-transport block")
        }
    }

    private static func setTimeout(_ options: inout RunOptions, _ text: String) throws(UsageError) {
        let nanoseconds = try Quantities.nanoseconds(text)
        guard nanoseconds > 0 else { throw UsageError("must be more than zero") }
        options.timeoutNanoseconds = nanoseconds
    }

    private static func setProcessorTime(_ options: inout RunOptions, _ text: String) throws(UsageError) {
        let nanoseconds = try Quantities.nanoseconds(text)
        guard nanoseconds > 0 else { throw UsageError("must be more than zero") }
        options.processorTimeNanoseconds = nanoseconds
    }

    private static func setProcesses(_ options: inout RunOptions, _ text: String) throws(UsageError) {
        guard let number = UInt32(text), number > 0 else {
            throw UsageError("\"\(text)\" is not a number of processes, at least 1")
        }
        options.processLimit = number
    }

    /// docker's notation. The least leaves a program its standard streams and room to load.
    private static func setUserLimit(_ options: inout RunOptions, _ text: String) throws(UsageError) {
        let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2, sides[0] == "nofile" else {
            throw UsageError("\"\(text)\" is not nofile=N or nofile=N:HARD; no other ulimit can be set")
        }
        let parts = sides[1].split(separator: ":", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { UInt32($0) }
        let allowed: ClosedRange<UInt32> = 4...1_048_576
        guard (1...2).contains(parts.count), numbers.count == parts.count,
            numbers.allSatisfy({ allowed.contains($0) }), numbers[0] <= numbers[numbers.count - 1]
        else {
            throw UsageError("\"\(text)\": numbers from 4 to 1048576 are wanted, the second not below the first")
        }
        options.openFiles = .init(soft: numbers[0], hard: numbers[numbers.count - 1])
    }

    private static func setControlGroups(_ options: inout RunOptions, _ text: String) throws(UsageError) {
        if text == "none" {
            options.controlGroups = .none
            return
        }
        guard text.hasPrefix("/"), !text.split(separator: "/").contains("..") else {
            throw UsageError("\"\(text)\" is neither none nor a path that begins with a slash")
        }
        options.controlGroups = .parent(text)
    }

    private static func setPool(_ options: inout RunOptions, _ text: String?) throws(UsageError) {
        switch text {
        case nil: options.pool = .standard
        case "auto": options.pool = .automatic
        case "": throw UsageError("the value is empty")
        case let path?: options.pool = .path(path)
        }
    }

    private static func setOutputLimit(_ options: inout RunOptions, _ text: String) throws(UsageError) {
        let bytes = try Quantities.bytes(text)
        guard bytes > 0 else { throw UsageError("must be more than zero") }
        options.outputLimitBytes = bytes
    }

    private static func addEnvironment(_ options: inout RunOptions, _ text: String) throws(UsageError) {
        guard let first = text.utf8.first, first != UInt8(ascii: "=") else {
            throw UsageError("\"\(text)\" has no variable name")
        }
        options.environment.append(text)
    }

    private static func setWorkingDirectory(_ options: inout RunOptions, _ text: String) throws(UsageError) {
        guard text.hasPrefix("/") else { throw UsageError("\"\(text)\" is not an absolute path") }
        guard text.utf8.count < 4096 else { throw UsageError("the path is longer than 4095 bytes") }
        options.workingDirectory = text
    }

    private static func setUser(_ options: inout RunOptions, _ text: String) throws(UsageError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        // 2^32-1 means "unchanged" to the kernel and names nobody.
        let numbers = parts.compactMap { UInt32($0) }.filter { $0 != .max }
        guard (1...2).contains(parts.count), numbers.count == parts.count else {
            throw UsageError("\"\(text)\" is not UID or UID:GID in numbers")
        }
        options.user = numbers[0]
        options.group = numbers.count == 2 ? numbers[1] : numbers[0]
    }

    private static func addLabel(_ options: inout RunOptions, _ text: String) throws(UsageError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty else { throw UsageError("\"\(text)\" is not KEY=VALUE") }
        options.labels.removeAll { $0.key == parts[0] }
        options.labels.append((String(parts[0]), String(parts[1])))
    }

    private static func setNetwork(_ options: inout RunOptions, _ text: String) throws(UsageError) {
        guard text == "none" else {
            throw UsageError("\"\(text)\" is not available in this version; only none is")
        }
    }
}
