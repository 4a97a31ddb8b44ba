/// Futexes with an owner (futex(2), "Priority-inheritance futexes"): the word holds the owner's thread number. There are no
/// priorities here to inherit, so what is left is that the kernel knows the owner and hands the lock over in order.
enum OwnedFutexes {
    private final class Waiter {
        let key: Futexes.Key
        let thread: Thread
        let queue = WaitQueue()
        /// The lock is its own: the word says so already.
        var hasLock = false

        init(_ key: Futexes.Key, _ thread: Thread) {
            self.key = key
            self.thread = thread
        }
    }

    private static let waitersBit: UInt32 = 0x8000_0000
    private static let ownerDiedBit: UInt32 = 0x4000_0000
    private static let ownerMask: UInt32 = 0x3FFF_FFFF

    // SAFETY: the kernel is single-threaded (see Frames). In the order they came.
    nonisolated(unsafe) private static var waiters: [Waiter] = []

    /// FUTEX_LOCK_PI, FUTEX_TRYLOCK_PI.
    /// - Parameter deadline: nil: does not wait.
    /// - Throws: `.deadlock` if the caller has it, `.noSuchProcess` if its owner has gone, `.wouldBlock`, `.timedOut`.
    static func lock(
        _ thread: Thread, _ address: UInt64, isPrivate: Bool, until deadline: UInt64?
    ) throws(Errno) {
        let space = thread.process.space
        let key = try Futexes.key(space, address, isPrivate: isPrivate)
        let id = UInt32(bitPattern: thread.id)
        let value = try space.load(UInt32.self, at: address)
        let owner = value & ownerMask
        if owner == id { throw .deadlock }
        if owner == 0 {
            let isAwaited = waiters.contains { $0.key == key }
            return try space.store(
                id | value & ownerDiedBit | (isAwaited ? waitersBit : 0), at: address)
        }
        guard let deadline else { throw .wouldBlock }
        guard isAlive(owner) else { throw .noSuchProcess }
        try space.store(value | waitersBit, at: address)
        let waiter = Waiter(key, thread)
        waiters.append(waiter)
        defer { waiters.removeAll { $0 === waiter } }
        while !waiter.hasLock {
            do throws(Errno) {
                if try !waiter.queue.wait(until: deadline), !waiter.hasLock { throw .timedOut }
            } catch {
                if !waiter.hasLock { throw error }
            }
        }
    }

    /// FUTEX_UNLOCK_PI: the longest waiter has the lock from now on.
    static func unlock(_ thread: Thread, _ address: UInt64, isPrivate: Bool) throws(Errno) {
        let space = thread.process.space
        let key = try Futexes.key(space, address, isPrivate: isPrivate)
        let value = try space.load(UInt32.self, at: address)
        guard value & ownerMask == UInt32(bitPattern: thread.id) else { throw .notPermitted }
        try handOver(key, space, address, mark: 0)
    }

    /// A thread ended with the lock. - Returns: whether somebody waited for it.
    static func ownerDied(_ space: AddressSpace, _ address: UInt64) -> Bool {
        guard let key = try? Futexes.key(space, address, isPrivate: false),
            waiters.contains(where: { $0.key == key && !$0.hasLock })
        else { return false }
        return (try? handOver(key, space, address, mark: ownerDiedBit)) != nil
    }

    private static func handOver(
        _ key: Futexes.Key, _ space: AddressSpace, _ address: UInt64, mark: UInt32
    ) throws(Errno) {
        guard let next = waiters.first(where: { $0.key == key && !$0.hasLock }) else {
            return try space.store(mark, at: address)
        }
        let isAwaited = waiters.contains { $0.key == key && !$0.hasLock && $0 !== next }
        let bits = mark | (isAwaited ? waitersBit : 0)
        try space.store(UInt32(bitPattern: next.thread.id) | bits, at: address)
        next.hasLock = true
        next.queue.wakeAll()
    }

    private static func isAlive(_ id: UInt32) -> Bool {
        Processes.all.contains { $0.threads.contains { UInt32(bitPattern: $0.id) == id } }
    }
}
