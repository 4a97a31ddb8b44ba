/// What poll(2) reports; POLLIN and so on. epoll(7) uses the same bits.
struct PollEvents: OptionSet {
    let rawValue: UInt32
    static let readable = PollEvents(rawValue: 0x001)
    static let priority = PollEvents(rawValue: 0x002)
    static let writable = PollEvents(rawValue: 0x004)
    static let error = PollEvents(rawValue: 0x008)
    static let hangUp = PollEvents(rawValue: 0x010)
    static let invalid = PollEvents(rawValue: 0x020)
    static let readNormal = PollEvents(rawValue: 0x040)
    static let writeNormal = PollEvents(rawValue: 0x100)
    static let readHangUp = PollEvents(rawValue: 0x2000)

    /// With POLLRDNORM and POLLWRNORM, which mean the same as POLLIN and POLLOUT.
    var withAliases: PollEvents {
        var events = self
        if contains(.readable) { events.insert(.readNormal) }
        if contains(.writable) { events.insert(.writeNormal) }
        return events
    }
}

/// Flags of open(2) on x86-64.
enum OpenFlags {
    static let accessMode: UInt32 = 0o3
    static let writeOnly: UInt32 = 0o1
    static let readWrite: UInt32 = 0o2
    static let create: UInt32 = 0o100
    static let exclusive: UInt32 = 0o200
    static let noControllingTerminal: UInt32 = 0o400
    static let truncate: UInt32 = 0o1000
    static let append: UInt32 = 0o2000
    static let nonblocking: UInt32 = 0o4000
    static let direct: UInt32 = 0o40000
    static let largeFile: UInt32 = 0o100000
    static let directory: UInt32 = 0o200000
    static let noFollow: UInt32 = 0o400000
    static let closeOnExec: UInt32 = 0o2000000
    static let path: UInt32 = 0o10000000
    static let temporary: UInt32 = 0o20000000  // O_TMPFILE without its O_DIRECTORY
    /// Those that only matter while opening; the rest is the description's and F_GETFL shows it.
    static let opening = create | exclusive | noControllingTerminal | truncate | closeOnExec
}

/// An open file description (open(2)): shared by duplicated descriptors and across fork. Closed by its last
/// reference: subclasses do that in `deinit`.
class File {
    /// O_ bits; access mode, O_APPEND, O_NONBLOCK, O_DIRECT.
    final var flags: UInt32
    final var position: UInt64 = 0
    /// How many descriptors, in all processes, are this description.
    final var descriptorCount = 0
    /// The epoll instances that watch this description; they forget it with its last descriptor.
    final var watchers: [Epoll] = []
    /// The inode that was opened, for fstat, mmap, openat; nil for what has none of interest.
    var inode: Inode? { nil }

    init(flags: UInt32) { self.flags = flags }

    var isReadable: Bool { flags & 3 != 1 }
    var isWritable: Bool { flags & 3 != 0 }
    var isNonblocking: Bool { flags & 0o4000 != 0 }

    /// Reads at `offset`, or at `position` (and moves it) when nil. 0 is the end of the file. May wait.
    func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int { throw .invalidArgument }
    func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int { throw .invalidArgument }
    func seek(_ offset: Int64, whence: Int32) throws(Errno) -> UInt64 { throw .illegalSeek }
    func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int { throw .notTerminal }
    func status() throws(Errno) -> FileStatus {
        guard let inode else { throw .badDescriptor }
        return try inode.status()
    }
    /// What is possible now without waiting.
    func readiness() -> PollEvents { [.readable, .writable] }
    /// Woken whenever `readiness` may have changed; nil if it never does.
    var readinessChanged: WaitQueue? { nil }

    /// How often `readiness` may have changed so far, for epoll's edges: the wake-ups of all its queues.
    var readinessCount: UInt64 { readinessChanged?.wakeCount ?? 0 }

    /// The queues to wait in for a change of `readiness`.
    func addReadinessQueues(to queues: inout [WaitQueue]) {
        if let queue = readinessChanged { queues.append(queue) }
    }

    /// Whether pread(2) and lseek(2) make sense.
    var isSeekable: Bool { false }
    /// Whether sendfile(2) and splice(2) take from it and give to it: what tells of events is not for that.
    var givesToSplice: Bool { true }
    var takesFromSplice: Bool { true }
    /// Bytes were read at places of their own, and the next read goes on here.
    func leave(at position: UInt64) { self.position = position }

    // What the file is, for the calls that only some kinds know. (Embedded Swift has no casts that look it
    // up.)
    var asRegular: RegularFile? { nil }
    var asDirectory: DirectoryFile? { nil }
    var asPipe: PipeFile? { nil }
    var asEpoll: Epoll? { nil }
    var asEventCounter: EventCounter? { nil }
    var asInotify: Inotify? { nil }
    var asTimer: CountingTimer? { nil }
    var asProcess: Process? { nil }
    var asTerminal: Terminal? { nil }
    var asSignals: SignalFile? { nil }
    var asSocket: Socket? { nil }
    final var isEpoll: Bool { asEpoll != nil }
    /// An epoll instance that watches another one.
    var watchesEpoll: Bool { false }
    /// The last descriptor is gone, though a system call may still use the description.
    func lastDescriptorClosed() {}

    /// Opening /proc/PID/fd/N of this description. What has no inode cannot be opened again; a second
    /// reference serves.
    func reopen(flags: UInt32) throws(Errno) -> File {
        guard let inode else { return self }
        return try inode.open(flags: flags)
    }

    /// What /proc/PID/fd/N says where there is no path, such as `pipe:[12]`.
    func describe() -> [UInt8] { Text.bytes("anon_inode:[file]") }

    /// A descriptor in `table` that was this description is gone; nil: one in flight (InFlightFiles).
    final func lostDescriptor(of table: FileTable?) {
        descriptorCount -= 1
        if let table, let locks = inode?.locks { locks.release(owner: ObjectIdentifier(table)) }
        if descriptorCount == 0 {
            if let inode {
                inode.locks?.release(owner: ObjectIdentifier(self))
                if flags & OpenFlags.path == 0 { inode.happened(isWritable ? .closeWrite : .closeNoWrite) }
            }
            if !watchers.isEmpty {
                let old = watchers
                watchers = []
                for epoll in old { epoll.forget(self) }
            }
            lastDescriptorClosed()
        }
    }
}
