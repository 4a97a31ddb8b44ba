import Glibc
import LinuxSystem
import SystemPackage

/// Makes image files from recipes, directories and tar archives, and puts them into a store.
///
/// The same input gives the same bytes: every file belongs to root, has the time `fixedTime`, and the file system's UUID is
/// fixed.
public struct ImageBuilder {
    let store: ImageStore
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
        try requireTools([("mkfs.erofs", "erofs-utils")] + recipe.needs)
        try store.makeDirectories()
        let work = try WorkDirectory(in: store)
        defer { work.remove() }
        let steps = BuildSteps(builder: self, work: work.path, name: name)
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
        try requireTools([("mkfs.erofs", "erofs-utils")])
        let kind = try attempting("importing", source) { () throws(Errno) in
            try PathStatus(of: source.bytes, followingLinks: true).kind
        }
        try store.makeDirectories()
        let work = try WorkDirectory(in: store)
        defer { work.remove() }
        let steps = BuildSteps(builder: self, work: work.path, name: name)
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
        _ tree: String, _ steps: BuildSteps, _ name: String, source: String, fingerprint: String
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

    func shell(_ recipe: Recipe, _ function: String, _ argument: String = "") -> [String] {
        // `set -e` is off inside a function called under `||`, so the call stands alone.
        [
            "/bin/sh", "-c", "set -eu; . \"$1/$4\"; \"$2\" \"$3\"", "recipe", recipe.path, function,
            argument, recipe.kind.script,
        ]
    }

    /// - Throws: `missingTools`, which names all that are missing, and the packages to install.
    func requireTools(_ needs: [(tool: String, package: String)]) throws(ImageError) {
        let missing = needs.filter { Command.path(of: $0.tool, searchPath: searchPath) == nil }
        if missing.isEmpty { return }
        throw .missingTools(missing.map(\.tool), packages: missing.map(\.package))
    }

    var searchPath: String { Command.searchPath(environment: environment) }

    /// What the tools see: no locale, no time zone, no user settings; only how to reach the network.
    func toolEnvironment(work: String) -> [String] {
        let passed = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
        return passed.compactMap { name in environment(name).map { "\(name)=\($0)" } } + [
            "PATH=\(searchPath)", "LC_ALL=C.UTF-8", "HOME=/root", "TMPDIR=\(work)",
            "DEBIAN_FRONTEND=noninteractive",
            "SOURCE_DATE_EPOCH=\(Self.fixedTime)",
        ]
    }

    /// Shows where a step is; the signal that is to stop it, or 0.
    func report(_ step: String, _ line: String) -> CInt {
        progress(step, line)
        return cancellation()
    }
}
