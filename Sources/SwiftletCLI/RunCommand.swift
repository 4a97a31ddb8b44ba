import CLinux
import Glibc
import Images
import JobRunner
import JobWire
import LinuxSystem
import SystemPackage
import Templates

/// `swiftlet run`
struct RunCommand {
    var options: RunOptions
    /// The long names of the options that were there.
    private(set) var given: Set<String> = []
    /// The job's command, as bytes.
    let command: [[UInt8]]
    private let begun: UInt64
    private let isConfined: Bool
    /// What the machine is restored from; nil: it boots.
    var restored: RestoredTemplate?

    static let help = """
        usage: swiftlet run [options] [--] COMMAND [ARG...]
               swiftlet run --template NAME [options] [--] [ARG...]
        Runs COMMAND in a virtual machine booted for it alone, and ends as it ends.

        \(RunOptions.table.help)

        SRC:DST and GUEST:HOST are split at the last colon. Relative paths in the guest begin in the working
        directory.
        Where --out and --meta write: a regular file is replaced when the new one is whole; a link is followed, as by a
        shell's >; a device or FIFO is written to, and /dev/stdout; - is standard output. Sockets are refused.
        Sizes: K, M, G, T (powers of 1024). Times: ms, s, m, h. [] are defaults.

        Exit status: the command's own; 124 time limit; 125 swiftlet's own failure; 126 COMMAND cannot be executed;
        127 it is not there; 128+N killed by signal N (137 also: out of memory; 153: output limit); 2 bad option.

        """

    /// - Parameters:
    ///   - words: What follows `run`.
    ///   - begun: CLOCK_MONOTONIC in nanoseconds at the start of this process.
    ///   - isConfined: Whether the VMM gets its jail.
    ///   - makesTemplate: Whether it is for `template create`, which can do without a command.
    init(
        _ words: CommandLineWords, begun: UInt64, isConfined: Bool = true, makesTemplate: Bool = false
    ) throws(UsageError) {
        var options = RunOptions()
        do throws(UsageError) {
            var given: Set<String> = []
            let index = try RunOptions.table.parse(words.texts, into: &options, isBytewise: words.isText) {
                given.insert($0)
            }
            self.given = given
            command = Array(words.bytes[index...])
            try options.checkTogether()
            if command.isEmpty, options.template == nil, !makesTemplate, !options.wantsHelp {
                throw UsageError("which command? see swiftlet run --help")
            }
        } catch {
            throw UsageError("run: \(error.description)")
        }
        self.options = options
        self.begun = begun
        self.isConfined = isConfined
    }

    /// One job of a batch.
    init(_ options: RunOptions, given: Set<String> = [], command: [[UInt8]], begun: UInt64) {
        self.options = options
        self.given = given
        self.command = command
        self.begun = begun
        isConfined = true
    }

    func run() throws(UsageError) -> Int32 {
        if options.wantsHelp { return printed(Self.help) }
        if options.hasTerminal, options.passesInput, HostTerminal(.standardInput) == nil {
            throw UsageError("run: -t with -i: standard input is not a terminal")
        }
        if let name = options.template, restored == nil {
            let template: RestoredTemplate
            do throws(TemplateError) { template = try RestoredTemplate(name) } catch {
                Terminal.say("swiftlet: \(error.description)")
                return ExitStatus.ownFailure
            }
            return try restoring(template).run()
        }
        let paths = try resolvedPaths()
        do throws(RunFailure) {
            return try run(paths)
        } catch {
            Terminal.say("swiftlet: \(error.text)")
            return ExitStatus.ownFailure
        }
    }

    /// Any failure before there is a verdict; one line.
    private struct RunFailure: Error {
        let text: String
    }

    struct Paths {
        var inputs: [JobRequest.InputFile] = []
        var outputs: [JobRequest.OutputFile] = []
    }

    func resolvedPaths() throws(UsageError) -> Paths {
        var paths = Paths()
        do throws(UsageError) {
            for text in options.inputs {
                let (host, guest) = try PathPair.input(text, workingDirectory: options.workingDirectory)
                paths.inputs.append(.init(hostPath: Array(host.utf8), guestPath: Array(guest.utf8)))
            }
        } catch {
            throw UsageError("run: --in: \(error.description)")
        }
        do throws(UsageError) {
            for text in options.outputs {
                let (guest, host) = try PathPair.output(text, workingDirectory: options.workingDirectory) {
                    path in
                    (try? PathStatus(of: Array(path.utf8), followingLinks: true).kind) == .directory
                }
                paths.outputs.append(.init(guestPath: Array(guest.utf8), hostPath: Array(host.utf8)))
            }
        } catch {
            throw UsageError("run: --out: \(error.description)")
        }
        return paths
    }

    /// Runs the job. One that could not be started has a result too.
    private func judge(_ request: JobRequest, on runner: JobRunner, _ pool: PoolClient?) -> JobResult {
        do throws(LaunchError) {
            return try runner.run(request, begun: begun, machines: pool)
        } catch {
            var result = JobResult(
                verdict: Verdict(
                    .startFailed, status: ExitStatus.ownFailure, message: error.description))
            result.timeline.begun = begun
            result.timeline.finished = monotonicNanoseconds()
            return result
        }
    }

    private func run(_ paths: Paths) throws(RunFailure) -> Int32 {
        // KVM first: whoever has none needs no word about images.
        let kvm = try attempt { () throws(LaunchError) in try JobRunner.openKVM() }
        let store = ImageStore.standard(environment: Terminal.environment)
        let kernel = try attempt { () throws(JobKernel.Failure) in
            try JobKernel(options.kernel, initramfs: options.initramfs, store: store) {
                LinuxKernel.refusal(LinuxKernel.ringZero())
            }
        }
        if let misfit = misfit(of: kernel) { throw RunFailure(text: misfit) }
        let image = try attempt { () throws(ImageError) in try store.open(options.image) }
        let launcher = try attempt { () throws(LaunchError) in
            try Launcher(
                path: OwnFiles.machine, isVerbose: options.isVerbose, groups: options.controlGroups,
                isConfined: isConfined)
        }
        var request = request(kernel: kernel, image: image.descriptor.borrowed, paths)
        request.disk = try attempt { () throws(LaunchError) in try scratchDisk() }
        if let restored {
            try attempt { () throws(TemplateError) in
                try restored.check(image, kernel: TemplatePart(kernel.file.borrowed, path: kernel.path))
            }
        }
        if options.isDryRun {
            return printed(plan(request, imagePath: image.path, kernel: kernel))
        }
        var meta = try openMeta()
        let runner = JobRunner(kvm: kvm.borrowed) { machine throws(LaunchError) in
            let process = try launcher.start(machine)
            launcher.tidyUp()
            return process
        }
        let pool = try openPool()
        var result = judge(request, on: runner, pool)
        if pool?.isMisfit == true, !options.isQuiet, options.pool != .automatic {
            Terminal.say(
                "swiftlet: the pool's machines are of another shape (image, kernel, memory): started one")
        }
        if pool?.isFull == true, !options.isQuiet {
            Terminal.say("swiftlet: the pool has as many clients as it may have: started a machine")
        }
        if kernel.choice != .tiny, result.verdict.reason == .startFailed, let text = result.verdict.message {
            result.verdict.message = "\(text) (kernel \(kernel.choice))"
        }
        if options.isVerbose { Self.explain(result) }
        if let message = result.verdict.message, !options.isQuiet { Terminal.say("swiftlet: \(message)") }
        guard options.printsJSON || meta != nil else { return result.verdict.status }
        let kernelDigest = try attempt { () throws(ImageError) in
            try kernel.digest(store)
        }
        let json = ResultJSON(
            options: options, request: request, imageDigest: image.digest, kernel: kernel,
            kernelDigest: kernelDigest)
        let isPrinted = try print(json, result, to: meta.take())
        return result.verdict.status == 0 && !isPrinted ? ExitStatus.ownFailure : result.verdict.status
    }

    /// Writes the result to where it is wanted. - Returns: false if the standard output did not take it.
    private func print(
        _ json: ResultJSON, _ result: JobResult, to meta: consuming MetaFile?
    ) throws(RunFailure) -> Bool {
        var file = meta
        var fileError: Errno?
        var outputError: Errno?
        let printsJSON = options.printsJSON
        json.write(result) { piece in
            do throws(Errno) {
                if fileError == nil { try file?.write(piece) }
            } catch { fileError = error }
            do throws(Errno) {
                if printsJSON, outputError == nil { try FileDescriptor.standardOutput.write(all: piece) }
            } catch { outputError = error }
        }
        if let file = file.take() {
            do throws(Errno) {
                if let fileError { throw fileError }
                try file.publish()
            } catch {
                throw RunFailure(text: "--meta \(options.metaPath ?? ""): \(error)")
            }
        }
        if let outputError { Terminal.say("swiftlet: writing standard output: \(outputError)") }
        return outputError == nil
    }

    /// What of the job this kernel does not serve; nil: nothing.
    func misfit(of kernel: JobKernel) -> String? {
        if kernel.isLinux { return LinuxKernel.misfit(options, given: given) }
        return options.processors > 1 ? RunOptions.oneProcessor : nil
    }

    func request(kernel: JobKernel, image: FileDescriptor, _ paths: Paths) -> JobRequest {
        let isCaptured = options.printsJSON
        var request = JobRequest(
            arguments: command, kernel: kernel.file.borrowed, image: image, memoryBytes: options.memoryBytes,
            standardOutput: isCaptured ? .captured : .descriptor(.standardOutput),
            standardError: isCaptured ? .captured : .descriptor(.standardError))
        let terminal = options.hasTerminal ? ["TERM=xterm"] : []
        request.environment = Self.environment(
            terminal + options.environment, host: Terminal.environment)
        request.processors = options.processors
        request.initramfs = kernel.initramfs.map(\.borrowed)
        request.rootTransport = kernel.isLinux ? .block : options.rootTransport
        request.workingDirectory = Array(options.workingDirectory.utf8)
        request.user = options.user
        request.group = options.group
        request.openFiles = options.openFiles
        request.streamRate = options.streamRate
        request.diskRates = options.diskRates
        request.rootRates = options.rootRates
        request.wallTimeLimitNanoseconds = options.timeoutNanoseconds
        request.cpuTimeLimitNanoseconds = options.processorTimeNanoseconds
        request.processLimit = options.processLimit
        request.outputLimitBytes =
            options.outputLimitBytes ?? (isCaptured ? RunOptions.defaultCaptureLimit : nil)
        request.standardInput = options.passesInput ? .standardInput : nil
        request.hasTerminal = options.hasTerminal
        if options.hasTerminal {
            // Whose keys are taken, else whose window shows the output.
            request.hostTerminal =
                HostTerminal(.standardInput) ?? (isCaptured ? nil : HostTerminal(.standardOutput))
        }
        if let restored {
            request.template = .restoring(file: restored.template.file.borrowed)
            // Unpacked already, as all of its memory.
            request.initramfs = []
            // The program has its own, which cannot change any more.
            if restored.isProgram { request.environment = [] }
        }
        request.inputs = paths.inputs
        request.outputs = paths.outputs
        request.wantsCounters = options.printsJSON || options.metaPath != nil || options.isVerbose
        return request
    }

    /// What every job finds, then what `-e` says. A name alone passes the caller's value, or nothing if there is none.
    static func environment(_ settings: [String], host: (String) -> String?) -> [[UInt8]] {
        var variables = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root"),
        ]
        for setting in settings {
            let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
                String.init)
            guard let value = parts.count == 2 ? parts[1] : host(parts[0]) else { continue }
            variables.removeAll { $0.0 == parts[0] }
            variables.append((parts[0], value))
        }
        return variables.map { Array("\($0.0)=\($0.1)".utf8) }
    }

    func scratchDisk() throws(LaunchError) -> ScratchFile? {
        guard let bytes = options.diskBytes else { return nil }
        return try ScratchFile(
            bytes: bytes, in: ScratchFile.directories(environment: Terminal.environment))
    }

    private func plan(_ request: JobRequest, imagePath: String, kernel: JobKernel) -> String {
        func line(_ bytes: [UInt8]) -> String { printable(bytes) }
        var text = "kernel   \(kernel.path)\n"
        for part in kernel.initramfs { text += "unpacks  \(part.path)\n" }
        text += "image    \(imagePath)\nmemory   \(request.memoryBytes >> 20)M\n"
        if let bytes = options.diskBytes { text += "disk     \(bytes >> 20)M\n" }
        text += "command  \(request.arguments.map(line).joined(separator: " "))\n"
        text += "workdir  \(line(request.workingDirectory))\nuser     \(request.user):\(request.group)\n"
        for input in request.inputs {
            text += "in       \(line(input.hostPath)) -> \(line(input.guestPath))\n"
        }
        for output in request.outputs {
            text += "out      \(line(output.guestPath)) -> \(line(output.hostPath))\n"
        }
        for variable in request.environment { text += "env      \(line(variable))\n" }
        return text
    }

    /// Nil: the job starts its own machine.
    private func openPool() throws(RunFailure) -> PoolClient? {
        guard options.pool != .none else { return nil }
        do throws(PoolError) {
            return try PoolClient(path: try PoolCommand.socketPath(options.pool))
        } catch {
            if options.pool != .automatic { throw RunFailure(text: "--pool: \(error.description)") }
            if !options.isQuiet { Terminal.say("swiftlet: no pool: \(error.description)") }
            return nil
        }
    }

    private func openMeta() throws(RunFailure) -> MetaFile? {
        guard let path = options.metaPath else { return nil }
        do throws(WrittenPlace.Refusal) {
            return try MetaFile(path: path)
        } catch {
            throw RunFailure(text: "--meta \(path): \(error)")
        }
    }

    private func attempt<Result: ~Copyable, Failure: Error & CustomStringConvertible>(
        _ body: () throws(Failure) -> Result
    ) throws(RunFailure) -> Result {
        do throws(Failure) {
            return try body()
        } catch {
            throw RunFailure(text: error.description)
        }
    }
}
