/// A System V message queue (msgget(2)).
final class SystemVMessageQueue: IPCObject {
    struct Message {
        let type: Int64
        let bytes: [UInt8]
    }

    /// Linux's MSGMAX and MSGMNB.
    private static let maximumMessage: UInt64 = 8192
    private static let defaultCapacity: UInt64 = 16384

    private(set) var messages: [Message] = []
    private(set) var bytesQueued: UInt64 = 0
    private var capacity = SystemVMessageQueue.defaultCapacity
    private let changed = WaitQueue()
    private(set) var sendTime: UInt64 = 0
    private(set) var receiveTime: UInt64 = 0
    private(set) var lastSender: Int32 = 0
    private(set) var lastReceiver: Int32 = 0

    // SAFETY: see Frames.
    /// Of all queues. Root may widen a queue; a sixteenth of memory is all that messages get.
    nonisolated(unsafe) private static var bytesInAll: UInt64 = 0

    deinit { Self.bytesInAll -= bytesQueued }

    override func removed() {
        super.removed()
        changed.wakeAll()
    }

    // MARK: Calls

    // SAFETY: see Frames.
    nonisolated(unsafe) private(set) static var table = IPCTable<SystemVMessageQueue>(limit: 1024)

    /// msgget(2).
    static func get(_ arguments: SystemCallArguments, _ process: Process) throws(Errno) -> Int {
        try table.get(key: arguments.a, flags: arguments.b, process.credentials) { (_) throws(Errno) in
        } make: { () throws(Errno) -> SystemVMessageQueue in
            SystemVMessageQueue(process.credentials, mode: UInt32(truncatingIfNeeded: arguments.b))
        }
    }

    /// msgsnd(2): identifier, `struct msgbuf` (an i64 type, then the text), bytes of text, flags.
    static func send(_ arguments: SystemCallArguments, _ process: Process) throws(Errno) -> Int {
        guard arguments.c <= maximumMessage else { throw .invalidArgument }
        let type = try process.space.load(Int64.self, at: arguments.b)
        guard type > 0 else { throw .invalidArgument }
        // BOUNDED: by maximumMessage, above.
        let bytes = try process.space.read(from: arguments.b &+ 8, count: Int(arguments.c))
        let queue = try table.object(arguments.a)
        try queue.require(2, process.credentials)
        // A message of no bytes counts as one, or a queue would take any number of them.
        while queue.bytesQueued + UInt64(max(1, bytes.count)) > queue.capacity {
            if arguments.d & IPCFlags.noWait != 0 { throw .wouldBlock }
            try queue.waitForChange()
        }
        let size = UInt64(max(1, bytes.count))
        guard bytesInAll + size <= Frames.total * pageSize / 16 else { throw .noMemory }
        bytesInAll += size
        queue.messages.append(Message(type: type, bytes: bytes))
        queue.bytesQueued += size
        queue.sendTime = Clock.realtime
        queue.lastSender = process.id
        queue.changed.wakeAll()
        return 0
    }

    /// msgrcv(2): identifier, `struct msgbuf`, bytes of room for text, type, flags.
    static func receive(_ arguments: SystemCallArguments, _ process: Process) throws(Errno) -> Int {
        let (noError, except, copy): (UInt64, UInt64, UInt64) = (0o10000, 0o20000, 0o40000)
        let flags = arguments.e
        guard arguments.c <= UInt64(Int64.max), flags & copy == 0 else { throw .invalidArgument }
        let queue = try table.object(arguments.a)
        try queue.require(4, process.credentials)
        let type = Int64(bitPattern: arguments.d)
        while true {
            if let i = queue.index(of: type, except: flags & except != 0) {
                let message = queue.messages[i]
                let isCut = UInt64(message.bytes.count) > arguments.c
                if isCut && flags & noError == 0 { throw .argumentListTooLong }
                // BOUNDED: by the message, which is longer where it is cut.
                let text = isCut ? Array(message.bytes[0..<Int(arguments.c)]) : message.bytes
                // Before it is copied: that may wait, and what is in the queue belongs to whoever comes then. As on Linux a
                // message is gone whether its receiver's memory could be written or not.
                queue.take(i)
                queue.lastReceiver = process.id
                try process.space.store(message.type, at: arguments.b)
                try process.space.write(text, to: arguments.b &+ 8)
                return text.count
            }
            if flags & IPCFlags.noWait != 0 { throw .noMessage }
            try queue.waitForChange()
        }
    }

    private func take(_ index: Int) {
        let size = UInt64(max(1, messages.remove(at: index).bytes.count))
        // Each message was added to both sums when it was sent.
        bytesQueued -= size
        Self.bytesInAll -= size
        receiveTime = Clock.realtime
        changed.wakeAll()
    }

    /// Waits once. Neither call is ever restarted (signal(7)).
    private func waitForChange() throws(Errno) {
        do throws(Errno) { try changed.wait() } catch { throw error == .restart ? .interrupted : error }
        if isRemoved { throw .identifierRemoved }
    }

    /// The first message msgrcv(2)'s type asks for: 0 any, positive that type (or any other), negative the lowest type up
    /// to its absolute value.
    private func index(of type: Int64, except: Bool) -> Int? {
        if type == 0 { return messages.isEmpty ? nil : 0 }
        if type > 0 { return messages.firstIndex { ($0.type == type) != except } }
        var best: Int?
        for i in messages.indices where messages[i].type.magnitude <= type.magnitude {
            if best.map({ messages[i].type < messages[$0].type }) ?? true { best = i }
        }
        return best
    }

    /// msgctl(2).
    static func control(_ arguments: SystemCallArguments, _ process: Process) throws(Errno) -> Int {
        let (statusAt, information, statusAny): (UInt64, UInt64, UInt64) = (11, 12, 13)
        switch arguments.b {
        case IPCCommand.information, information:
            return try storeLimits(at: arguments.c, process.space, inUse: arguments.b == information)
        case statusAt, statusAny:
            let queue = try table.object(atIndex: arguments.a)
            if arguments.b == statusAt { try queue.require(4, process.credentials) }
            try queue.storeStatus(at: arguments.c, process.space)
            return Int(queue.id)
        default: break
        }
        let queue = try table.object(arguments.a)
        switch arguments.b {
        case IPCCommand.status:
            try queue.require(4, process.credentials)
            try queue.storeStatus(at: arguments.c, process.space)
        case IPCCommand.set:
            try queue.requireOwner(process.credentials)
            let capacity = try process.space.load(UInt64.self, at: arguments.c &+ 88)
            // Without privilege not above the default; with it, still no more than a job can spare.
            guard capacity <= defaultCapacity || process.credentials.has(.exceedResources) else {
                throw .notPermitted
            }
            try queue.changePermissions(at: arguments.c, process.space)
            queue.capacity = min(capacity, 1 << 20)
            queue.changed.wakeAll()
        case IPCCommand.remove:
            try queue.requireOwner(process.credentials)
            table.remove(queue)
        default: throw .invalidArgument
        }
        return 0
    }

    /// `struct msqid64_ds`.
    private func storeStatus(at address: UInt64, _ space: AddressSpace) throws(Errno) {
        var record = UserRecord(bytes: 120)
        setPermissions(in: &record)
        record.set(48, sendTime / 1_000_000_000)
        record.set(56, receiveTime / 1_000_000_000)
        record.set(64, changeTime / 1_000_000_000)
        record.set(72, bytesQueued)
        record.set(80, UInt64(messages.count))
        record.set(88, capacity)
        record.set(96, lastSender)
        record.set(100, lastReceiver)
        try record.store(at: address, in: space)
    }

    /// `struct msginfo`; MSG_INFO has what is in use in its first, second and seventh fields.
    private static func storeLimits(at address: UInt64, _ space: AddressSpace, inUse: Bool) throws(Errno)
        -> Int
    {
        var record = UserRecord(bytes: 32)
        var (queued, bytes): (Int, UInt64) = (0, 0)
        table.forEach { (queued, bytes) = (queued + $0.messages.count, bytes + $0.bytesQueued) }
        record.set(0, Int32(inUse ? table.count : Int(defaultCapacity)))
        record.set(4, Int32(inUse ? queued : Int(defaultCapacity)))
        record.set(8, Int32(maximumMessage))
        record.set(12, Int32(defaultCapacity))
        record.set(16, Int32(table.limit))
        record.set(20, Int32(16))
        record.set(24, Int32(truncatingIfNeeded: inUse ? bytes : defaultCapacity))
        try record.store(at: address, in: space)
        return table.highestIndex
    }
}
