import LinuxSystem
import SystemPackage

/// A host port that the guest may connect to, once, and the descriptor behind it.
public struct StreamConfiguration: ~Copyable {
    public let port: UInt32
    public let descriptor: OwnedDescriptor
    public let direction: StreamDirection
    /// Bytes towards the descriptor; the rest is taken from the guest, dropped and counted. nil: no limit.
    public let limit: UInt64?
    /// Bytes a second, each way; nil: as fast as both ends are.
    public let rate: UInt64?

    /// `direction`: what to do with a descriptor that can do more. A terminal is open for reading and writing
    /// on all three standard streams, and a stream for output must not eat what the user types.
    public init(
        port: UInt32, descriptor: consuming OwnedDescriptor, direction: StreamDirection = .both,
        limit: UInt64? = nil, rate: UInt64? = nil
    ) {
        self.port = port
        self.descriptor = descriptor
        self.direction = direction
        self.limit = limit
        self.rate = rate
    }
}

/// How a configured stream ended: the guest has shut down its sending side, or is gone, and every byte is in
/// the descriptor, or will never be.
public struct StreamClosed: Equatable, Sendable {
    public let port: UInt32
    /// Bytes written to the descriptor.
    public let passedBytes: UInt64
    /// Bytes not written because of the limit.
    public let droppedBytes: UInt64
    /// The first error of writing, or of reading, or ECONNRESET when the guest ended without shutting the stream down.
    public let failure: Errno?
}

/// A configured stream before and while it is used.
final class StreamSlot {
    let port: UInt32
    let limit: UInt64
    let bucket: TokenBucket?
    /// nil once the guest has connected.
    private var stream: HostStream?

    init(_ configuration: consuming StreamConfiguration) throws(Errno) {
        port = configuration.port
        limit = configuration.limit ?? .max
        bucket = configuration.rate.flatMap { TokenBucket(tokensPerSecond: $0) }
        let direction = configuration.direction
        stream = try HostStream(owning: configuration.descriptor, direction: direction)
    }

    func take() -> HostStream? {
        defer { stream = nil }
        return stream
    }
}
