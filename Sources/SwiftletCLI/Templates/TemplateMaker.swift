import Glibc
import Images
import JobRunner
import LinuxSystem
import SystemPackage
import Templates

/// `swiftlet template create`: one job, run until it asks for its checkpoint, and its memory.
struct TemplateMaker {
    private let name: String
    private let job: RunCommand
    private let paths: RunCommand.Paths
    private let store: TemplateStore
    private let begun: UInt64

    /// What is a single job's, or cannot be saved.
    private static let refused = [
        "interactive", "tty", "out", "disk", "root-transport", "device-read-bps", "device-write-bps",
        "device-read-iops", "device-write-iops", "json", "meta", "template", "dry-run", "stream-bps",
    ]

    init(
        _ name: String, _ words: CommandLineWords, store: TemplateStore, begun: UInt64
    ) throws(UsageError) {
        guard ImageStore.isValid(name: name) else {
            throw UsageError("template create: \(TemplateError.badName(name).description)")
        }
        self.name = name
        self.store = store
        self.begun = begun
        job = try RunCommand(words, begun: begun, makesTemplate: true)
        for option in Self.refused where job.given.contains(option) {
            throw UsageError("template create: --\(option): belongs to a job, not to a template")
        }
        if job.command.isEmpty, job.given.contains("env") {
            throw UsageError(
                "template create: --env: without a command there is no program that would have it; give it to "
                    + "swiftlet run --template \(name)")
        }
        if let secret = job.options.secretInputs.first {
            throw UsageError(
                "template create: --in-secret \(secret): every job from the template would have the secret; "
                    + "give it to each with swiftlet run --template \(name) --in-secret")
        }
        paths = try job.resolvedPaths()
    }

    /// Any failure before there is a template; one line.
    private struct Failure: Error {
        let text: String
    }

    func run() -> Int32 {
        if job.options.wantsHelp { return printed(RunCommand.help) }
        do throws(Failure) {
            return try make()
        } catch {
            Terminal.say("swiftlet template create: \(error.text)")
            return ExitStatus.ownFailure
        }
    }

    private func make() throws(Failure) -> Int32 {
        if store.contains(name) { throw Failure(text: TemplateError.exists(name: name).description) }
        let kvm = try attempt { () throws(LaunchError) in try JobRunner.openKVM() }
        let launcher = try attempt { () throws(LaunchError) in
            try Launcher(
                path: OwnFiles.machine, isVerbose: job.options.isVerbose, groups: job.options.controlGroups)
        }
        let resources = BatchResources()
        let image = try attempt { () throws(BatchFailure) in try resources.image(job.options.image) }
        let kernel = try attempt { () throws(BatchFailure) in
            try resources.kernel(job.options.kernel, initramfs: job.options.initramfs)
        }
        if case .file(let path) = kernel.kernel.choice, !path.hasPrefix("/") {
            throw Failure(text: "--kernel \(path): a template wants an absolute path")
        }
        let stateBytes = kernel.kernel.isLinux ? TemplateHeader.linuxStateBytes : 0
        guard let digest = image.image.digest else {
            throw Failure(
                text: "\(image.image.path): only an image of the store stays as it is; swiftlet image import")
        }
        let memory: OwnedDescriptor
        do throws(Errno) {
            memory = try OwnedDescriptor.memoryFile(
                name: "swiftlet-template", size: Int(job.options.memoryBytes + stateBytes))
        } catch {
            throw Failure(text: "memory for the guest: \(error)")
        }
        var request = job.request(kernel: kernel.kernel, image: image.image.descriptor.borrowed, paths)
        request.template = .making(memory: memory.borrowed)
        var header = TemplateHeader(
            kind: .program, memoryBytes: request.memoryBytes,
            imageBytes: image.image.bytes, created: UInt64(max(0, time(nil))), processor: ProcessorIdentity(),
            image: job.options.image, workingDirectory: job.options.workingDirectory, command: job.command,
            kernel: "\(kernel.kernel.choice)", stateBytes: stateBytes, processors: request.processors)
        header.setImageDigest(hexadecimal: digest)
        try attempt { () throws(TemplateError) in try TemplateStore.check(header) }
        let runner = JobRunner(kvm: kvm.borrowed) { machine throws(LaunchError) in try launcher.start(machine)
        }
        let result = try attempt { () throws(LaunchError) in try runner.run(request, begun: begun) }
        guard let checkpoint = result.checkpoint else { return explain(result) }
        header.kind = checkpoint == .kernel ? .kernel : .program
        header.created = UInt64(max(0, time(nil)))
        return try save(header, memory.borrowed, TemplatePart(kernel.file.borrowed, path: kernel.path))
    }

    private func save(
        _ header: TemplateHeader, _ memory: FileDescriptor, _ kernel: TemplatePart
    ) throws(Failure) -> Int32 {
        let saved = try attempt { () throws(TemplateError) in
            let machine = try openMachine()
            return try store.save(
                name, header, memory: memory, kernel: kernel,
                machine: TemplatePart(machine.borrowed, path: OwnFiles.machine))
        }
        if !job.options.isQuiet {
            Terminal.say(
                "swiftlet: template \(name): \(saved.kind), \(saved.dataBytes >> 10) KiB of "
                    + "\(saved.memoryBytes >> 20)M saved")
        }
        return 0
    }

    /// The job ended, or was ended, before its checkpoint.
    private func explain(_ result: JobResult) -> Int32 {
        var text = result.verdict.message ?? "the command ended with status \(result.verdict.status)"
        if result.report != nil { text += " before it asked for its checkpoint (by reading /dev/checkpoint)" }
        Terminal.say("swiftlet template create: \(text)")
        return result.verdict.status == 0 ? ExitStatus.ownFailure : result.verdict.status
    }

    private func attempt<Result: ~Copyable, Cause: Error>(
        _ body: () throws(Cause) -> Result
    ) throws(Failure) -> Result {
        do throws(Cause) {
            return try body()
        } catch {
            throw Failure(text: (error as? BatchFailure)?.text ?? "\(error)")
        }
    }
}
