/// The advisory locks on one inode: flock(2)'s and fcntl(2)'s, which do not see each other. An owner is a
/// file table (as for F_SETLK: a process's locks go when it closes any descriptor of the file) or an open
/// file description (flock, F_OFD_SETLK).
final class FileLocks {
    struct Lock {
        var owner: ObjectIdentifier
        /// For F_GETLK; -1 for an open file description's lock.
        var process: Int32
        var isExclusive: Bool
        var isFlock: Bool
        var start: UInt64 = 0
        /// First byte behind; .max: to the end of the file, wherever that will be.
        var end: UInt64 = .max

        func overlaps(_ other: Lock) -> Bool {
            isFlock == other.isFlock && start < other.end && other.start < end
        }
    }

    private var held: [Lock] = []
    private let released = WaitQueue()
    /// So many ranges one file can have locked: a program must not fill the kernel's heap with them.
    private static let heldMaximum = 16384

    // SAFETY: see Frames.
    /// Who waits for whom with a record lock, on all files: for EDEADLK.
    nonisolated(unsafe) private static var waiting: [Wait] = []
    private typealias Wait = (owner: ObjectIdentifier, blocker: ObjectIdentifier)

    /// A lock of somebody else that `wanted` cannot be together with.
    func conflict(with wanted: Lock) -> Lock? {
        held.first {
            $0.owner != wanted.owner && $0.overlaps(wanted) && ($0.isExclusive || wanted.isExclusive)
        }
    }

    /// Whether the owner has a flock, and not the one it wants.
    func holdsOther(than wanted: Lock) -> Bool {
        held.contains {
            $0.owner == wanted.owner && $0.isFlock && $0.isExclusive != wanted.isExclusive
        }
    }

    /// Waits until some lock is given up.
    /// - Throws: `.deadlock` if the owner of `other` waits, through others perhaps, for the caller; `.restart`.
    func wait(for other: Lock, wanting wanted: Lock) throws(Errno) {
        // As on Linux: only where processes own locks; an open file description does not wait for anything.
        guard wanted.process >= 0 else {
            try released.wait()
            return
        }
        var blocker = other.owner
        for _ in 0..<Self.waiting.count {
            guard let next = Self.waiting.first(where: { $0.owner == blocker }) else { break }
            if next.blocker == wanted.owner { throw .deadlock }
            blocker = next.blocker
        }
        Self.noteWaiting(wanted.owner, for: other.owner)
        defer { Self.forgetWaiting(wanted.owner, for: other.owner) }
        try released.wait()
    }

    static func noteWaiting(_ owner: ObjectIdentifier, for blocker: ObjectIdentifier) {
        waiting.append((owner, blocker))
    }

    static func forgetWaiting(_ owner: ObjectIdentifier, for blocker: ObjectIdentifier) {
        let i = waiting.firstIndex { $0.owner == owner && $0.blocker == blocker }
        if let i { waiting.remove(at: i) }
    }

    /// Gives the owner exactly `wanted` in its range, in the place of what it had there. There is no
    /// conflict.
    /// - Throws: `.noLocks` if the file has very many.
    func set(_ wanted: Lock) throws(Errno) {
        guard held.count < Self.heldMaximum else { throw .noLocks }
        let wasExclusive = held.contains { $0.owner == wanted.owner && $0.overlaps(wanted) && $0.isExclusive }
        cut(wanted)
        held.append(wanted)
        if wasExclusive && !wanted.isExclusive { released.wakeAll() }
    }

    /// Takes the owner's locks out of a range.
    func unlock(_ range: Lock) {
        cut(range)
        released.wakeAll()
    }

    private func cut(_ range: Lock) {
        var kept: [Lock] = []
        for lock in held {
            guard lock.owner == range.owner, lock.overlaps(range) else {
                kept.append(lock)
                continue
            }
            if lock.start < range.start {
                var left = lock
                left.end = range.start
                kept.append(left)
            }
            if lock.end > range.end {
                var right = lock
                right.start = range.end
                kept.append(right)
            }
        }
        held = kept
    }

    /// The owner has closed the file.
    func release(owner: ObjectIdentifier) {
        let before = held.count
        held.removeAll { $0.owner == owner }
        if held.count < before { released.wakeAll() }
    }
}
