import Glibc
import LinuxSystem

/// A way to run a job. A new one (another launch mode, another sandbox) is one more entry of `all`.
struct Contender: Sendable {
    enum Availability: Sendable {
        case ready
        /// Found or not, it cannot do the same job here.
        case unable(String)
    }

    let name: String
    let availability: @Sendable () -> Availability
    /// The job as a command line of this contender: the program's path and its arguments. The number is another in each run.
    let words: @Sendable (Workload, BenchPlaces, Int) throws(BenchFailure) -> [String]
    /// Whether it is ours: its failure is the bench's failure.
    var isSwiftlet = false

    /// What the others are compared with.
    static let baseline = "bubblewrap"

    static let all: [Contender] = [
        .init(name: "plain", availability: { .ready }, words: plain),
        .init(name: "bubblewrap", availability: { find("bwrap", package: "bubblewrap") }, words: bubblewrap),
        .init(name: "crun", availability: { find("crun", package: "crun") }, words: crun),
        .init(name: "kvmtool", availability: { virtualMachine("lkvm") }, words: noWords),
        .init(name: "qemu-microvm", availability: { virtualMachine("qemu-system-x86_64") }, words: noWords),
        .init(name: "firecracker", availability: { virtualMachine("firecracker") }, words: noWords),
        swiftlet("swiftlet", []),
    ]

    static func named(_ name: String) throws(UsageError) -> Contender {
        guard let contender = all.first(where: { $0.name == name }) else {
            throw UsageError(
                "no contender \"\(name)\"; there are \(all.map(\.name).joined(separator: ", "))")
        }
        return contender
    }

    /// This very executable, with more options of `run`.
    static func swiftlet(_ name: String, _ options: [String]) -> Contender {
        .init(
            name: name, availability: { .ready },
            words: { workload, places, _ throws(BenchFailure) in
                var words = [try ownProgram(), "run", "--image", workload.image] + options
                if let spin = try spin(of: workload, places) { words += ["--in", "\(spin):/job/spin"] }
                if case .none = workload.input {} else { words.append("-i") }
                return words + ["--"] + workload.command(.init(spin: "/job/spin"))
            }, isSwiftlet: true)
    }

    static func ownProgram() throws(BenchFailure) -> String {
        guard let path = try? readLink(Array("/proc/self/exe".utf8)) else {
            throw BenchFailure("/proc/self/exe cannot be read")
        }
        return String(decoding: path, as: UTF8.self)
    }

    // MARK: - What is there

    private static func find(_ program: String, package: String) -> Availability {
        BenchPlaces.program(program) == nil
            ? .unable("no \(program) on this host; apt-get install \(package)") : .ready
    }

    /// Monitors that boot a kernel from outside. It would have to be Linux, with a process 1 that runs the command and hands
    /// its status out; neither is in this version, and this host's KVM may not boot an unmodified Linux at all.
    private static func virtualMachine(_ program: String) -> Availability {
        guard let path = BenchPlaces.program(program) else { return .unable("no \(program) on this host") }
        guard Processor().hasVirtualization else {
            return .unable("\(path) is here, but a ring-deprivileged KVM boots no unmodified Linux")
        }
        return .unable("\(path) is here, but there is no guest kernel `linux` in this version to boot with it")
    }

    // MARK: - How each is called

    private static func noWords(
        _: Workload, _: BenchPlaces, _: Int
    ) throws(BenchFailure) -> [String] {
        throw BenchFailure("it is not run by this version")
    }

    /// Nil if the workload's command is not the loop.
    private static func spin(
        of workload: Workload, _ places: BenchPlaces
    ) throws(BenchFailure) -> String? {
        workload.name == "spin" ? try places.spinProgram() : nil
    }

    /// The image's static programs are run where they were unpacked; dynamic ones need their own root, so the host's program
    /// of the same name stands for them.
    private static func plain(
        _ workload: Workload, _ places: BenchPlaces, _: Int
    ) throws(BenchFailure) -> [String] {
        if let spin = try spin(of: workload, places) { return [spin] }
        // The others write in memory too.
        let scratch = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
        let command = workload.command(.init(scratch: scratch))
        if workload.image == "base" {
            return [try places.tree(workload.image) + command[0]] + command.dropFirst()
        }
        let name = command[0].split(separator: "/").last.map(String.init) ?? command[0]
        // As the image has it, before another of that name on the search path.
        if access(command[0], X_OK) == 0 { return command }
        guard let path = BenchPlaces.program(name) else { throw BenchFailure("no \(name) on this host") }
        return [path] + command.dropFirst()
    }

    private static func bubblewrap(
        _ workload: Workload, _ places: BenchPlaces, _: Int
    ) throws(BenchFailure) -> [String] {
        var words = [BenchPlaces.program("bwrap") ?? "bwrap", "--unshare-all", "--die-with-parent"]
        words += ["--ro-bind", try places.tree(workload.image), "/", "--dev", "/dev", "--proc", "/proc"]
        words += ["--tmpfs", "/tmp", "--clearenv", "--setenv", "PATH", "/usr/bin:/bin"]
        if let spin = try spin(of: workload, places) { words += ["--ro-bind", spin, "/tmp/spin"] }
        return words + ["--"] + workload.command(.init(spin: "/tmp/spin"))
    }

    private static func crun(
        _ workload: Workload, _ places: BenchPlaces, _ sequence: Int
    ) throws(BenchFailure) -> [String] {
        let spin = try spin(of: workload, places)
        let bundle = ContainerBundle(
            root: try places.tree(workload.image), command: workload.command(.init(spin: "/tmp/spin")),
            spin: spin)
        let file = try places.file("crun-\(workload.name).json") { Array(bundle.configuration.utf8) }
        return [
            // bubblewrap makes no cgroup either.
            BenchPlaces.program("crun") ?? "crun", "--cgroup-manager=disabled", "run",
            "--bundle", places.work, "--config", file, "swiftlet-bench-\(getpid())-\(sequence)",
        ]
    }
}
