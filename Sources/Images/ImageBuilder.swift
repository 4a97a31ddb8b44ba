import Glibc
import LinuxSystem
import SystemPackage

/// Makes image files from recipes, directories and tar archives, and puts them into a store.
///
/// The same input gives the same bytes: every file belongs to root, has the time `fixedTime`, and the file system's UUID is
/// fixed.
public struct ImageBuilder {
    private let store: ImageStore
    private let environment: (String) -> String?
    /// Called with what is being done and the last line of its output, several times a second.
    private let progress: (_ step: String, _ line: String) -> Void
    /// The signal that asks to stop, or 0.
    private let cancellation: () -> CInt

    /// Seconds since 1970: 2026-01-01. Not 0, which some programs take for "no time".
    private static let fixedTime = 1_767_225_600
    private static let fixedUUID = "5773776c-6574-4000-8000-000000000000"

    public init(
        store: ImageStore, environment: @escaping (String) -> String?,
        progress: @escaping (_ step: String, _ line: String) -> Void, cancellation: @escaping () -> CInt
    ) {
        self.store = store
        self.environment = environment
        self.progress = progress
        self.cancellation = cancellation
    }

    public enum Outcome: Sendable {
        case built(ImageRecord)
        /// The store has an image of this name made from the same recipe and inputs.
        case upToDate(ImageRecord)
    }

    /// Builds `recipe` unless nothing that decides its content has changed. `force` builds it anyway.
    public func build(_ recipe: Recipe, name: String, force: Bool) throws(ImageError) -> Outcome {
        guard ImageStore.isValid(name: name) else { throw .badName(name) }
        try requireTool("mkfs.erofs", package: "erofs-utils")
        for (tool, package) in recipe.needs { try requireTool(tool, package: package) }
        try store.makeDirectories()
        let work = try WorkDirectory(in: store)
        defer { work.remove() }
        let steps = Steps(builder: self, work: work.path, name: name)
        let inputs = try steps.capture("reading the inputs of \(recipe.name)", shell(recipe, "inputs"))
        let fingerprint = try recipe.fingerprint(inputs: inputs)
        if !force, let record = try? store.record(named: name), record.recipe == fingerprint,
            (try? store.open(name)) != nil
        {
            return .upToDate(record)
        }
        let tree = try work.makeDirectory("tree")
        try steps.run("filling \(name)", shell(recipe, "tree", tree))
        return .built(try pack(tree, steps, name, source: "recipe \(recipe.path)", fingerprint: fingerprint))
    }

    /// Makes an image of a directory, or of a tar archive in any compression tar knows.
    public func importing(_ source: String, name: String) throws(ImageError) -> ImageRecord {
        guard ImageStore.isValid(name: name) else { throw .badName(name) }
        try requireTool("mkfs.erofs", package: "erofs-utils")
        let kind = try attempting("importing", source) { () throws(Errno) in
            try PathStatus(of: source.bytes, followingLinks: true).kind
        }
        try store.makeDirectories()
        let work = try WorkDirectory(in: store)
        defer { work.remove() }
        let steps = Steps(builder: self, work: work.path, name: name)
        var tree = source
        if kind != .directory {
            tree = try work.makeDirectory("tree")
            let tar = try Command.find("tar", package: "tar", searchPath: searchPath)
            try steps.run(
                "unpacking \(source)",
                [
                    tar, "--extract", "--file", source, "--directory", tree, "--no-same-owner",
                    "--preserve-permissions",
                ])
        }
        return try pack(tree, steps, name, source: "import \(source)", fingerprint: "")
    }

    private func pack(
        _ tree: String, _ steps: Steps, _ name: String, source: String, fingerprint: String
    ) throws(ImageError) -> ImageRecord {
        let image = steps.work + "/image.erofs"
        let tool = try Command.find("mkfs.erofs", package: "erofs-utils", searchPath: searchPath)
        try steps.run(
            "packing \(name)",
            [
                tool, "--quiet", "--all-root", "-x-1", "-T\(Self.fixedTime)", "-U\(Self.fixedUUID)",
                "-Eforce-inode-compact", image, tree,
            ])
        return try store.add(file: image, name: name, source: source, recipe: fingerprint)
    }

    private func shell(_ recipe: Recipe, _ function: String, _ argument: String = "") -> [String] {
        // `set -e` is off inside a function called under `||`, so the call stands alone.
        [
            "/bin/sh", "-c", "set -eu; . \"$1/recipe.sh\"; \"$2\" \"$3\"", "recipe", recipe.path, function,
            argument,
        ]
    }

    private func requireTool(_ tool: String, package: String) throws(ImageError) {
        _ = try Command.find(tool, package: package, searchPath: searchPath)
    }

    fileprivate var searchPath: String { Command.searchPath(environment: environment) }

    /// What the tools see: no locale, no time zone, no user settings; only how to reach the network.
    fileprivate func toolEnvironment(work: String) -> [String] {
        let passed = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
        return passed.compactMap { name in environment(name).map { "\(name)=\($0)" } } + [
            "PATH=\(searchPath)", "LC_ALL=C.UTF-8", "HOME=/root", "TMPDIR=\(work)",
            "DEBIAN_FRONTEND=noninteractive",
            "SOURCE_DATE_EPOCH=\(Self.fixedTime)",
        ]
    }

    /// Shows where a step is; the signal that is to stop it, or 0.
    fileprivate func report(_ step: String, _ line: String) -> CInt {
        progress(step, line)
        return cancellation()
    }
}

/// The steps of one build, with one log. A failed step keeps the log beside the store's images and quotes its end.
private struct Steps {
    let builder: ImageBuilder
    let work: String
    let name: String

    func run(_ step: String, _ arguments: [String]) throws(ImageError) {
        try run(step, arguments, output: nil)
    }

    /// The step's standard output.
    func capture(_ step: String, _ arguments: [String]) throws(ImageError) -> [UInt8] {
        let path = work + "/output"
        let file = try attempting("creating", path) { () throws(Errno) in
            try OwnedDescriptor.open(path: path.bytes, flags: O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
        }
        try run(step, arguments, output: file.borrowed)
        return try attempting("reading", path) { () throws(Errno) in
            try file.borrowed.read(at: 0, upTo: 1 << 20)
        }
    }

    private func run(_ step: String, _ arguments: [String], output: FileDescriptor?) throws(ImageError) {
        let path = work + "/log"
        var failure: Command.Failure?
        do throws(Errno) {
            let log = try OwnedDescriptor.open(
                path: path.bytes, flags: O_RDWR | O_CREAT | O_APPEND, mode: 0o644)
            let command = Command(
                arguments: arguments, environment: builder.toolEnvironment(work: work),
                output: (output ?? log.borrowed).rawValue, log: log.borrowed.rawValue)
            failure = try command.run { builder.report(step, lastLines(of: log.borrowed, 1).first ?? "") }
        } catch {
            throw .system(doing: "running", path: arguments[0], errno: error)
        }
        guard let failure else { return }
        if builder.report(step, "") != 0 { throw .cancelled(step: step) }
        let kept = "\(builder.logPath(name))"
        try? rename(path.bytes, to: kept.bytes)
        var lines: [String] = []
        if let log = try? OwnedDescriptor.open(path: kept.bytes, flags: O_RDONLY) {
            lines = lastLines(of: log.borrowed, 8)
        }
        throw .stepFailed(step: step, status: "\(failure)", log: kept, lastLines: lines)
    }

    /// The last `count` non-empty lines, as far as the last 4 KiB hold them.
    private func lastLines(of log: FileDescriptor, _ count: Int) -> [String] {
        guard let size = try? log.status().size,
            let tail = try? log.read(at: size > 4096 ? size - 4096 : 0, upTo: 4096)
        else { return [] }
        return String(decoding: tail, as: UTF8.self).split { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
            .suffix(count).map { String($0.filter { !$0.isASCII || $0 >= " " }.prefix(200)) }
    }
}

extension ImageBuilder {
    fileprivate func logPath(_ name: String) -> String { store.root + "/build-\(name).log" }
}

/// A directory of one build, removed at its end. Its lock tells a later build whether whoever made it still lives.
private struct WorkDirectory {
    let path: String
    private let lock: CInt

    init(in store: ImageStore) throws(ImageError) {
        path = "\(store.workDirectory)/build-\(getpid())"
        do throws(Errno) {
            for name in try listNames(store.workDirectory) {
                Self.removeIfAbandoned("\(store.workDirectory)/\(name)")
            }
            try makeDirectoryAndParents(path.bytes)
            let file = try OwnedDescriptor.open(
                path: (path + "/lock").bytes, flags: O_RDWR | O_CREAT, mode: 0o600)
            _ = try file.borrowed.lock(waiting: true)
            lock = file.release().rawValue
        } catch {
            throw .system(doing: "creating", path: path, errno: error)
        }
    }

    func makeDirectory(_ name: String) throws(ImageError) -> String {
        let directory = "\(path)/\(name)"
        try attempting("creating", directory) { () throws(Errno) in
            try makeDirectoryAndParents(directory.bytes)
        }
        return directory
    }

    func remove() {
        Self.removeTree(path)
        _ = close(lock)
    }

    private static func removeIfAbandoned(_ path: String) {
        guard let file = try? OwnedDescriptor.open(path: (path + "/lock").bytes, flags: O_RDWR) else {
            return
        }
        if (try? file.borrowed.lock(waiting: false)) == true { removeTree(path) }
    }

    /// rm and not a walk of ours: `--one-file-system` keeps it out of anything a killed tool left mounted there.
    private static func removeTree(_ path: String) {
        let rm = Command(
            arguments: ["/bin/rm", "-rf", "--one-file-system", "--", path], environment: [], output: 2, log: 2
        )
        _ = try? rm.run()
    }
}
