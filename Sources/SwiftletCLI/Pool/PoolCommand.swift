import Glibc
import JobRunner
import LinuxSystem
import SystemPackage

/// `swiftlet pool`
struct PoolCommand {
    private let options: PoolOptions
    /// Long names of the options there are.
    private let given: Set<String>

    static let help = """
        usage: swiftlet pool [options]
        Keeps machines prepared for swiftlet run --pool, until Ctrl-C or SIGTERM: started, jailed, their kernel booted. Each
        has one job or none. With --template, each is restored from it, up to its checkpoint. A job whose image, kernel,
        processors, template, memory or rates are not the pool's starts a machine of its own.
        Only the same user can take one. When the pool ends, the jobs on its machines end too.

        \(PoolOptions.table.help)

        Exit status: 0 stopped by a signal; 125 swiftlet's own failure; 2 bad option.

        """

    init(_ words: CommandLineWords) throws(UsageError) {
        var options = PoolOptions()
        var given: Set<String> = []
        do throws(UsageError) {
            let index = try PoolOptions.table.parse(words.texts, into: &options, isBytewise: words.isText) {
                given.insert($0)
            }
            if !words.texts[index...].isEmpty { throw UsageError("it takes options only") }
            try options.machine.checkTogether()
        } catch {
            throw UsageError("pool: \(error.description)")
        }
        self.options = options
        self.given = given
    }

    /// Where the pool of a choice has its socket.
    static func socketPath(_ choice: RunOptions.PoolChoice) throws(PoolError) -> String {
        if case .path(let path) = choice { return path }
        guard let directory = Terminal.environment("XDG_RUNTIME_DIR"), !directory.isEmpty else {
            throw .noDirectory
        }
        return directory + "/swiftlet-pool.sock"
    }

    func run() throws(UsageError) -> Int32 {
        if options.wantsHelp { return printed(Self.help) }
        let resources = BatchResources()
        let job = try anyJob(resources)
        do throws(BatchFailure) {
            try serve(job, resources)
            return 0
        } catch {
            Terminal.say("swiftlet: pool: \(error.text)")
            return ExitStatus.ownFailure
        }
    }

    /// A job of the shape that machines are prepared for. Those that come bring commands of their own.
    private func anyJob(_ resources: BatchResources) throws(UsageError) -> RunCommand {
        let job = RunCommand(
            options.machine, given: given, command: [Array("true".utf8)], begun: monotonicNanoseconds())
        guard let name = options.machine.template else { return job }
        let template: RestoredTemplate
        do throws(BatchFailure) { template = try resources.template(name) } catch {
            throw UsageError("pool: \(error.text)")
        }
        return try job.restoring(template)
    }

    private func serve(_ job: RunCommand, _ resources: BatchResources) throws(BatchFailure) {
        let kvm = try attempt { () throws(LaunchError) in try JobRunner.openKVM() }
        let launcher = try attempt { () throws(LaunchError) in
            try Launcher(path: OwnFiles.machine, isVerbose: false, groups: options.machine.controlGroups)
        }
        let image = try resources.image(job.options.image)
        let kernel = try resources.kernel(job.options.kernel, initramfs: job.options.initramfs)
        if let misfit = job.misfit(of: kernel.kernel) { throw BatchFailure(misfit) }
        if let restored = job.restored { try resources.check(restored, image, kernel) }
        let request = job.request(
            kernel: kernel.kernel, image: image.image.descriptor.borrowed, .init())
        let path = try attempt { () throws(PoolError) in
            try Self.socketPath(options.socketPath.map { .path($0) } ?? .standard)
        }
        let openFiles = sysconf(CInt(_SC_OPEN_MAX))
        guard let mostClients = PoolServer.mostClients(openFiles: openFiles, machines: options.size) else {
            throw BatchFailure(
                "the limit of open files (ulimit -n) is \(openFiles), too low for \(options.size) machines and a client")
        }
        let place = try attempt { () throws(PoolError) in try PoolServer.Place.take(path) }
        launcher.tidyUp()
        let reaper = Reaper()
        let runner = JobRunner(kvm: kvm.borrowed, reaper: reaper) { machine throws(LaunchError) in
            try launcher.start(machine)
        }
        do throws(Errno) {
            let shells = try ShellPool(
                size: options.size, shape: request.shape, runner: runner, reaper: reaper)
            let server = PoolServer(place, mostClients: mostClients, shells: shells, reaper: reaper)
            if !options.isQuiet {
                Terminal.say("swiftlet: pool of \(options.size) at \(path)")
            }
            _ = try server.run()
            if !options.isQuiet { Terminal.say("swiftlet: pool ended; \(server.given) machines were given") }
        } catch {
            throw BatchFailure("serving: \(error)")
        }
    }

    private func attempt<Result: ~Copyable, Failure: Error & CustomStringConvertible>(
        _ body: () throws(Failure) -> Result
    ) throws(BatchFailure) -> Result {
        do throws(Failure) { return try body() } catch { throw BatchFailure(error.description) }
    }
}
