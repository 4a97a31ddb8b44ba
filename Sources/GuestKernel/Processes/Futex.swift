/// futex(2): threads waiting for a word of memory to change. A word is known by the frame and offset it lies at, so that
/// shared memory is one word in every address space; private ones by address space and address, which costs no page walk.
enum Futexes {
    enum Key: Equatable {
        case ofSpace(ObjectIdentifier, address: UInt64)
        case ofFrame(PhysicalAddress)

        fileprivate var hash: UInt64 {
            switch self {
            case .ofSpace(_, let address): address >> 2
            case .ofFrame(let address): address >> 2
            }
        }
    }

    private final class Waiter {
        var key: Key
        let mask: UInt32
        let queue = WaitQueue()
        var isWoken = false

        init(key: Key, mask: UInt32) {
            self.key = key
            self.mask = mask
        }
    }

    private static let bucketCount = 64

    // SAFETY: the kernel is single-threaded (see Frames). Waiters in the order they came.
    nonisolated(unsafe) private static var buckets = [[Waiter]](repeating: [], count: bucketCount)

    private static func bucket(of key: Key) -> Int { Int(key.hash % UInt64(bucketCount)) }

    static func key(_ space: AddressSpace, _ address: UInt64, isPrivate: Bool) throws(Errno) -> Key {
        guard address & 3 == 0 else { throw .invalidArgument }
        if isPrivate { return .ofSpace(ObjectIdentifier(space), address: address) }
        guard let area = space.area(at: address) else { throw .badAddress }
        // Private memory cannot be another process's, whatever the caller says.
        if !area.isShared { return .ofSpace(ObjectIdentifier(space), address: address) }
        return .ofFrame(try space.frame(for: address, writing: true) + (address & (pageSize - 1)))
    }

    /// Waits while the word is `expected`.
    /// - Throws: `.wouldBlock` if it is not, `.timedOut`, `.restart`.
    static func wait(
        _ space: AddressSpace, _ address: UInt64, isPrivate: Bool, expected: UInt32, mask: UInt32,
        until deadline: UInt64
    ) throws(Errno) {
        guard mask != 0 else { throw .invalidArgument }
        let key = try key(space, address, isPrivate: isPrivate)
        guard try space.load(UInt32.self, at: address) == expected else { throw .wouldBlock }
        let waiter = Waiter(key: key, mask: mask)
        buckets[bucket(of: key)].append(waiter)
        defer { remove(waiter) }
        while !waiter.isWoken {
            do throws(Errno) {
                if try !waiter.queue.wait(until: deadline), !waiter.isWoken { throw .timedOut }
            } catch {
                // A wake-up that was counted must not be lost to a signal that came right after it.
                if !waiter.isWoken { throw error }
            }
        }
    }

    private static func remove(_ waiter: Waiter) {
        let i = bucket(of: waiter.key)
        if let j = buckets[i].firstIndex(where: { $0 === waiter }) { buckets[i].remove(at: j) }
    }

    /// - Returns: how many were woken.
    @discardableResult
    static func wake(
        _ space: AddressSpace, _ address: UInt64, isPrivate: Bool, count: Int, mask: UInt32
    ) throws(Errno) -> Int {
        guard mask != 0 else { throw .invalidArgument }
        return wake(try key(space, address, isPrivate: isPrivate), count: count, mask: mask)
    }

    private static func wake(_ key: Key, count: Int, mask: UInt32) -> Int {
        var woken = 0
        for waiter in buckets[bucket(of: key)] where woken < count {
            if waiter.key == key, waiter.mask & mask != 0, !waiter.isWoken {
                waiter.isWoken = true
                waiter.queue.wakeAll()
                woken += 1
            }
        }
        return woken
    }

    /// Wakes some and moves others to wait for another word (FUTEX_REQUEUE, FUTEX_CMP_REQUEUE).
    static func requeue(
        _ space: AddressSpace, from: UInt64, to: UInt64, isPrivate: Bool, wake wakeCount: Int,
        move moveCount: Int,
        expected: UInt32?
    ) throws(Errno) -> Int {
        let source = try key(space, from, isPrivate: isPrivate)
        let target = try key(space, to, isPrivate: isPrivate)
        if let expected, try space.load(UInt32.self, at: from) != expected { throw .wouldBlock }
        let woken = wake(source, count: wakeCount, mask: .max)
        var moved: [Waiter] = []
        for waiter in buckets[bucket(of: source)] where moved.count < moveCount {
            if waiter.key == source && !waiter.isWoken { moved.append(waiter) }
        }
        for waiter in moved {
            remove(waiter)
            waiter.key = target
            buckets[bucket(of: target)].append(waiter)
        }
        return woken + moved.count
    }

    /// FUTEX_WAKE_OP: changes the second word, wakes waiters of the first, and of the second if its old value fits.
    static func wakeOperation(
        _ space: AddressSpace, _ first: UInt64, _ second: UInt64, isPrivate: Bool, counts: (Int, Int),
        operation: UInt32
    ) throws(Errno) -> Int {
        let firstKey = try key(space, first, isPrivate: isPrivate)
        let secondKey = try key(space, second, isPrivate: isPrivate)
        let old = try space.load(UInt32.self, at: second)
        var argument = UInt32(bitPattern: signExtended12(operation >> 12))
        if operation & 0x8000_0000 != 0 { argument = 1 << (argument & 31) }
        let new: UInt32
        switch operation >> 28 & 7 {
        case 0: new = argument
        case 1: new = old &+ argument
        case 2: new = old | argument
        case 3: new = old & ~argument
        case 4: new = old ^ argument
        default: throw .noSystemCall
        }
        try space.store(new, at: second)
        let comparand = signExtended12(operation)
        let value = Int32(bitPattern: old)
        let holds: Bool
        switch operation >> 24 & 15 {
        case 0: holds = value == comparand
        case 1: holds = value != comparand
        case 2: holds = value < comparand
        case 3: holds = value <= comparand
        case 4: holds = value > comparand
        case 5: holds = value >= comparand
        default: throw .noSystemCall
        }
        var woken = wake(firstKey, count: counts.0, mask: .max)
        if holds { woken += wake(secondKey, count: counts.1, mask: .max) }
        return woken
    }

    private static func signExtended12(_ bits: UInt32) -> Int32 { Int32(bitPattern: bits << 20) >> 20 }
}

extension Thread {
    /// What a dying thread leaves behind (set_tid_address(2), get_robust_list(2)): its thread number is cleared and a
    /// joiner woken, and locks it held are marked so that the next taker knows. Everything here is the program's word.
    func leaveFutexes() {
        let space = process.space
        walkRobustList(space)
        guard clearChildTID != 0 else { return }
        if (try? space.store(UInt32(0), at: clearChildTID)) != nil {
            _ = try? Futexes.wake(space, clearChildTID, isPrivate: false, count: 1, mask: .max)
        }
        clearChildTID = 0
    }

    private func walkRobustList(_ space: AddressSpace) {
        guard robustList != 0 else { return }
        let head = robustList
        robustList = 0
        guard var entry = try? space.load(UInt64.self, at: head),
            let offset = try? space.load(Int64.self, at: head &+ 8),
            let pending = try? space.load(UInt64.self, at: head &+ 16)
        else { return }
        var left = 2048  // Linux's ROBUST_LIST_LIMIT
        while entry & ~1 != head && left > 0 {
            let next = try? space.load(UInt64.self, at: entry & ~1)
            if entry != pending { markDead(space, (entry & ~1) &+ UInt64(bitPattern: offset)) }
            guard let next else { return }
            entry = next
            left -= 1
        }
        if pending != 0 { markDead(space, (pending & ~1) &+ UInt64(bitPattern: offset)) }
    }

    private func markDead(_ space: AddressSpace, _ address: UInt64) {
        guard let value = try? space.load(UInt32.self, at: address), value & 0x3FFF_FFFF == UInt32(id) else {
            return
        }
        if OwnedFutexes.ownerDied(space, address) { return }
        // FUTEX_OWNER_DIED, keeping FUTEX_WAITERS.
        if (try? space.store(value & 0x8000_0000 | 0x4000_0000, at: address)) != nil, value & 0x8000_0000 != 0
        {
            _ = try? Futexes.wake(space, address, isPrivate: false, count: 1, mask: .max)
        }
    }
}

/// futex, set_robust_list, get_robust_list, rseq, membarrier.
func futexSystemCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno)
    -> Int?
{
    switch call {
    case .futex: return try futex(arguments, thread)
    case .set_robust_list:
        guard arguments.b == 24 else { throw .invalidArgument }
        thread.robustList = arguments.a
        return 0
    case .get_robust_list:
        var target: Thread? = thread
        if arguments.a != 0 {
            target = thread.process.threads.first { $0.id == Int32(truncatingIfNeeded: arguments.a) }
        }
        guard let target else { throw .noSuchProcess }
        try thread.process.space.store(target.robustList, at: arguments.b)
        try thread.process.space.store(UInt64(24), at: arguments.c)
        return 0
    case .membarrier:  // one processor, so every barrier has happened
        return arguments.a == 0 ? 0x1FF : 0
    case .rseq: throw .noSystemCall  // glibc does without; not worth a line in the report
    default: return nil
    }
}

private func futex(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    let space = thread.process.space
    let isPrivate = arguments.b & 128 != 0
    let isRealtime = arguments.b & 256 != 0
    let count = Int(Int32(truncatingIfNeeded: arguments.c))
    let expected = UInt32(truncatingIfNeeded: arguments.c)
    switch arguments.b & 127 {
    case 0, 9:  // FUTEX_WAIT (relative), FUTEX_WAIT_BITSET (absolute)
        let isAbsolute = arguments.b & 127 == 9
        var deadline = UInt64.max
        if arguments.d != 0 {
            let time = try loadTimespec(space, arguments.d)
            deadline =
                isAbsolute
                ? (isRealtime ? Clock.monotonicTime(ofRealtime: time) : time)
                : Clock.monotonic.addingClamped(time)
        }
        let mask = isAbsolute ? UInt32(truncatingIfNeeded: arguments.f) : .max
        if let restarted = thread.takeRestartDeadline(), !isAbsolute { deadline = restarted }
        do throws(Errno) {
            try Futexes.wait(
                space, arguments.a, isPrivate: isPrivate, expected: expected, mask: mask, until: deadline)
        } catch {
            if error == .restart && arguments.d != 0 && !isAbsolute { throw thread.restart(until: deadline) }
            throw error
        }
        return 0
    case 1:
        return try Futexes.wake(space, arguments.a, isPrivate: isPrivate, count: max(count, 1), mask: .max)
    case 10:
        return try Futexes.wake(
            space, arguments.a, isPrivate: isPrivate, count: max(count, 1),
            mask: UInt32(truncatingIfNeeded: arguments.f))
    case 3, 4:  // FUTEX_REQUEUE, FUTEX_CMP_REQUEUE
        let moved = Int(Int32(truncatingIfNeeded: arguments.d))
        guard count >= 0, moved >= 0 else { throw .invalidArgument }
        return try Futexes.requeue(
            space, from: arguments.a, to: arguments.e, isPrivate: isPrivate, wake: count, move: moved,
            expected: arguments.b & 127 == 4 ? UInt32(truncatingIfNeeded: arguments.f) : nil)
    case 5:
        return try Futexes.wakeOperation(
            space, arguments.a, arguments.e, isPrivate: isPrivate,
            counts: (count, Int(Int32(truncatingIfNeeded: arguments.d))),
            operation: UInt32(truncatingIfNeeded: arguments.f))
    case 6, 13:  // FUTEX_LOCK_PI: until a time of the wall clock; FUTEX_LOCK_PI2: of the clock it says
        var deadline = UInt64.max
        if arguments.d != 0 {
            let time = try loadTimespec(space, arguments.d)
            let isWall = arguments.b & 127 == 6 || isRealtime
            deadline = isWall ? Clock.monotonicTime(ofRealtime: time) : time
        }
        try OwnedFutexes.lock(thread, arguments.a, isPrivate: isPrivate, until: deadline)
        return 0
    case 7:
        try OwnedFutexes.unlock(thread, arguments.a, isPrivate: isPrivate)
        return 0
    case 8:
        try OwnedFutexes.lock(thread, arguments.a, isPrivate: isPrivate, until: nil)
        return 0
    default:  // FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI
        SystemCalls.countUnsupported(.futex)
        throw .noSystemCall
    }
}
