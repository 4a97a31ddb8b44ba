import Glibc
import Images
import JobRunner
import LinuxSystem
import SystemPackage
import Templates

/// `swiftlet template …`
struct TemplateCommand {
    private let words: CommandLineWords
    private let begun: UInt64
    private let store = TemplateStore(root: ImageStore.standard(environment: Terminal.environment).root)

    private static let help = """
        usage: swiftlet template create NAME [options] [-- COMMAND [ARG...]]
               swiftlet template ls [--json]
               swiftlet template rm NAME...
        create boots a guest, runs COMMAND until it asks for its checkpoint, and saves the guest's memory as NAME.
        Each `swiftlet run --template NAME -- ARG...` goes on from there with ARG... Without COMMAND the booted
        kernel is saved, and `run --template NAME -- COMMAND...` is a whole job. The options are those of run, but
        for what belongs to a job: -i, -t, --out, --disk, --in-secret, --json, --meta.

        A program asks by reading /dev/checkpoint, which returns the job's arguments, a NUL behind each. In images
        with Swiftlet's sitecustomize (python, numpy) that is checkpoint(), which sets sys.argv[1:]:
          swiftlet template create j --image python -- python3 -c 'import json, sys; checkpoint(); print(sys.argv)'
          swiftlet run --template j -- a b
        What a program has read, drawn or remembered before its checkpoint is the same in every job: passwords,
        random state of its own, open files. The kernel draws new random numbers and sets the clocks.
        A template runs only on the same processor model, kernel, image and version of swiftlet.
        Templates are kept in templates/ beside the images.

        """

    init(_ words: CommandLineWords, begun: UInt64) {
        self.words = words
        self.begun = begun
    }

    func run() throws(UsageError) -> Int32 {
        guard let verb = words.texts.first else { throw UsageError("template: create, ls or rm") }
        let rest = words.dropFirst()
        if ["help", "--help", "-h"].contains(verb) || ["--help", "-h"].contains(rest.texts.first) {
            return printed(Self.help)
        }
        let action: () throws(TemplateError) -> Int32
        switch verb {
        case "create":
            guard let name = rest.texts.first, !name.hasPrefix("-") else {
                throw UsageError("template create: the template's name comes first")
            }
            let maker = try TemplateMaker(name, rest.dropFirst(), store: store, begun: begun)
            action = { () throws(TemplateError) in maker.run() }
        case "ls":
            guard rest.texts.allSatisfy({ $0 == "--json" }) else {
                throw UsageError("template ls: the only option is --json")
            }
            action = { () throws(TemplateError) in try list(asJSON: !rest.texts.isEmpty) }
        case "rm":
            guard !rest.texts.isEmpty, rest.texts.allSatisfy({ !$0.hasPrefix("-") }) else {
                throw UsageError("template rm: which? see swiftlet template ls")
            }
            action = { () throws(TemplateError) in
                for name in rest.texts { try store.remove(name) }
                return 0
            }
        default: throw UsageError("template: unknown verb \"\(verb)\"; see swiftlet template --help")
        }
        do throws(TemplateError) {
            return try action()
        } catch {
            Terminal.say("swiftlet template \(verb): \(error.description)")
            return ExitStatus.ownFailure
        }
    }

    private func list(asJSON: Bool) throws(TemplateError) -> Int32 {
        var text = ""
        for name in try store.names() {
            do throws(TemplateError) {
                let header = try store.open(name).header
                text += asJSON ? json(name, header) : line(name, header)
            } catch {
                // One that cannot be read is there all the same: rm takes it.
                Terminal.say("swiftlet template ls: \(error.description)")
            }
        }
        return printed(text)
    }

    private func line(_ name: String, _ header: TemplateHeader) -> String {
        let pad = String(repeating: " ", count: max(1, 20 - name.count))
        let command = header.command.map(printable).joined(separator: " ")
        return "\(name)\(pad)\(header.kind)  \(header.image)  \(header.memoryBytes >> 20)M"
            + "  \(header.dataBytes >> 10) KiB saved  \(command)\n"
    }

    private func json(_ name: String, _ header: TemplateHeader) -> String {
        var json = JSONWriter()
        json.object {
            $0.string("name", name)
            $0.string("kind", "\(header.kind)")
            $0.string("image", header.image)
            $0.number("memory", header.memoryBytes)
            $0.number("cpus", UInt64(header.processors))
            $0.number("saved_bytes", header.dataBytes)
            $0.number("created", header.created)
            $0.string("workdir", header.workingDirectory)
            $0.string("cpu", header.processor.name)
            $0.string("kvm", header.virtualization.name)
            $0.key("command")
            $0.array { array in
                for word in header.command { array.string(word) }
            }
        }
        return json.text + "\n"
    }
}
