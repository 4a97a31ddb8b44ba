import CLinux
import Glibc
import SystemPackage

/// What epoll(7) can wait for and report.
public struct EpollEvents: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let readable = EpollEvents(rawValue: 0x001)            // EPOLLIN
    public static let writable = EpollEvents(rawValue: 0x004)            // EPOLLOUT
    public static let error = EpollEvents(rawValue: 0x008)               // EPOLLERR, always reported
    public static let hangUp = EpollEvents(rawValue: 0x010)              // EPOLLHUP, always reported
    public static let peerShutdown = EpollEvents(rawValue: 0x2000)       // EPOLLRDHUP
    /// Reports a change once, not for as long as it lasts (EPOLLET).
    public static let edgeTriggered = EpollEvents(rawValue: 1 << 31)
}

/// An epoll instance. Tokens are the caller's and come back with each event.
public struct Epoll: ~Copyable, Sendable {
    private let owned: OwnedDescriptor

    public init() throws(Errno) {
        owned = try OwnedDescriptor(checking: linux_epoll_create())
    }

    /// - Throws: `EPERM` for files that are always ready (regular files, /dev/null).
    public func add(_ descriptor: FileDescriptor, _ events: EpollEvents, token: UInt64) throws(Errno) {
        try checked(
            linux_epoll_ctl(
                owned.borrowed.rawValue, EPOLL_CTL_ADD, descriptor.rawValue, events.rawValue, token))
    }

    public func modify(_ descriptor: FileDescriptor, _ events: EpollEvents, token: UInt64) throws(Errno) {
        try checked(
            linux_epoll_ctl(
                owned.borrowed.rawValue, EPOLL_CTL_MOD, descriptor.rawValue, events.rawValue, token))
    }

    public func remove(_ descriptor: FileDescriptor) throws(Errno) {
        try checked(linux_epoll_ctl(owned.borrowed.rawValue, EPOLL_CTL_DEL, descriptor.rawValue, 0, 0))
    }

    /// Waits for events, at most `timeoutMilliseconds` (-1: for ever), and calls `body` for each. A signal
    /// ends the wait early with none.
    public func wait(
        timeoutMilliseconds: CInt = -1, _ body: (_ token: UInt64, _ events: EpollEvents) -> Void
    ) throws(Errno) {
        var failure: Errno?
        // SAFETY: epoll_wait initialises as many events as it returns, and only those are read.
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 32) { buffer in
            let count = linux_epoll_wait(
                owned.borrowed.rawValue, buffer.baseAddress, CInt(buffer.count), timeoutMilliseconds)
            guard count >= 0 else {
                if count != -EINTR { failure = Errno(rawValue: -count) }
                return
            }
            for index in 0..<Int(count) {
                let token = linux_epoll_token(buffer.baseAddress! + index)
                body(token, EpollEvents(rawValue: buffer[index].events))
            }
        }
        if let failure { throw failure }
    }
}
