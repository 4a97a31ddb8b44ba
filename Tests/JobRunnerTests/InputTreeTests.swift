import CLinux
import Glibc
import LinuxSystem
import SystemPackage
import Testing

@testable import JobRunner

/// Trees on the host that are not what a hurried or a hostile user's neighbour lets one think.
@Suite(.serialized) struct InputTreeTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func plan(_ path: String) throws(LaunchError) -> InputPlan {
        try InputPlan([.init(hostPath: Array(path.utf8), guestPath: Array("/d".utf8))])
    }

    /// The whole content of the plan's first file, as it would be sent.
    private func content(_ plan: InputPlan) throws -> [UInt8] {
        var reader = InputReader(plan)
        for case .file(let source, _) in plan.entries {
            _ = try reader.begin(source)
            var bytes: [UInt8] = []
            while reader.remaining > 0 { bytes += try reader.read(upTo: 100_000) }
            return bytes
        }
        return []
    }

    /// A tree `depth` directories deep, made by descriptors, because its path is longer than a path may be.
    private func makeDeep(_ depth: Int) throws {
        var here = try OwnedDescriptor.open(directory.path, flags: O_RDONLY | O_DIRECTORY)
        for _ in 0..<depth {
            #expect(linux_mkdir_at(here.borrowed.rawValue, "d") == 0)
            let name = [UInt8(ascii: "d")]
            here = try OwnedDescriptor.open(name, beneath: here.borrowed, flags: O_RDONLY | O_DIRECTORY)
        }
    }

    private func remove() { _ = system("rm -rf \(directory.path)/d") }

    @Test("HOSTILE 30: a tree as deep as its path may be is planned on a worker's small stack; one deeper is named")
    func deep() throws {
        defer { remove() }
        try makeDeep(2040)
        let outcome = Box<Result<Int, LaunchError>>()
        let path = directory.path
        for (guest, expected) in [("/d", 2041), ("/d/a/longer/place", 0)] {
            let thread = try Thread(name: "worker", stackSize: 128 << 10) {
                do throws(LaunchError) {
                    let input = JobRequest.InputFile(
                        hostPath: Array(path.utf8), guestPath: Array(guest.utf8))
                    outcome.value = .success(try InputPlan([input]).entries.count)
                } catch {
                    outcome.value = .failure(error)
                }
            }
            thread.join()
            switch outcome.value {
            case .success(let count): #expect(count == expected)
            case .failure(.pathTooLong): #expect(expected == 0)
            default: Issue.record("\(String(describing: outcome.value))")
            }
        }
    }

    /// What somebody may put into a file's place between the plan and its turn.
    @Test(
        "HOSTILE 29: a file that became something else is named, and nobody's bytes are sent",
        arguments: ["link", "hard link", "pipe", "directory", "file", "nothing"])
    func becameAnother(what: String) throws {
        defer { remove() }
        let secret = try directory.write("secret", Array("secret".utf8))
        #expect(mkdir("\(directory.path)/d", 0o755) == 0)
        let path = "\(directory.path)/d/f"
        _ = try directory.write("d/f", Array("mine".utf8))
        let plan = try plan("\(directory.path)/d")
        #expect(try content(plan) == Array("mine".utf8))
        // Kept under another name, so that its inode is not given out again.
        #expect(Glibc.rename(path, path + ".old") == 0)
        switch what {
        case "link": #expect(symlink("../secret", path) == 0)
        case "hard link": #expect(link(String(decoding: secret, as: UTF8.self), path) == 0)
        case "pipe": #expect(mkfifo(path, 0o644) == 0)
        case "directory": #expect(mkdir(path, 0o755) == 0)
        case "file": _ = try directory.write("d/f", Array("another".utf8))
        default: break
        }
        let error = #expect(throws: InputProblem.self) { try content(plan) }
        #expect(error?.path == Array(path.utf8))
        #expect(error?.text.contains("became another file") == true, "\(error?.text ?? "")")
    }

    @Test("HOSTILE 29: a directory on the way that became a link is not walked through, nor one named by the user")
    func directoryBecameLink() throws {
        defer { remove() }
        #expect(mkdir("\(directory.path)/d", 0o755) == 0)
        for name in ["d/here", "d/elsewhere"] {
            #expect(mkdir("\(directory.path)/\(name)", 0o755) == 0)
            _ = try directory.write(name + "/f", Array(name.utf8))
        }
        let below = try plan("\(directory.path)/d")
        let root = try plan("\(directory.path)/d/here")
        let here = "\(directory.path)/d/here"
        #expect(Glibc.rename(here, here + ".old") == 0 && symlink("elsewhere", here) == 0)
        for case .file(let source, _) in below.entries where below.hostPath(source) == Array("\(here)/f".utf8) {
            var reader = InputReader(below)
            #expect(throws: InputProblem.self) { _ = try reader.begin(source) }
        }
        #expect(throws: InputProblem.self) { try content(root) }
    }

    @Test("HOSTILE 29: what the user names may be a link; below it links stay links")
    func namedLink() throws {
        defer { remove() }
        #expect(mkdir("\(directory.path)/d", 0o755) == 0)
        _ = try directory.write("d/f", Array("x".utf8))
        #expect(symlink("d", directory.path + "/link") == 0)
        #expect(try content(try plan("\(directory.path)/link")) == Array("x".utf8))
        #expect(try content(try plan("\(directory.path)/link/f")) == Array("x".utf8))
    }

    @Test("HOSTILE 29: a file of /proc, which says it is empty, is delivered whole")
    func unsized() throws {
        let file = try OwnedDescriptor.open("/proc/version", flags: O_RDONLY)
        let version = try file.borrowed.readAll(atMost: 4096)
        #expect(!version.isEmpty)
        #expect(try content(try plan("/proc/version")) == version)
        let empty = try directory.write("empty", [])
        #expect(try content(try plan(String(decoding: empty, as: UTF8.self))) == [])
    }
}
