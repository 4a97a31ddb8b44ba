import Glibc
import LinuxSystem
import SystemPackage

/// A directory of one build, removed at its end. Its lock tells others whether whoever made it still lives.
///
///     HOME/tmp/lock            held while one is made or the abandoned ones are removed
///     HOME/tmp/build-PID/      mode 0700: what is unpacked in it may have any owner's rights (set-user-ID files, device
///                              nodes), and nobody else is to reach it, not even after a build that was killed
///     HOME/tmp/build-PID/lock  held as long as the build lives
struct WorkDirectory {
    let path: String
    private let lock: CInt

    private static let prefix = "build-"

    init(in store: ImageStore) throws(ImageError) {
        path = "\(store.workDirectory)/\(Self.prefix)\(getpid())"
        do throws(Errno) {
            let turn = try Self.takeTurn(in: store, waiting: true)
            defer { withExtendedLifetime(turn) {} }
            try Self.removeAbandoned(in: store)
            try LinuxSystem.makeDirectory(path.bytes, mode: 0o700)
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

    /// Removes what killed builds have left. Whoever may not do that, or meets another at it, leaves it to the next.
    static func sweep(_ store: ImageStore) {
        // Nearly always there is nothing, and a job is waiting.
        guard let names = try? listNames(store.workDirectory),
            names.contains(where: { $0.hasPrefix(prefix) }),
            let turn = try? takeTurn(in: store, waiting: false)
        else { return }
        defer { withExtendedLifetime(turn) {} }
        try? removeAbandoned(in: store)
    }

    private final class Turn {
        private let file: OwnedDescriptor
        init(_ file: consuming OwnedDescriptor) { self.file = file }
    }

    /// - Throws: `EWOULDBLOCK` if somebody else has it.
    private static func takeTurn(in store: ImageStore, waiting: Bool) throws(Errno) -> Turn {
        try makeDirectoryAndParents(store.workDirectory.bytes)
        let file = try OwnedDescriptor.open(
            path: "\(store.workDirectory)/lock".bytes, flags: O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        guard try file.borrowed.lock(waiting: waiting) else { throw .wouldBlock }
        return Turn(file)
    }

    /// In one's turn only: one without a lock is then nobody's, too.
    private static func removeAbandoned(in store: ImageStore) throws(Errno) {
        for name in try listNames(store.workDirectory) where name.hasPrefix(prefix) {
            let path = "\(store.workDirectory)/\(name)"
            do throws(Errno) {
                let file = try OwnedDescriptor.open(path: (path + "/lock").bytes, flags: O_RDWR)
                if try file.borrowed.lock(waiting: false) { removeTree(path) }
            } catch {
                if error == .noSuchFileOrDirectory { removeTree(path) }
            }
        }
    }

    /// rm and not a walk of ours: `--one-file-system` keeps it out of anything a killed tool left mounted there.
    private static func removeTree(_ path: String) {
        let rm = Command(
            arguments: ["/bin/rm", "-rf", "--one-file-system", "--", path], environment: [], output: 2, log: 2
        )
        _ = try? rm.run()
    }
}

extension ImageStore {
    /// Removes what killed builds have left.
    public func removeAbandonedWork() { WorkDirectory.sweep(self) }
}
