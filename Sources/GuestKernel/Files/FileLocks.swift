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
    let released = WaitQueue()

    /// A lock of somebody else that `wanted` cannot be together with.
    func conflict(with wanted: Lock) -> Lock? {
        held.first {
            $0.owner != wanted.owner && $0.overlaps(wanted) && ($0.isExclusive || wanted.isExclusive)
        }
    }

    /// Gives the owner exactly `wanted` in its range, in the place of what it had there. There is no
    /// conflict.
    func set(_ wanted: Lock) {
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
