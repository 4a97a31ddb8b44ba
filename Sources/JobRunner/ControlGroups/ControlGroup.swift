import CLinux
import Glibc
import LinuxSystem
import Sandbox
import SystemPackage

/// The cgroup of one job's VMM. This process holds a lock on its directory until the object is gone.
public final class ControlGroup: Sendable {
    private let parent: ControlGroups
    private let name: String
    private let directory: OwnedDescriptor
    /// Version 1: its file `tasks`; version 2: its directory once more.
    private let entrance: OwnedDescriptor
    /// The memory limit.
    public let memoryBytes: UInt64
    public var version: ControlGroups.Version { parent.version }

    /// Locks the new directory `name` and sets its limits.
    init(name: String, in parent: ControlGroups, memoryBytes: UInt64) throws(Errno) {
        let directory = try parent.open(name, in: parent.directory.borrowed, O_RDONLY | O_DIRECTORY)
        // Another launcher may be sweeping it away just now: then the next call on it fails.
        try checked(linux_flock(directory.borrowed.rawValue, LOCK_EX | LOCK_NB))
        try Self.limitMemory(memoryBytes, of: directory.borrowed, parent)
        if parent.version == .v1 {
            entrance = try parent.open("tasks", in: directory.borrowed, O_WRONLY)
        } else {
            let file = try parent.open("pids.max", in: directory.borrowed, O_WRONLY)
            try file.borrowed.write(all: Array("\(Self.maximumThreads)".utf8))
            entrance = try directory.duplicate()
        }
        self.parent = parent
        self.name = name
        self.directory = directory
        self.memoryBytes = memoryBytes
    }

    /// A VMM has two, and KVM adds one. Version 1 has a hierarchy of its own for this, where a second cgroup would cost
    /// 0.1 ms: there the filters and RLIMIT_NPROC, which hold everywhere, must do.
    private static let maximumThreads = 8

    private static func limitMemory(
        _ bytes: UInt64, of directory: FileDescriptor, _ parent: ControlGroups
    ) throws(Errno) {
        let name = parent.version.memoryLimitFile
        let file: OwnedDescriptor
        do throws(Errno) {
            file = try parent.open(name, in: directory, O_WRONLY)
        } catch {
            guard error == .noSuchFileOrDirectory, parent.version == .v2 else { throw error }
            try parent.enableControllers()
            file = try parent.open(name, in: directory, O_WRONLY)
        }
        try file.borrowed.write(all: Array("\(bytes)".utf8))
    }

    /// For `spawnJailed`; valid as long as this object is.
    var entry: ControlGroupEntry {
        version == .v1 ? .tasks(entrance.borrowed) : .directory(entrance.borrowed)
    }

    /// How often the host's kernel has killed a process in here for want of memory, and the most memory there ever was;
    /// nil: it cannot be read.
    func outOfMemory() -> (kills: UInt64, peakBytes: UInt64)? {
        func text(_ name: String) -> String? {
            guard let file = try? parent.open(name, in: directory.borrowed, O_RDONLY),
                let bytes = try? file.borrowed.readAll(atMost: 4096)
            else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }
        let key = "oom_kill "
        let line = text(version.memoryEventsFile)?.split(separator: "\n").first { $0.hasPrefix(key) }
        guard let kills = line.flatMap({ UInt64($0.dropFirst(key.count)) }) else { return nil }
        // `memory.peak` came with Linux 5.19; without it the limit is all that is known.
        let peak = text(version.memoryPeakFile).flatMap { UInt64($0.filter { $0 != "\n" }) }
        return (kills, peak ?? memoryBytes)
    }

    /// Removes it, waiting for its last process to leave, a second at most.
    public func removeWaiting() {
        for _ in 0..<Self.tries where !remove() { usleep(Self.betweenTries) }
    }

    private static let tries = 500
    /// Microseconds.
    private static let betweenTries: UInt32 = 2000

    /// Removes it, when its processes have ended. False: one is still leaving, which it does a little after it counts as
    /// ended; whoever waits longer than this, or dies, has a sweeper.
    @discardableResult
    func remove() -> Bool {
        name.withCString { linux_rmdir_at(parent.directory.borrowed.rawValue, $0) }
            != -Errno.resourceBusy.rawValue
    }
}
