import Synchronization
import SystemPackage

/// Messages from some threads to one that waits for them, in an event loop or blocked. Not bounded: its users bound what
/// they post.
public final class Mailbox<Message: Sendable>: Sendable {
    private let pending = Mutex<[Message]>([])
    private let event: EventFD

    /// `blocking`: `take()` waits for a message; without it, it answers at once and `descriptor` is for poll.
    public init(blocking: Bool = false) throws(Errno) { event = try EventFD(blocking: blocking) }

    /// Readable when there is something to take.
    public var descriptor: FileDescriptor { event.descriptor }

    public func post(_ message: Message) {
        pending.withLock { $0.append(message) }
        event.signal()
    }

    /// All messages, oldest first. May be none.
    public func take() -> [Message] {
        _ = event.wait()
        return pending.withLock { messages in
            defer { messages.removeAll() }
            return messages
        }
    }
}
