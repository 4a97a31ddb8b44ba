/// A System V semaphore set (semget(2)): values that one call changes together or not at all.
final class SemaphoreSet: IPCObject {
    struct Semaphore {
        var value: UInt16 = 0
        var lastProcess: Int32 = 0
        /// Threads that wait for it to grow, and for it to be zero.
        var waitingToGrow = 0
        var waitingForZero = 0
    }

    /// One `struct sembuf`.
    private struct Operation {
        let index: Int
        let change: Int32
        let flags: UInt16

        var isNoWait: Bool { UInt64(flags) & IPCFlags.noWait != 0 }
        /// SEM_UNDO: the process's end takes the change back.
        var isUndone: Bool { flags & 0x1000 != 0 }
    }

    /// Linux's SEMMSL, SEMOPM and SEMVMX. All sets together have no more semaphores than one may have.
    static let maximumSemaphores: UInt64 = 32000
    static let maximumOperations: UInt64 = 500
    static let maximumValue: Int32 = 32767

    private(set) var semaphores: [Semaphore]
    private let changed = WaitQueue()
    private(set) var operationTime: UInt64 = 0

    private init(count: UInt64, mode: UInt32, _ credentials: Credentials) throws(Errno) {
        guard count > 0 else { throw .invalidArgument }
        var inAll = count
        Self.table.forEach { inAll += UInt64($0.semaphores.count) }
        guard inAll <= Self.maximumSemaphores else { throw .noSpace }
        semaphores = Array(repeating: Semaphore(), count: Int(count))
        super.init(credentials, mode: mode)
    }

    override func removed() {
        super.removed()
        changed.wakeAll()
    }

    // SAFETY: see Frames.
    nonisolated(unsafe) private(set) static var table = IPCTable<SemaphoreSet>(limit: 1024)

    /// semget(2).
    static func get(_ arguments: SystemCallArguments, _ process: Process) throws(Errno) -> Int {
        guard arguments.b <= maximumSemaphores else { throw .invalidArgument }
        return try table.get(key: arguments.a, flags: arguments.c, process.credentials) {
            (set: SemaphoreSet) throws(Errno) in
            guard arguments.b <= UInt64(set.semaphores.count) else { throw .invalidArgument }
        } make: { () throws(Errno) -> SemaphoreSet in
            try SemaphoreSet(
                count: arguments.b, mode: UInt32(truncatingIfNeeded: arguments.c), process.credentials)
        }
    }

    // MARK: Operations

    /// semop(2), semtimedop(2): identifier, `struct sembuf`s, how many, timespec or nil.
    static func operate(_ arguments: SystemCallArguments, _ process: Process, until deadline: UInt64)
        throws(Errno) -> Int
    {
        guard arguments.c > 0 else { throw .invalidArgument }
        guard arguments.c <= maximumOperations else { throw .argumentListTooLong }
        var operations: [Operation] = []
        for i in 0..<arguments.c {
            let address = arguments.b &+ i * 6
            operations.append(
                Operation(
                    index: Int(try process.space.load(UInt16.self, at: address)),
                    change: Int32(try process.space.load(Int16.self, at: address &+ 2)),
                    flags: try process.space.load(UInt16.self, at: address &+ 4)))
        }
        let set = try table.object(arguments.a)
        guard operations.allSatisfy({ $0.index < set.semaphores.count }) else { throw .fileTooLarge }
        try set.require(operations.contains { $0.change != 0 } ? 2 : 4, process.credentials)
        while let blocked = try set.tryAll(operations, process) {
            if operations[blocked].isNoWait { throw .wouldBlock }
            try set.wait(for: operations[blocked], until: deadline)
        }
        return 0
    }

    /// - Returns: the first operation that must wait, nothing being changed then; nil when all are done.
    /// - Throws: `.outOfRange` if a value would leave its range, or what is to be undone.
    private func tryAll(_ operations: [Operation], _ process: Process) throws(Errno) -> Int? {
        var values = semaphores
        var undo = process.semaphoreUndo
        for (i, operation) in operations.enumerated() {
            let value = Int32(values[operation.index].value)
            if operation.change == 0 ? value != 0 : value + operation.change < 0 { return i }
            guard value + operation.change <= Self.maximumValue else { throw .outOfRange }
            values[operation.index].value = UInt16(value + operation.change)
            values[operation.index].lastProcess = process.id
            if operation.isUndone && operation.change != 0 {
                try undo.add(operation.change, to: operation.index, of: self)
            }
        }
        semaphores = values
        process.semaphoreUndo = undo
        operationTime = Clock.realtime
        if operations.contains(where: { $0.change != 0 }) { changed.wakeAll() }
        return nil
    }

    /// Waits once for a change. Neither call is ever restarted (signal(7)).
    private func wait(for operation: Operation, until deadline: UInt64) throws(Errno) {
        let delta = operation.change == 0 ? (0, 1) : (1, 0)
        semaphores[operation.index].waitingToGrow += delta.0
        semaphores[operation.index].waitingForZero += delta.1
        defer {
            semaphores[operation.index].waitingToGrow -= delta.0
            semaphores[operation.index].waitingForZero -= delta.1
        }
        let wasWoken: Bool
        do throws(Errno) {
            wasWoken = try changed.wait(until: deadline)
        } catch {
            throw error == .restart ? .interrupted : error
        }
        if isRemoved { throw .identifierRemoved }
        if !wasWoken { throw .wouldBlock }
    }

    /// A process that did `change` with SEM_UNDO has ended.
    fileprivate func undo(_ change: Int32, at index: Int, by process: Int32) {
        guard !isRemoved else { return }
        let value = Int32(semaphores[index].value) - change
        semaphores[index].value = UInt16(max(0, min(value, Self.maximumValue)))
        semaphores[index].lastProcess = process
        changed.wakeAll()
    }

    // MARK: Control

    /// semctl(2): identifier, index, command, `union semun`.
    static func control(_ arguments: SystemCallArguments, _ process: Process) throws(Errno) -> Int {
        let (statusAt, information, statusAny): (UInt64, UInt64, UInt64) = (18, 19, 20)
        switch arguments.c {
        case IPCCommand.information, information:
            return try storeLimits(at: arguments.d, process.space, inUse: arguments.c == information)
        case statusAt, statusAny:
            let set = try table.object(atIndex: arguments.a)
            if arguments.c == statusAt { try set.require(4, process.credentials) }
            try set.storeStatus(at: arguments.d, process.space)
            return Int(set.id)
        default: break
        }
        let set = try table.object(arguments.a)
        switch arguments.c {
        case IPCCommand.status:
            try set.require(4, process.credentials)
            try set.storeStatus(at: arguments.d, process.space)
        case IPCCommand.set:
            try set.requireOwner(process.credentials)
            try set.changePermissions(at: arguments.d, process.space)
        case IPCCommand.remove:
            try set.requireOwner(process.credentials)
            table.remove(set)
        default: return try set.valueControl(arguments, process)
        }
        return 0
    }

    /// GETPID 11, GETVAL 12, GETALL 13, GETNCNT 14, GETZCNT 15, SETVAL 16, SETALL 17.
    private func valueControl(_ arguments: SystemCallArguments, _ process: Process) throws(Errno) -> Int {
        let isChange = arguments.c == 16 || arguments.c == 17
        guard (11...17).contains(arguments.c) else { throw .invalidArgument }
        try require(isChange ? 2 : 4, process.credentials)
        if arguments.c == 13 || arguments.c == 17 { return try allValues(arguments, process) }
        guard arguments.b < UInt64(semaphores.count) else { throw .invalidArgument }
        // BOUNDED: by the number of semaphores, just before.
        let index = Int(arguments.b)
        switch arguments.c {
        case 11: return Int(semaphores[index].lastProcess)
        case 12: return Int(semaphores[index].value)
        case 14: return semaphores[index].waitingToGrow
        case 15: return semaphores[index].waitingForZero
        default: break
        }
        let value = Int32(truncatingIfNeeded: arguments.d)
        guard (0...Self.maximumValue).contains(value) else { throw .outOfRange }
        semaphores[index].value = UInt16(value)
        wasSet([index], by: process)
        return 0
    }

    private func allValues(_ arguments: SystemCallArguments, _ process: Process) throws(Errno) -> Int {
        if arguments.c == 13 {
            for (i, semaphore) in semaphores.enumerated() {
                try process.space.store(semaphore.value, at: arguments.d &+ UInt64(i) * 2)
            }
            return 0
        }
        var values: [UInt16] = []
        for i in semaphores.indices {
            values.append(try process.space.load(UInt16.self, at: arguments.d &+ UInt64(i) * 2))
        }
        guard values.allSatisfy({ Int32($0) <= Self.maximumValue }) else { throw .outOfRange }
        for i in values.indices { semaphores[i].value = values[i] }
        wasSet(Array(semaphores.indices), by: process)
        return 0
    }

    /// Values were set outright: nobody's undo applies to them any more.
    private func wasSet(_ indices: [Int], by process: Process) {
        for i in indices { semaphores[i].lastProcess = process.id }
        for other in Processes.all { for i in indices { other.semaphoreUndo.forget(i, of: self) } }
        changeTime = Clock.realtime
        changed.wakeAll()
    }

    /// `struct semid64_ds`.
    private func storeStatus(at address: UInt64, _ space: AddressSpace) throws(Errno) {
        var record = UserRecord(bytes: 104)
        setPermissions(in: &record)
        record.set(48, operationTime / 1_000_000_000)
        record.set(64, changeTime / 1_000_000_000)
        record.set(80, UInt64(semaphores.count))
        try record.store(at: address, in: space)
    }

    /// `struct seminfo`; SEM_INFO has what is in use in its eighth and tenth fields.
    private static func storeLimits(at address: UInt64, _ space: AddressSpace, inUse: Bool) throws(Errno)
        -> Int
    {
        var record = UserRecord(bytes: 40)
        var all = 0
        table.forEach { all += $0.semaphores.count }
        let fields: [Int32] = [
            1_024_000_000, Int32(table.limit), 1_024_000_000, 1_024_000_000, Int32(maximumSemaphores),
            Int32(maximumOperations), Int32(maximumOperations), inUse ? Int32(table.count) : 20, maximumValue,
            inUse ? Int32(all) : maximumValue,
        ]
        for (i, field) in fields.enumerated() { record.set(i * 4, field) }
        try record.store(at: address, in: space)
        return table.highestIndex
    }
}

/// What a process's end takes back: its changes with SEM_UNDO, summed for each semaphore.
struct SemaphoreUndo {
    /// Linux's SEMAEM: a sum beyond it is refused, so it never leaves its 32 bits either.
    private static let maximumChange: Int32 = 32767
    private var entries: [(set: SemaphoreSet, index: Int, change: Int32)] = []

    /// - Throws: `.outOfRange` where the sum would be more than can be taken back.
    mutating func add(_ change: Int32, to index: Int, of set: SemaphoreSet) throws(Errno) {
        if let i = entries.firstIndex(where: { $0.set === set && $0.index == index }) {
            // Both are 16 bits large.
            let sum = entries[i].change + change
            guard sum >= -Self.maximumChange, sum <= Self.maximumChange + 1 else { throw .outOfRange }
            entries[i].change = sum
        } else {
            entries.append((set, index, change))
        }
    }

    mutating func forget(_ index: Int, of set: SemaphoreSet) {
        entries.removeAll { $0.set === set && $0.index == index }
    }

    /// The process has ended.
    mutating func apply(by process: Int32) {
        for entry in entries { entry.set.undo(entry.change, at: entry.index, by: process) }
        entries = []
    }
}
