import CLinux
import Glibc
import SystemPackage

/// A counter in the kernel that one side bumps and the other waits for (eventfd(2)); KVM uses it both ways.
public struct EventFD: ~Copyable, Sendable {
    private let owned: OwnedDescriptor

    /// `blocking`: whether `wait()` may be used; without it `drain()` answers at once.
    public init(blocking: Bool = false) throws(Errno) {
        let flags = O_CLOEXEC | (blocking ? 0 : O_NONBLOCK)  // EFD_ flags are these, by definition
        owned = try OwnedDescriptor(checking: linux_eventfd(0, flags))
    }

    public var descriptor: FileDescriptor { owned.borrowed }

    /// Adds one. A counter at its maximum stays there: the waiter is awake anyway.
    public func signal() {
        var one: UInt64 = 1
        let result = linux_write(descriptor.rawValue, &one, 8)
        precondition(
            result == 8 || result == -Int(EAGAIN) || result == -Int(EINTR), "write to an eventfd failed")
    }

    /// Takes the whole count, 0 if there is none (non-blocking eventfds).
    @discardableResult
    public func drain() -> UInt64 {
        var count: UInt64 = 0
        let result = linux_read(descriptor.rawValue, &count, 8)
        return result == 8 ? count : 0
    }

    /// Waits until the count is not zero and takes it (blocking eventfds). Returns early, with 0, when a
    /// signal came.
    public func wait() -> UInt64 {
        drain()
    }
}
