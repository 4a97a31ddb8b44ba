import Glibc
import Images
import JobRunner
import LinuxSystem
import SystemPackage

/// Exit statuses that are swiftlet's own.
enum ExitStatus {
    static let usage: Int32 = 2
    static let ownFailure: Int32 = 125
}

/// Runs the command in this process's arguments and returns the exit status.
///
/// - Parameter isConfined: False: **`run` gives the VMM no jail**, to measure what the jail costs (Benchmarks/unconfined).
public func main(isConfined: Bool = true) -> Int32 {
    let begun = monotonicNanoseconds()
    ensureStandardDescriptors()
    try? ignoreBrokenPipeSignal()
    let arguments = CommandLineWords()
    do throws(UsageError) {
        return try dispatch(arguments, begun: begun, isConfined: isConfined)
    } catch {
        Terminal.say("swiftlet: \(error.description)")
        return ExitStatus.usage
    }
}

private let help = """
    usage: swiftlet run [options] [--] COMMAND [ARG...]     run a command in a virtual machine of its own
           swiftlet batch [options] JOBS.ndjson|-           many jobs, a line of JSON each, and their results
           swiftlet pool [options]                          keep machines prepared for swiftlet run --pool
           swiftlet bench [options]                         what a job costs here, beside the alternatives found
           swiftlet doctor [--attack]                       can this host run jobs, what to change; run hostile guests
           swiftlet image build NAME|DIR [NAME]             make a root image from a recipe
           swiftlet image import TARBALL|DIR NAME           make a root image from an archive or directory
           swiftlet image ls | inspect NAME | rm NAME...    the root images there are
           swiftlet image build-kernel linux|debian         make a Linux guest kernel, for run --kernel linux
           swiftlet template create NAME [options] [-- COMMAND...]   a saved guest, for run --template NAME
           swiftlet template ls [--json] | rm NAME...       the templates there are
           swiftlet help run                                the options of run, and what the exit status means
           swiftlet --version                               which swiftlet this is

    """

private func dispatch(
    _ given: CommandLineWords, begun: UInt64, isConfined: Bool
) throws(UsageError) -> Int32 {
    // `help VERB` is `VERB --help`.
    let asksForVerb = given.texts.first == "help" && given.texts.count > 1
    let words = asksForVerb ? CommandLineWords([given.bytes[1], Array("--help".utf8)]) : given
    guard let command = words.texts.first else {
        Terminal.say(help)
        return ExitStatus.usage
    }
    if !["help", "--help", "-h", "--version", "-V", "version"].contains(command) {
        ImageStore.standard(environment: Terminal.environment).removeAbandonedWork()
    }
    switch command {
    case "run":
        return try RunCommand(words.dropFirst(), begun: begun, isConfined: isConfined).run()
    case "image":
        return try ImageCommand(Array(words.texts.dropFirst())).run()
    case "help", "--help", "-h":
        return printed(help)
    case "--version", "-V", "version":
        return printed("swiftlet \(Version.number)\n")
    case "batch":
        return try BatchCommand(words.dropFirst()).run()
    case "pool":
        return try PoolCommand(words.dropFirst()).run()
    case "doctor":
        return try DoctorCommand(words.dropFirst()).run()
    case "template":
        return try TemplateCommand(words.dropFirst(), begun: begun).run()
    case "bench":
        return try BenchCommand(words.dropFirst()).run()
    default:
        throw UsageError("unknown command \"\(command)\"; see swiftlet --help")
    }
}

/// Prints `text` on standard output, and gives the exit status of that.
func printed(_ text: String) -> Int32 {
    do throws(Errno) {
        try Terminal.print(text)
        return 0
    } catch {
        Terminal.say("swiftlet: writing standard output: \(error)")
        return ExitStatus.ownFailure
    }
}

/// A descriptor 0, 1 or 2 that is closed would be taken by the next file opened, and the job's output would land in it.
///
/// A standard output that is closed stays one that nothing can be written to: a job with output has lost it, and a status
/// of 0 would say that all is well. Whoever closes standard error wants not to hear it.
private func ensureStandardDescriptors() {
    for number: CInt in 0...2 where fcntl(number, F_GETFD) < 0 {
        // open(2) takes the lowest free number, which is this one.
        _ = open("/dev/null", number == 2 ? O_WRONLY : O_RDONLY)
    }
}

/// The words of the command line: as text, and as the bytes they are.
struct CommandLineWords {
    let texts: [String]
    let bytes: [[UInt8]]

    /// This process's arguments without the program's name.
    init() {
        var bytes: [[UInt8]] = []
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let word = CommandLine.unsafeArgv[index] else { break }
            // SAFETY: argv's strings end in NUL and live as long as the process; CChar and UInt8 have the same layout.
            bytes.append(UnsafeBufferPointer(start: word, count: strlen(word)).map { UInt8(bitPattern: $0) })
        }
        self.init(bytes)
    }

    init(_ bytes: [[UInt8]]) {
        self.bytes = bytes
        texts = bytes.map { String(decoding: $0, as: UTF8.self) }
    }

    func dropFirst(_ count: Int = 1) -> CommandLineWords {
        CommandLineWords(Array(bytes.dropFirst(count)))
    }

    /// Whether the text says the same as the bytes: true unless they were no UTF-8.
    func isText(_ index: Int) -> Bool {
        bytes[index].elementsEqual(texts[index].utf8)
    }
}
