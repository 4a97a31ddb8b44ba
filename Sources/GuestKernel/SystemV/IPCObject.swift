/// What System V's shared memory segments, semaphore sets and message queues have in common (sysvipc(7)): a key, an owner,
/// a mode, and an identifier that is not used again soon.
class IPCObject {
    /// IPC_PRIVATE (0): nobody finds it by its key.
    final fileprivate(set) var key: Int32 = 0
    final fileprivate(set) var id: Int32 = -1
    final var owner: (user: UInt32, group: UInt32)
    final let creator: (user: UInt32, group: UInt32)
    /// The lower nine bits of a file's mode, without execution.
    final var mode: UInt32
    final var changeTime = Clock.realtime
    /// IPC_RMID was called: who waits for it gives up.
    final private(set) var isRemoved = false

    init(_ credentials: Credentials, mode: UInt32) {
        owner = (credentials.effectiveUser, credentials.effectiveGroup)
        creator = owner
        self.mode = mode & 0o777
    }

    /// Called once it has left its table.
    func removed() { isRemoved = true }

    /// - Parameter wish: as one digit of a mode: 4 to read, 2 to write.
    final func require(_ wish: UInt32, _ credentials: Credentials) throws(Errno) {
        if credentials.has(.ownIPC) { return }
        let user = credentials.effectiveUser
        let shift: UInt32 =
            user == owner.user || user == creator.user
            ? 6 : credentials.isMember(of: owner.group) || credentials.isMember(of: creator.group) ? 3 : 0
        guard mode >> shift & wish == wish else { throw .accessDenied }
    }

    final func requireOwner(_ credentials: Credentials) throws(Errno) {
        let user = credentials.effectiveUser
        guard credentials.has(.administer) || user == owner.user || user == creator.user else {
            throw .notPermitted
        }
    }

    static let permissionBytes: UInt64 = 48

    /// `struct ipc64_perm`, the beginning of each kind's `struct *id_ds`.
    final func setPermissions(in record: inout UserRecord, flags: UInt32 = 0) {
        record.set(0, key)
        record.set(4, owner.user)
        record.set(8, owner.group)
        record.set(12, creator.user)
        record.set(16, creator.group)
        record.set(20, mode | flags)
        record.set(24, UInt16(truncatingIfNeeded: id / IPCIdentifier.tableSize))
    }

    /// IPC_SET: the owner and the mode from a program's `struct ipc64_perm`.
    final func changePermissions(at address: UInt64, _ space: AddressSpace) throws(Errno) {
        let user = try space.load(UInt32.self, at: address &+ 4)
        let group = try space.load(UInt32.self, at: address &+ 8)
        let mode = try space.load(UInt32.self, at: address &+ 20)
        owner = (user, group)
        self.mode = mode & 0o777
        changeTime = Clock.realtime
    }
}

/// Commands of shmctl(2), semctl(2) and msgctl(2) that all three have.
enum IPCCommand {
    static let remove: UInt64 = 0
    static let set: UInt64 = 1
    static let status: UInt64 = 2
    static let information: UInt64 = 3
}

/// Flags of shmget(2), semget(2), msgget(2) and the operations.
enum IPCFlags {
    static let create: UInt64 = 0o1000
    static let exclusive: UInt64 = 0o2000
    static let noWait: UInt64 = 0o4000
}

enum IPCIdentifier {
    /// Linux's own: an identifier is a place in the table plus this times how often the place was given out.
    static let tableSize: Int32 = 32768
}

/// The objects of one kind, by identifier and key.
final class IPCTable<Object: IPCObject> {
    /// A job's own programs make them, so the number bounds what they can make the kernel keep.
    let limit: Int
    private var objects: [Object?] = []
    private var sequences: [Int32] = []

    init(limit: Int) { self.limit = limit }

    var count: Int { objects.reduce(0) { $0 + ($1 == nil ? 0 : 1) } }
    /// The highest place in use; what the *_INFO commands answer.
    var highestIndex: Int { max(0, (objects.lastIndex { $0 != nil }) ?? 0) }

    /// - Throws: `.invalidArgument` where there is nothing, `.identifierRemoved` where there is another one by now.
    func object(_ id: UInt64) throws(Errno) -> Object {
        let id = Int32(truncatingIfNeeded: id)
        let index = Int(id % IPCIdentifier.tableSize)
        guard id >= 0, index < objects.count, let object = objects[index] else { throw .invalidArgument }
        guard object.id == id else { throw .identifierRemoved }
        return object
    }

    func forEach(_ body: (Object) -> Void) {
        for object in objects { if let object { body(object) } }
    }

    func first(where condition: (Object) -> Bool) -> Object? {
        for object in objects { if let object, condition(object) { return object } }
        return nil
    }

    /// *_STAT: by place, not by identifier.
    func object(atIndex index: UInt64) throws(Errno) -> Object {
        guard index < UInt64(objects.count), let object = objects[Int(index)] else { throw .invalidArgument }
        return object
    }

    /// shmget(2), semget(2), msgget(2): what has the key, or a new one.
    func get(
        key: UInt64, flags: UInt64, _ credentials: Credentials,
        check: (Object) throws(Errno) -> Void, make: () throws(Errno) -> Object
    ) throws(Errno) -> Int {
        let key = Int32(truncatingIfNeeded: key)
        if key != 0, let found = objects.first(where: { $0?.key == key }), let found {
            let isNew = IPCFlags.create | IPCFlags.exclusive
            guard flags & isNew != isNew else { throw .exists }
            try check(found)
            let mode = UInt32(truncatingIfNeeded: flags)
            try found.require((mode >> 6 | mode >> 3 | mode) & 6, credentials)
            return Int(found.id)
        }
        guard key == 0 || flags & IPCFlags.create != 0 else { throw .noSuchFile }
        var index = objects.firstIndex { $0 == nil } ?? objects.count
        if index == objects.count {
            guard objects.count < limit else { throw .noSpace }
            objects.append(nil)
            sequences.append(0)
            index = objects.count - 1
        }
        let object = try make()
        object.key = key
        object.id = sequences[index] * IPCIdentifier.tableSize + Int32(index)
        sequences[index] = (sequences[index] + 1) & 0x7FFF
        objects[index] = object
        return Int(object.id)
    }

    /// IPC_RMID.
    func remove(_ object: Object) {
        objects[Int(object.id % IPCIdentifier.tableSize)] = nil
        object.key = 0
        object.removed()
    }
}
