/// What travels beside a message's bytes.
struct Ancillary {
    /// SCM_RIGHTS. Each counts as a descriptor while it is here (InFlightFiles).
    var files: [File] = []
    /// Who sent it, for SCM_CREDENTIALS and SO_PASSCRED.
    var credentials: PeerCredentials?
    /// What an IP packet's header says to who asks with IP_RECVTTL, IPV6_RECVTCLASS and so on.
    var header: PacketHeader?

    var isEmpty: Bool { files.isEmpty && credentials == nil }
}

/// `struct ucred`.
struct PeerCredentials: Equatable {
    var process: Int32
    var user: UInt32
    var group: UInt32

    init(process: Int32, user: UInt32, group: UInt32) {
        self.process = process
        self.user = user
        self.group = group
    }

    init(of process: Process) {
        self.process = process.id
        user = process.credentials.effectiveUser
        group = process.credentials.effectiveGroup
    }

    /// What Linux reports where it knows nobody: no process, the overflow user and group.
    static let nobody = PeerCredentials(process: 0, user: 65534, group: 65534)
}

/// Bytes on their way to one socket, with what travels beside them. In a packet queue each segment is a message, in a
/// stream only the places matter where ancillary data begins.
final class SocketQueue {
    struct Segment {
        /// Bytes of it that are still here.
        var count: Int
        /// The sender's name, as a `sockaddr`; empty: it has none.
        var sender: [UInt8] = []
        var ancillary = Ancillary()
        /// SIOCGSTAMP, SO_TIMESTAMP.
        var arrival: UInt64 = 0
    }

    let bytes = FrameQueue()
    let keepsMessages: Bool
    private(set) var segments: [Segment] = []
    /// Held while bytes are copied to or from a program, which may wait.
    let readLock = SleepLock()
    let writeLock = SleepLock()

    init(keepsMessages: Bool) { self.keepsMessages = keepsMessages }

    deinit { InFlightFiles.drop(takeFiles()) }

    var isEmpty: Bool { segments.isEmpty }
    /// What is inside, as buffer limits count it.
    var charge: Int { bytes.count + (keepsMessages ? segments.count * SocketLimits.messageOverhead : 0) }

    /// Copies a message, or as much of a stream as `limit` says, and shows it.
    /// - Returns: bytes copied. A message is copied whole or not at all.
    func append(_ buffer: inout IOBuffer, limit: Int, sender: [UInt8] = [], _ ancillary: Ancillary)
        throws(Errno) -> Int
    {
        if keepsMessages { try Socket.requireMemory() }
        let wanted = min(limit, buffer.remaining)
        let count = wanted == 0 ? 0 : try bytes.prepare(&buffer, limit: wanted)
        if keepsMessages && count < wanted { throw .badAddress }
        bytes.commit(count)
        if keepsMessages {
            segments.append(
                Segment(count: count, sender: sender, ancillary: ancillary, arrival: Clock.realtime))
        } else if count > 0 {
            if let last = segments.last, ancillary.files.isEmpty, last.ancillary.files.isEmpty,
                last.ancillary.credentials == ancillary.credentials
            {
                segments[segments.count - 1].count += count
            } else {
                segments.append(Segment(count: count, sender: sender, ancillary: ancillary))
            }
        }
        return count
    }

    // MARK: Taking

    /// Copies the first message out, as far as there is room, and takes it away whole unless it is only looked at.
    /// - Returns: bytes copied, the message's size, and the message.
    func takeMessage(_ buffer: inout IOBuffer, peek: Bool) throws(Errno) -> (Int, Int, Segment)? {
        guard var segment = segments.first else { return nil }
        let size = segment.count
        let copied = size == 0 ? 0 : try bytes.copy(to: &buffer, limit: size)
        if peek {
            segment.ancillary.files = InFlightFiles.copies(of: segment.ancillary.files)
        } else {
            bytes.discard(size)
            segments.removeFirst()
        }
        return (copied, size, segment)
    }

    /// Copies bytes of a stream out, up to where other ancillary data begins.
    /// - Returns: bytes copied, and what came with them.
    func takeBytes(_ buffer: inout IOBuffer, peek: Bool) throws(Errno) -> (Int, Segment)? {
        guard var taken = segments.first else { return nil }
        let copied = try bytes.copy(to: &buffer, limit: taken.count)
        if peek {
            taken.ancillary.files = InFlightFiles.copies(of: taken.ancillary.files)
            return (copied, taken)
        }
        bytes.discard(copied)
        segments[0].count -= copied
        // Descriptors come with the first byte of what they were sent with, and once.
        segments[0].ancillary.files = []
        if segments[0].count == 0 { segments.removeFirst() }
        return (copied, taken)
    }

    /// Whether the bytes behind those just taken may go into the same read.
    func continues(after taken: Segment) -> Bool {
        guard let next = segments.first else { return false }
        return taken.ancillary.files.isEmpty && next.ancillary.files.isEmpty
            && next.ancillary.credentials == taken.ancillary.credentials
    }

    func removeAll() {
        let files = takeFiles()
        segments = []
        bytes.removeAll()
        InFlightFiles.drop(files)
    }

    private func takeFiles() -> [File] {
        var files: [File] = []
        for i in segments.indices where !segments[i].ancillary.files.isEmpty {
            files.append(contentsOf: segments[i].ancillary.files)
            segments[i].ancillary.files = []
        }
        return files
    }
}
