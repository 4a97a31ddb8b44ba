/// A lock for work that may wait in its middle. (What does not wait needs none: the kernel is never
/// preempted.)
final class SleepLock {
    private var isHeld = false
    private let released = WaitQueue()

    /// - Throws: `.restart` only if the thread is being killed.
    func acquire() throws(Errno) {
        while isHeld { try released.wait(interruptible: false) }
        isHeld = true
    }

    func release() {
        isHeld = false
        released.wakeOne()
    }
}
