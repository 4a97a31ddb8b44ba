import CLinux
import Glibc
import SystemPackage

/// A plain POSIX thread, for what blocks: a vCPU in KVM_RUN, the device loop in epoll_wait. It must be joined
/// or detached once.
public struct Thread: ~Copyable, Sendable {
    private let handle: pthread_t

    /// Starts `body` on a new thread. `name` is what `top -H` shows (at most 15 bytes of it).
    ///
    /// - Parameter stackSize: bytes, a multiple of the page size; default 256 KiB, because only what is
    ///   touched costs.
    public init(
        name: String, stackSize: Int = 256 << 10, _ body: @escaping @Sendable () -> Void
    ) throws(Errno) {
        var attributes = pthread_attr_t()
        try checked(-pthread_attr_init(&attributes))
        defer { pthread_attr_destroy(&attributes) }
        try checked(-pthread_attr_setstacksize(&attributes, stackSize))
        let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
        var handle = pthread_t()
        let result = pthread_create(&handle, &attributes, { argument in
            // SAFETY: `argument` is the retained ThreadStart below, taken exactly once, here.
            if let argument = argument {
                let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
                start.run()
            }
            return nil
        }, start.toOpaque())
        if result != 0 {
            start.release()
            throw Errno(rawValue: result)
        }
        self.handle = handle
    }

    /// Waits for the end of the thread.
    public consuming func join() {
        pthread_join(handle, nil)
    }

    /// Lets the thread run on and end by itself.
    public consuming func detach() {
        pthread_detach(handle)
    }

    /// Sends `signal` to this thread (tgkill(2)). The thread must not have been joined.
    public func send(signal: CInt) {
        pthread_kill(handle, signal)
    }

    /// The kernel's id of the calling thread.
    public static var currentID: CInt { linux_gettid() }
}

private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }

    func run() {
        name.withCString { _ = linux_set_thread_name($0) }
        body()
    }
}
