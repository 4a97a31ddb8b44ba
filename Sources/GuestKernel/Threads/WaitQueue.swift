/// Threads waiting for something to happen. The kernel is never preempted inside itself, so between testing a condition and
/// waiting nothing can slip by; a woken thread tests its condition again.
final class WaitQueue {
    private var waiters: [Thread] = []
    /// How often the queue was woken, whoever waited: tells epoll's edge-triggered files that something is new.
    private(set) var wakeCount: UInt64 = 0

    var isEmpty: Bool { waiters.isEmpty }

    /// Waits for the next wake-up.
    /// - Parameter deadline: `Clock.monotonic` to wait to at most.
    /// - Returns: false if the deadline passed first.
    /// - Throws: `.restart` if a signal wanted to be delivered before; never when not `interruptible`, but for a fatal one.
    @discardableResult
    func wait(until deadline: UInt64 = .max, interruptible: Bool = true) throws(Errno) -> Bool {
        try Self.waitAny([self], until: deadline, interruptible: interruptible)
    }

    static func waitAny(
        _ queues: [WaitQueue], until deadline: UInt64 = .max, interruptible: Bool = true
    ) throws(Errno) -> Bool {
        let thread = Scheduler.current
        for queue in queues { queue.waiters.append(thread) }
        defer { for queue in queues { queue.remove(thread) } }
        return try Scheduler.sleep(until: deadline, interruptible: interruptible)
    }

    private func remove(_ thread: Thread) {
        if let i = waiters.firstIndex(where: { $0 === thread }) { waiters.remove(at: i) }
    }

    func wakeAll() {
        wakeCount &+= 1
        for thread in waiters { Scheduler.wake(thread) }
    }

    /// Wakes the longest waiting thread that is still asleep.
    /// - Returns: whether there was one.
    @discardableResult
    func wakeOne() -> Bool {
        wakeCount &+= 1
        for thread in waiters where thread.state == .waiting {
            Scheduler.wake(thread)
            return true
        }
        return false
    }
}
