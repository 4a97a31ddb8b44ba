import Glibc
import Images
import LinuxSystem
import Synchronization
import SystemPackage

/// The signal that asked to stop, or 0. Written by a signal handler, hence atomic.
private let stopSignal = Atomic<CInt>(0)

/// `swiftlet image …`
struct ImageCommand {
    private let words: [String]
    let store = ImageStore.standard(environment: Terminal.environment)

    private static let help = """
        usage: swiftlet image build NAME|DIR [NAME] [--force]   NAME: of images/; rebuilt only if it changed
               swiftlet image import TARBALL|DIR NAME
               swiftlet image ls
               swiftlet image inspect NAME [--verify]           --verify reads it all and compares its digest
               swiftlet image rm NAME...
               swiftlet image build-kernel NAME|DIR [NAME] [--force]   a guest kernel: linux, debian, linux-debug
               swiftlet image ls-kernels
               swiftlet image rm-kernel NAME...
        Images are kept in $SWIFTLET_HOME, else in $XDG_DATA_HOME/swiftlet, else in ~/.local/share/swiftlet.

        """

    init(_ words: [String]) {
        self.words = words
    }

    func run() throws(UsageError) -> Int32 {
        guard let verb = words.first else { throw UsageError("image: which verb? see swiftlet image --help") }
        var flags = Set(words.dropFirst().filter { $0.hasPrefix("-") && $0 != "-" })
        let operands = words.dropFirst().filter { !$0.hasPrefix("-") || $0 == "-" }
        if ["help", "--help", "-h"].contains(verb) || flags.contains("--help") || flags.contains("-h") {
            return printed(Self.help)
        }
        let action: () throws(ImageError) -> Int32
        switch (verb, operands.count) {
        case ("build", 1...2):
            let isForced = flags.remove("--force") != nil
            action = { () throws(ImageError) in
                try build(operands[0], as: operands.dropFirst().first, isForced)
            }
        case ("import", 2):
            action = { () throws(ImageError) in try importing(operands[0], as: operands[1]) }
        case ("ls", 0):
            action = list
        case ("inspect", 1):
            let verifies = flags.remove("--verify") != nil
            action = { () throws(ImageError) in try inspect(operands[0], verifies: verifies) }
        case ("rm", 1...):
            action = { () throws(ImageError) in
                for name in operands { try store.remove(name) }
                return 0
            }
        case ("build-kernel", 1...2):
            let isForced = flags.remove("--force") != nil
            action = { () throws(ImageError) in
                try buildKernel(operands[0], as: operands.dropFirst().first, isForced)
            }
        case ("ls-kernels", 0):
            action = listKernels
        case ("rm-kernel", 1...):
            action = { () throws(ImageError) in try removeKernels(operands) }
        case ("build", _), ("import", _), ("ls", _), ("inspect", _), ("rm", _), ("build-kernel", _),
            ("ls-kernels", _), ("rm-kernel", _):
            throw UsageError("image \(verb): wrong number of operands; see swiftlet image --help")
        default:
            throw UsageError("image: unknown verb \"\(verb)\"; see swiftlet image --help")
        }
        if let flag = flags.sorted().first { throw UsageError("image \(verb): unknown option \(flag)") }
        do throws(ImageError) {
            return try action()
        } catch {
            Terminal.say("swiftlet image \(verb): \(error.description)")
            if case .cancelled = error { return 128 + stopSignal.load(ordering: .relaxed) }
            return ExitStatus.ownFailure
        }
    }

    func builder(_ progress: ProgressLine) -> ImageBuilder {
        stopSignal.store(0, ordering: .relaxed)  // initialised here, not first in a signal handler
        // Ctrl-C ends the tools; we stay to clean up after them.
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { stopSignal.store($0, ordering: .relaxed) }
        }
        return ImageBuilder(
            store: store, environment: Terminal.environment, progress: { progress.update($0, $1) },
            cancellation: { stopSignal.load(ordering: .relaxed) })
    }

    private func build(_ reference: String, as name: String?, _ isForced: Bool) throws(ImageError) -> Int32 {
        let recipe = try Recipe.find(reference, in: Self.recipeDirectory)
        let progress = ProgressLine()
        defer { progress.clear() }
        let outcome = try builder(progress).build(recipe, name: name ?? recipe.name, force: isForced)
        progress.clear()
        switch outcome {
        case .built(let record): return report(name ?? recipe.name, record, "built")
        case .upToDate(let record): return report(name ?? recipe.name, record, "up to date")
        }
    }

    private func importing(_ source: String, as name: String) throws(ImageError) -> Int32 {
        let progress = ProgressLine()
        defer { progress.clear() }
        let record = try builder(progress).importing(source, name: name)
        progress.clear()
        return report(name, record, "imported")
    }

    private func report(_ name: String, _ record: ImageRecord, _ what: String) -> Int32 {
        report(name, digest: record.digest, bytes: record.bytes, what)
    }

    func report(_ name: String, digest: String, bytes: UInt64, _ what: String) -> Int32 {
        printed("\(name)  sha256:\(digest)  \(Self.size(bytes))  \(what)\n")
    }

    /// A line of a list.
    static func row(_ name: String, digest: String, bytes: UInt64, source: String) -> String {
        let pad = String(repeating: " ", count: max(1, 20 - name.count))
        return "\(name)\(pad)sha256:\(digest.prefix(12))  \(size(bytes))  \(source)\n"
    }

    private func list() throws(ImageError) -> Int32 {
        var text = ""
        for name in try store.names() {
            let record = try store.record(named: name)
            text += Self.row(name, digest: record.digest, bytes: record.bytes, source: record.source)
        }
        return printed(text)
    }

    private func inspect(_ name: String, verifies: Bool) throws(ImageError) -> Int32 {
        let record = try store.record(named: name)
        let image = try store.open(name)
        if verifies { try store.verify(name) }
        var json = JSONWriter()
        json.object {
            $0.string("name", name)
            $0.string("digest", "sha256:\(record.digest)")
            $0.number("bytes", record.bytes)
            $0.string("path", image.path)
            $0.string("source", record.source)
            $0.string("recipe", record.recipe.isEmpty ? nil : record.recipe)
            $0.number("created", record.created)
            $0.boolean("verified", verifies)
        }
        return printed(json.text + "\n")
    }

    /// `images/` beside the build folder this executable lies in, or installed next to it.
    static var recipeDirectory: String {
        let binaries = OwnFiles.directory
        let candidates = [binaries + "/../../images", binaries + "/../share/swiftlet/images"]
        let found = candidates.first { access($0, F_OK) == 0 } ?? candidates[0]
        guard let resolved = realpath(found, nil) else { return found }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    static func size(_ bytes: UInt64) -> String {
        bytes < 10 << 20 ? "\(bytes >> 10) KiB" : "\(bytes >> 20) MiB"
    }
}

/// What was built together with this executable.
enum OwnFiles {
    /// The directory of this executable.
    static var directory: String {
        let path =
            (try? readLink(Array("/proc/self/exe".utf8))).map { String(decoding: $0, as: UTF8.self) } ?? ""
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return String(path[..<slash])
    }

    /// Our init for Linux kernels, as a cpio archive.
    static var initramfs: String { directory + "/swiftlet-initramfs" }

    /// The executable of the VMM.
    static var machine: String { Terminal.environment("SWIFTLET_VMM") ?? directory + "/swiftlet-vmm" }
}
