import CLinux
import Glibc
import LinuxSystem
import Synchronization
import SystemPackage

/// Where the cgroups of jobs are made, one a job (cgroups(7)): a directory of the memory controller's hierarchy.
public final class ControlGroups: Sendable {
    public enum Choice: Equatable, Sendable {
        /// In the launcher's own cgroup if that can be done; whatever limits the launcher limits its jobs too.
        case automatic
        case none
        /// In this one, a path from the root of the hierarchy on. It must be possible.
        case parent(String)
    }

    /// Which of the kernel's two interfaces the memory controller is in.
    public enum Version: String, Sendable {
        case v1 = "cgroup_v1"
        case v2 = "cgroup_v2"

        /// Where everybody mounts the hierarchy that has the memory controller.
        var mountPoint: String { self == .v1 ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup" }
        var memoryLimitFile: String { self == .v1 ? "memory.limit_in_bytes" : "memory.max" }
        var memoryPeakFile: String { self == .v1 ? "memory.max_usage_in_bytes" : "memory.peak" }
        /// Has a line `oom_kill N`.
        var memoryEventsFile: String { self == .v1 ? "memory.oom_control" : "memory.events" }
    }

    let version: Version
    let path: String
    let directory: OwnedDescriptor
    /// Whether `parent` was named: then a job without its cgroup is refused.
    public let isRequired: Bool
    private let hasSweeper = Mutex(false)

    /// Nil: there is none to be used.
    public static func find(_ choice: Choice) throws(LaunchError) -> ControlGroups? {
        guard choice != .none else { return nil }
        do throws(Errno) {
            let file = try OwnedDescriptor.open("/proc/self/cgroup", flags: O_RDONLY)
            let text = String(decoding: try file.borrowed.readAll(atMost: 64 << 10), as: UTF8.self)
            guard let (version, ownPath) = memoryGroup(in: text) else {
                throw .noSuchFileOrDirectory
            }
            if case .parent(let path) = choice {
                return try ControlGroups(version, path: version.mountPoint + path, isRequired: true)
            }
            return try ControlGroups(version, path: version.mountPoint + ownPath, isRequired: false)
        } catch {
            if case .parent(let path) = choice { throw .controlGroup(path: path, error) }
            return nil
        }
    }

    /// The line of the memory controller in /proc/PID/cgroup, else that of version 2, whose controllers are found out by use.
    static func memoryGroup(in text: String) -> (Version, path: String)? {
        var second: String?
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, fields[2].hasPrefix("/") else { continue }
            if fields[1].split(separator: ",").contains("memory") { return (.v1, String(fields[2])) }
            if fields[0] == "0", fields[1].isEmpty { second = String(fields[2]) }
        }
        return second.map { (.v2, $0) }
    }

    private init(_ version: Version, path: String, isRequired: Bool) throws(Errno) {
        self.version = version
        self.path = path
        self.isRequired = isRequired
        var generator = SystemRandomNumberGenerator()
        ownPrefix = Self.namePrefix + String(generator.next() as UInt64, radix: 16) + "-"
        directory = try OwnedDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
    }

    private static let namePrefix = "swiftlet-"
    /// Of the names this process gives.
    private let ownPrefix: String
    private let made = Atomic(0)

    /// A cgroup for one job, locked by this process.
    ///
    /// - Parameter guestBytes: Of guest memory; the limit is higher by what the VMM and the host's kernel need for it.
    func make(guestBytes: UInt64) throws(Errno) -> ControlGroup {
        // Who may not make one needs no sweeper.
        if access(path, W_OK) == 0 { startSweeper() }
        var failure = Errno.wouldBlock
        for _ in 0..<Self.maximumTries {
            do throws(Errno) { return try tryToMake(guestBytes) } catch { failure = error }
            // Between mkdir and the lock, another launcher's sweep has taken it for a dead one's.
            let sweepErrors: [Errno] = [.wouldBlock, .noSuchFileOrDirectory, Errno(rawValue: ENODEV)]
            guard sweepErrors.contains(failure) else { break }
        }
        throw failure
    }

    /// However this process ends, what it leaves is removed. A VM takes 15 ms to close, and nobody is to wait for that.
    /// Without a sweeper the next launcher removes it.
    private func startSweeper() {
        // Other threads wait: before the first cgroup is made, by whomever, the sweeper is there.
        hasSweeper.withLock { has in
            if has { return }
            _ = ownPrefix.withCString { linux_sweep_groups_after_me(directory.borrowed.rawValue, $0) }
            has = true
        }
    }

    private static let maximumTries = 3

    private func tryToMake(_ guestBytes: UInt64) throws(Errno) -> ControlGroup {
        let name = ownPrefix + "\(made.wrappingAdd(1, ordering: .relaxed).newValue)"
        try checked(name.withCString { linux_mkdir_at(directory.borrowed.rawValue, $0) })
        do throws(Errno) {
            return try ControlGroup(name: name, in: self, memoryBytes: Self.memoryLimit(guestBytes))
        } catch {
            _ = name.withCString { linux_rmdir_at(directory.borrowed.rawValue, $0) }
            throw error
        }
    }

    /// Guest memory, a sixteenth of it for page tables, shadow page tables (KVM's own bound is a fiftieth) and KVM's tables
    /// of pages, and 32 MiB for the VMM, whose own memory is some 3 MiB. Page cache counts too but is given back.
    static func memoryLimit(_ guestBytes: UInt64) -> UInt64 {
        let (sum, overflow) = guestBytes.addingReportingOverflow(guestBytes / 16 + 32 << 20)
        return overflow ? .max : sum
    }

    /// Lets children have the controllers (version 2 only). Fails where processes live in the parent itself.
    func enableControllers() throws(Errno) {
        let file = try open("cgroup.subtree_control", in: directory.borrowed, O_WRONLY)
        try file.borrowed.write(all: Array("+memory +pids".utf8))
    }

    func open(
        _ name: String, in directory: FileDescriptor, _ flags: CInt
    ) throws(Errno) -> OwnedDescriptor {
        try OwnedDescriptor(
            checking: name.withCString { linux_openat(directory.rawValue, $0, flags | O_CLOEXEC, 0) })
    }

    /// Removes what launchers left that were killed together with their sweepers. A living launcher holds a lock on each of
    /// its cgroups; the kernel refuses to remove one with a process in it.
    func sweep() {
        guard let names = try? listDirectory(Array(path.utf8)) else { return }
        for name in names where name.starts(with: Self.namePrefix.utf8) {
            let name = String(decoding: name, as: UTF8.self)
            guard let group = try? open(name, in: directory.borrowed, O_RDONLY | O_DIRECTORY),
                linux_flock(group.borrowed.rawValue, LOCK_EX | LOCK_NB) == 0
            else { continue }
            _ = name.withCString { linux_rmdir_at(directory.borrowed.rawValue, $0) }
        }
    }
}

extension ControlGroups {
    /// Whether jobs get cgroups when nothing is said about it.
    public enum Trial: Sendable {
        case possible(Version, path: String)
        case impossible(String)
    }

    /// Makes a cgroup as for a job, and removes it.
    public static func trial() -> Trial {
        guard let groups = try? find(.automatic) else {
            return .impossible("no memory controller is mounted")
        }
        do throws(Errno) {
            try groups.make(guestBytes: 256 << 20).remove()
            return .possible(groups.version, path: groups.path)
        } catch {
            return .impossible("\(groups.path): \(error)")
        }
    }
}
