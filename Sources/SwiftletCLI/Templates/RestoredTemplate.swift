import Glibc
import Images
import JobRunner
import LinuxSystem
import SystemPackage
import Templates

/// The template that a job goes on from. A class, because a template is a descriptor and a command is copied.
final class RestoredTemplate: Sendable {
    let template: OpenTemplate
    private let store: TemplateStore

    init(_ name: String) throws(TemplateError) {
        store = TemplateStore(root: ImageStore.standard(environment: Terminal.environment).root)
        template = try store.open(name)
    }

    var isProgram: Bool { template.header.kind == .program }

    func check(_ image: borrowing OpenImage, kernel: TemplatePart) throws(TemplateError) {
        let machine = try openMachine()
        try store.check(
            template, imageDigest: image.digest, imageBytes: image.bytes, kernel: kernel,
            machine: TemplatePart(machine.borrowed, path: OwnFiles.machine))
    }
}

/// The VMM's executable, to tell its version by.
func openMachine() throws(TemplateError) -> OwnedDescriptor {
    do throws(Errno) {
        return try OwnedDescriptor.open(OwnFiles.machine, flags: O_RDONLY)
    } catch {
        throw .system(doing: "opening", path: OwnFiles.machine, errno: error)
    }
}

extension RunCommand {
    /// What a template has decided. Giving it once more is a mistake, even if it is the same.
    private static let decided = [
        "image", "kernel", "initramfs", "cpus", "root-transport", "memory", "disk", "device-read-bps", "device-write-bps",
        "device-read-iops", "device-write-iops",
    ]
    /// What a program that runs already has.
    private static let decidedByProgram = ["env", "workdir", "user", "tty"]

    /// The same job, going on from `template`.
    func restoring(_ template: RestoredTemplate) throws(UsageError) -> RunCommand {
        let header = template.template.header
        let name = template.template.name
        for option in Self.decided where given.contains(option) {
            throw UsageError("run: --\(option): template \(name) has its own")
        }
        if template.isProgram {
            for option in Self.decidedByProgram where given.contains(option) {
                throw UsageError(
                    "run: --\(option): the program of template \(name) is running already and has its own")
            }
        } else if command.isEmpty {
            throw UsageError("run: template \(name) is a booted kernel without a program: which command?")
        }
        var run = self
        run.options.image = header.image
        run.options.memoryBytes = header.memoryBytes
        run.options.processors = header.processors
        run.options.kernel = KernelChoice(header.kernel)
        if template.isProgram { run.options.workingDirectory = header.workingDirectory }
        run.restored = template
        return run
    }
}
