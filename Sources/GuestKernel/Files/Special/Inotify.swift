/// What inotify(7) reports; IN_ bits. The flags of inotify_add_watch(2) share the word.
struct FileEvents: OptionSet {
    let rawValue: UInt32
    static let access = FileEvents(rawValue: 0x001)
    static let modify = FileEvents(rawValue: 0x002)
    static let attribute = FileEvents(rawValue: 0x004)
    static let closeWrite = FileEvents(rawValue: 0x008)
    static let closeNoWrite = FileEvents(rawValue: 0x010)
    static let open = FileEvents(rawValue: 0x020)
    static let movedFrom = FileEvents(rawValue: 0x040)
    static let movedTo = FileEvents(rawValue: 0x080)
    static let create = FileEvents(rawValue: 0x100)
    static let delete = FileEvents(rawValue: 0x200)
    static let deleteSelf = FileEvents(rawValue: 0x400)
    static let moveSelf = FileEvents(rawValue: 0x800)
    /// All that can be asked for.
    static let all = FileEvents(rawValue: 0xFFF)
    // Reported unasked.
    static let queueOverflow = FileEvents(rawValue: 0x4000)
    static let ignored = FileEvents(rawValue: 0x8000)
    static let isDirectory = FileEvents(rawValue: 0x4000_0000)
    // Flags of inotify_add_watch(2).
    static let onlyDirectory = FileEvents(rawValue: 0x0100_0000)
    static let doNotFollow = FileEvents(rawValue: 0x0200_0000)
    static let excludeUnlinked = FileEvents(rawValue: 0x0400_0000)
    static let mustBeNew = FileEvents(rawValue: 0x1000_0000)
    static let addToMask = FileEvents(rawValue: 0x2000_0000)
    static let oneShot = FileEvents(rawValue: 0x8000_0000)
    static let flags: FileEvents = [
        .onlyDirectory, .doNotFollow, .excludeUnlinked, .mustBeNew, .addToMask, .oneShot,
    ]
}

/// An inotify(7) instance: watches on inodes, and a bounded queue of what happened to them.
final class Inotify: File {
    /// What /proc/sys/fs/inotify says: events in one queue, and watches of all instances together.
    static let queuedMaximum = 16384
    static let watchesMaximum = 65536

    /// What one instance wants to know of one inode. The inode has it too; both let go in `drop`.
    final class Watch {
        let number: Int32
        let inode: Inode
        fileprivate(set) var mask: FileEvents
        let owner: Inotify

        fileprivate init(_ number: Int32, _ inode: Inode, _ mask: FileEvents, _ owner: Inotify) {
            self.number = number
            self.inode = inode
            self.mask = mask
            self.owner = owner
        }
    }

    private struct Event: Equatable {
        var watch: Int32
        var mask: FileEvents
        var cookie: UInt32 = 0
        var name: [UInt8] = []

        /// The name with at least one NUL, up to a multiple of the structure's size.
        var nameBytes: Int { name.isEmpty ? 0 : (name.count + 1 + 15) & ~15 }
        var bytes: Int { 16 + nameBytes }
    }

    // SAFETY: see Frames.
    /// Watches of all instances: nobody pays for inotify while it is 0.
    nonisolated(unsafe) private(set) static var watchCount = 0
    nonisolated(unsafe) private static var lastCookie: UInt32 = 0
    nonisolated(unsafe) private static var instanceCount = 0
    /// What /proc/sys/fs/inotify says, too; queues lie on the kernel's heap.
    static let instancesMaximum = 128

    private var watches: [Watch] = []
    private var lastNumber: Int32 = 0
    /// Events from `first` on are to be read.
    private var queue: [Event] = []
    private var first = 0
    private let arrived = WaitQueue()
    private let number = AnonymousInode.newNumber()

    /// - Throws: `.tooManyFiles` if there are very many.
    static func make(flags: UInt32) throws(Errno) -> Inotify {
        guard instanceCount < instancesMaximum else { throw .tooManyFiles }
        return Inotify(flags: flags)
    }

    private override init(flags: UInt32) {
        super.init(flags: flags)
        Self.instanceCount += 1
    }

    deinit { Self.instanceCount -= 1 }

    override var givesToSplice: Bool { false }
    override var takesFromSplice: Bool { false }
    override var asInotify: Inotify? { self }
    override func status() throws(Errno) -> FileStatus { AnonymousInode.status(number: number) }
    override func describe() -> [UInt8] { Text.bytes("anon_inode:inotify") }

    // MARK: Watches

    /// - Returns: the watch's number.
    /// - Throws: `.exists` (IN_MASK_CREATE), `.noSpace`.
    func watch(_ inode: Inode, _ wish: FileEvents) throws(Errno) -> Int32 {
        let mask = wish.intersection(FileEvents.all.union([.excludeUnlinked, .oneShot]))
        if let existing = inode.watches.first(where: { $0.owner === self }) {
            if wish.contains(.mustBeNew) { throw .exists }
            existing.mask = wish.contains(.addToMask) ? existing.mask.union(mask) : mask
            return existing.number
        }
        guard Self.watchCount < Self.watchesMaximum, lastNumber < .max else { throw .noSpace }
        lastNumber += 1
        let watch = Watch(lastNumber, inode, mask, self)
        watches.append(watch)
        inode.watches.append(watch)
        Self.watchCount += 1
        return watch.number
    }

    /// inotify_rm_watch(2).
    func remove(_ number: Int32) throws(Errno) {
        guard let watch = watches.first(where: { $0.number == number }) else { throw .invalidArgument }
        end(watch)
    }

    /// The watch is over, and its owner is told.
    fileprivate func end(_ watch: Watch) {
        drop(watch)
        add(Event(watch: watch.number, mask: .ignored))
    }

    private func drop(_ watch: Watch) {
        guard let i = watches.firstIndex(where: { $0 === watch }) else { return }
        watches.remove(at: i)
        watch.inode.watches.removeAll { $0 === watch }
        Self.watchCount -= 1
    }

    override func lastDescriptorClosed() {
        for watch in watches { drop(watch) }
    }

    // MARK: Events

    fileprivate func report(_ watch: Watch, _ events: FileEvents, _ name: [UInt8], _ cookie: UInt32) {
        guard !watch.mask.isDisjoint(with: events) else { return }
        add(Event(watch: watch.number, mask: events, cookie: cookie, name: name))
        if watch.mask.contains(.oneShot) { end(watch) }
    }

    private func add(_ event: Event) {
        let waiting = queue.count - first
        // Two alike in a row say no more than one.
        if waiting > 0, queue[queue.count - 1] == event { return }
        if waiting >= Self.queuedMaximum {
            let overflow = Event(watch: -1, mask: .queueOverflow)
            if queue[queue.count - 1] == overflow { return }
            queue.append(overflow)
        } else {
            queue.append(event)
        }
        arrived.wakeAll()
    }

    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        while first == queue.count {
            if isNonblocking { throw .wouldBlock }
            try arrived.wait()
        }
        guard queue[first].bytes <= buffer.remaining else { throw .invalidArgument }
        var done = 0
        while first < queue.count, queue[first].bytes <= buffer.remaining {
            let event = queue[first]
            first += 1
            if first == queue.count {
                queue = []
                first = 0
            }
            let watch = UInt64(UInt32(bitPattern: event.watch))
            done += try buffer.put(watch | UInt64(event.mask.rawValue) << 32)
            done += try buffer.put(UInt64(event.cookie) | UInt64(event.nameBytes) << 32)
            var failure: Errno?
            event.name.withUnsafeBytes { bytes in
                do throws(Errno) { done += try buffer.put(bytes) } catch { failure = error }
            }
            if let failure { throw failure }
            done += try buffer.putZeros(event.nameBytes - event.name.count)
        }
        return done
    }

    override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        guard request == 0x541B else { throw .notTerminal }  // FIONREAD
        let bytes = queue[first...].reduce(0) { $0 + $1.bytes }
        try Scheduler.current.process.space.store(Int32(truncatingIfNeeded: bytes), at: argument)
        return 0
    }

    override func readiness() -> PollEvents { first < queue.count ? [.readable] : [] }
    override var readinessChanged: WaitQueue? { arrived }

    /// A number that the two halves of one rename(2) have in common.
    fileprivate static func newCookie() -> UInt32 {
        lastCookie &+= 1
        return lastCookie
    }
}

// MARK: - What happens to inodes

extension Inode {
    /// Something happened to this inode: who watches it is told, and who watches its directory, by its name.
    final func happened(_ events: FileEvents) {
        if Inotify.watchCount == 0 { return }
        let events = isDirectory ? events.union(.isDirectory) : events
        if let parent, !parent.watches.isEmpty {
            let isGone = isUnlinked
            for watch in parent.watches where !isGone || !watch.mask.contains(.excludeUnlinked) {
                watch.owner.report(watch, events, name, 0)
            }
        }
        for watch in watches { watch.owner.report(watch, events, [], 0) }
    }

    /// The same, told only to who watches the inode itself.
    final func happenedToSelf(_ events: FileEvents) {
        if Inotify.watchCount == 0 { return }
        for watch in watches { watch.owner.report(watch, events, [], 0) }
    }

    /// A name of this directory came, went or moved.
    final func nameChanged(_ events: FileEvents, _ name: [UInt8], isDirectory: Bool, cookie: UInt32 = 0) {
        if Inotify.watchCount == 0 { return }
        let events = isDirectory ? events.union(.isDirectory) : events
        for watch in watches { watch.owner.report(watch, events, name, cookie) }
    }

    /// It has lost a name. With its last one the watches end.
    final func lostName() {
        if Inotify.watchCount == 0 { return }
        if !isDirectory { happenedToSelf(.attribute) }
        guard isUnlinked else { return }
        for watch in watches {
            watch.owner.report(watch, .deleteSelf, [], 0)
            if !watch.mask.contains(.oneShot) { watch.owner.end(watch) }
        }
    }

    /// rename(2) has moved `inode` from this directory to another.
    final func nameMoved(_ inode: Inode, _ name: [UInt8], to directory: Inode, _ newName: [UInt8]) {
        if Inotify.watchCount == 0 { return }
        let cookie = Inotify.newCookie()
        nameChanged(.movedFrom, name, isDirectory: inode.isDirectory, cookie: cookie)
        directory.nameChanged(.movedTo, newName, isDirectory: inode.isDirectory, cookie: cookie)
        inode.happenedToSelf(.moveSelf)
    }
}

/// inotify_init1(2), inotify_add_watch(2), inotify_rm_watch(2).
extension FileCall {
    func makeInotify(flags: UInt64) throws(Errno) -> Int {
        let flags = UInt32(truncatingIfNeeded: flags)
        guard flags & ~(OpenFlags.closeOnExec | OpenFlags.nonblocking) == 0 else { throw .invalidArgument }
        let file = try Inotify.make(flags: flags & OpenFlags.nonblocking)
        return try add(file, closeOnExec: flags & OpenFlags.closeOnExec != 0)
    }

    private func inotify() throws(Errno) -> Inotify {
        guard let inotify = try file(arguments.a).asInotify else { throw .invalidArgument }
        return inotify
    }

    /// inotify_add_watch(2): instance, path, mask.
    func addWatch() throws(Errno) -> Int {
        let wish = FileEvents(rawValue: UInt32(truncatingIfNeeded: arguments.c))
        let isBoth = wish.contains([.addToMask, .mustBeNew])
        guard !wish.isDisjoint(with: .all), wish.isSubset(of: FileEvents.all.union(.flags)), !isBoth else {
            throw .invalidArgument
        }
        let inotify = try inotify()
        let inode = try inode(
            UInt64(bitPattern: Int64(Self.workingDirectory)), arguments.b,
            flags: wish.contains(.doNotFollow) ? Self.noFollow : 0)
        if wish.contains(.onlyDirectory) && !inode.isDirectory { throw .notDirectory }
        guard credentials.may(.read, inode) else { throw .accessDenied }
        return Int(try inotify.watch(inode, wish))
    }

    func removeWatch() throws(Errno) -> Int {
        try inotify().remove(Int32(truncatingIfNeeded: arguments.b))
        return 0
    }
}
