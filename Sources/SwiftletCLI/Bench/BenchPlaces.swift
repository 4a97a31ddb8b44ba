import Glibc
import Images
import LinuxSystem
import SystemPackage

/// Files that a bench makes: the images' content for contenders that want a directory, in the user's cache and kept by
/// digest, and what one bench needs, in a folder of its own that goes with it.
final class BenchPlaces {
    let cache: String
    /// Ours alone, removed at the end.
    let work: String
    private let store = ImageStore.standard(environment: Terminal.environment)
    private var trees: [String: String] = [:]
    private var spin: String?

    init() throws(BenchFailure) {
        let home = Terminal.environment("XDG_CACHE_HOME") ?? (Terminal.environment("HOME") ?? "/root") + "/.cache"
        cache = home + "/swiftlet/bench"
        work = cache + "/work-\(getpid())"
        try Self.attempting("making", work) { () throws(Errno) in
            try makeDirectoryAndParents(Array(work.utf8))
        }
    }

    /// Takes away the folder of this bench. What cannot be removed is told: it may be large.
    func tidyUp() {
        for name in (try? listDirectory(Array(work.utf8))) ?? [] {
            try? unlinkFile(Array(work.utf8) + [UInt8(ascii: "/")] + name)
        }
        if rmdir(work) != 0 { Terminal.say("swiftlet: bench: \(work) could not be removed") }
    }

    static func attempting<Result>(
        _ doing: String, _ path: String, _ body: () throws(Errno) -> Result
    ) throws(BenchFailure) -> Result {
        do throws(Errno) { return try body() } catch { throw BenchFailure("\(doing) \(path): \(error)") }
    }

    /// The first program of this name on the search path, or where tools of administrators are.
    static func program(_ name: String) -> String? {
        let path = (Terminal.environment("PATH") ?? "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"
        return path.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// The image's file, and whether it is there at all.
    func imagePath(_ name: String) throws(BenchFailure) -> String {
        do throws(ImageError) {
            let image = try store.open(name)
            return image.path
        } catch {
            throw BenchFailure(error.description)
        }
    }

    /// A directory with the image's content, unpacked once for each digest.
    func tree(_ image: String) throws(BenchFailure) -> String {
        if let tree = trees[image] { return tree }
        let path = try imagePath(image)
        let name = path.split(separator: "/").last.map(String.init) ?? image
        let tree = "\(cache)/tree-\(name.prefix(32))"
        if access(tree, F_OK) != 0 {
            guard let unpacker = Self.program("fsck.erofs") else {
                throw BenchFailure("no fsck.erofs to unpack image \(image) with; apt-get install erofs-utils")
            }
            let part = tree + ".\(getpid())"
            let outcome = try Self.attempting("running", unpacker) { () throws(Errno) in
                try MeasuredChild(words: [unpacker, "--extract=\(part)", path]).run()
            }
            guard outcome.status == 0 else {
                throw BenchFailure("unpacking image \(image) into \(part): status \(outcome.status)")
            }
            // Another bench may have been faster; then its tree is as good.
            if Glibc.rename(part, tree) != 0, access(tree, F_OK) != 0 {
                throw BenchFailure("naming \(tree): \(Errno(rawValue: errno))")
            }
        }
        trees[image] = tree
        return tree
    }

    /// What a workload is given as standard input; nil if it reads none.
    static func input(_ input: Workload.Input) -> [UInt8]? {
        switch input {
        case .none: nil
        case .lines(let count): lines(count)
        case .bytes(let count): pseudoRandom(count)
        }
    }

    /// The loop's program, of as many rounds as this processor does in `Workload.spinSeconds`.
    func spinProgram() throws(BenchFailure) -> String {
        if let spin { return spin }
        let trial = try program(SpinProgram(rounds: Self.trialRounds), "spin-trial")
        var fastest = UInt64.max
        for _ in 0..<3 {
            let outcome = try Self.attempting("running", trial) { () throws(Errno) in
                try MeasuredChild(words: [trial]).run()
            }
            guard outcome.status == 0 else { throw BenchFailure("the loop ended with status \(outcome.status)") }
            fastest = min(fastest, max(1, outcome.times.processor))
        }
        let rounds = Self.trialRounds / fastest * Workload.spinSeconds * 1_000_000
        let path = try program(SpinProgram(rounds: rounds), "spin")
        spin = path
        return path
    }

    private static let trialRounds: UInt64 = 50_000_000

    private func program(_ program: SpinProgram, _ name: String) throws(BenchFailure) -> String {
        try file(name, mode: 0o755) { program.bytes }
    }

    /// A file of `work`, made when it is first asked for.
    func file(
        _ name: String, mode: UInt32 = 0o644, content: () -> [UInt8]
    ) throws(BenchFailure) -> String {
        let path = "\(work)/\(name)"
        if access(path, F_OK) == 0 { return path }
        try Self.attempting("writing", path) { () throws(Errno) in
            let file = try OwnedDescriptor.open(path, flags: O_WRONLY | O_CREAT | O_EXCL, mode: mode)
            try file.borrowed.write(all: content())
        }
        return path
    }

    /// xorshift64 from a fixed seed: the same on every host and every day.
    private struct Draw {
        private var state: UInt64 = 0x9e37_79b9_7f4a_7c15

        mutating func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
    }

    private static func pseudoRandom(_ count: Int) -> [UInt8] {
        var draw = Draw()
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: draw.next() >> 32) }
            initialized = count
        }
    }

    /// Lines of nine digits.
    private static func lines(_ count: Int) -> [UInt8] {
        var draw = Draw()
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count {
                let isEnd = index % 10 == 9 || index == count - 1
                buffer[index] = isEnd ? 0x0a : 0x30 + UInt8((draw.next() >> 40) % 10)
            }
            initialized = count
        }
    }
}
