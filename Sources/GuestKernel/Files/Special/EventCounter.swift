/// An eventfd(2).
final class EventCounter: File {
    private static let maximum = UInt64.max - 1

    private var count: UInt64
    private let isSemaphore: Bool
    private let changed = WaitQueue()
    private let number = AnonymousInode.newNumber()

    init(count: UInt64, isSemaphore: Bool, flags: UInt32) {
        self.count = count
        self.isSemaphore = isSemaphore
        super.init(flags: flags | OpenFlags.readWrite)
    }

    override var asEventCounter: EventCounter? { self }
    override var givesToSplice: Bool { false }
    override var takesFromSplice: Bool { false }
    override func status() throws(Errno) -> FileStatus { AnonymousInode.status(number: number) }
    override func describe() -> [UInt8] { Text.bytes("anon_inode:[eventfd]") }

    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        guard buffer.remaining >= 8 else { throw .invalidArgument }
        while count == 0 {
            if isNonblocking { throw .wouldBlock }
            try changed.wait()
        }
        let value = isSemaphore ? 1 : count
        count -= value
        changed.wakeAll()
        return try buffer.put(value)
    }

    override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        guard buffer.remaining >= 8 else { throw .invalidArgument }
        let value = try buffer.take(UInt64.self)
        guard value != .max else { throw .invalidArgument }
        while value > Self.maximum - count {
            if isNonblocking { throw .wouldBlock }
            try changed.wait()
        }
        count += value
        changed.wakeAll()
        return 8
    }

    /// Adds one, without waiting: at its maximum it stays there.
    func signal() {
        if count < Self.maximum { count += 1 }
        changed.wakeAll()
    }

    override func readiness() -> PollEvents {
        var events: PollEvents = []
        if count > 0 { events.insert(.readable) }
        if count < Self.maximum { events.insert(.writable) }
        return events
    }

    override var readinessChanged: WaitQueue? { changed }
}
