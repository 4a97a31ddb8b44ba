/// What poll(2) reports; POLLIN and so on.
struct PollEvents: OptionSet {
    let rawValue: UInt32
    static let readable = PollEvents(rawValue: 0x001)
    static let priority = PollEvents(rawValue: 0x002)
    static let writable = PollEvents(rawValue: 0x004)
    static let error = PollEvents(rawValue: 0x008)
    static let hangUp = PollEvents(rawValue: 0x010)
    static let readHangUp = PollEvents(rawValue: 0x2000)
}

/// An open file description (open(2)): shared by duplicated descriptors and across fork. Closed by its last reference:
/// subclasses do that in `deinit`.
class File {
    /// O_ bits; access mode, O_APPEND, O_NONBLOCK, O_DIRECT.
    var flags: UInt32
    var position: UInt64 = 0
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
}
