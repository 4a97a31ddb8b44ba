/// A System V shared memory segment (shmget(2)). The areas that attach it keep its pages: after IPC_RMID they go with the
/// last attachment.
final class SharedSegment: IPCObject {
    let pages: SegmentPages
    let bytes: UInt64
    let creatorProcess: Int32
    var lastProcess: Int32 = 0
    var attachTime: UInt64 = 0
    var detachTime: UInt64 = 0

    /// - Throws: `.invalidArgument` for no bytes, `.noMemory` for more than there is.
    init(bytes: UInt64, mode: UInt32, _ process: Process) throws(Errno) {
        guard bytes > 0 else { throw .invalidArgument }
        guard bytes / pageSize < Frames.total else { throw .noMemory }
        self.bytes = bytes
        pages = SegmentPages(pages: Int((bytes + pageSize - 1) / pageSize))
        creatorProcess = process.id
        super.init(process.credentials, mode: mode)
    }

    final class SegmentPages: SharedMemory {
        override var isSegment: Bool { true }
    }

    /// How many times it is attached. Counted when asked for: forks, exits and unmappings need not know of segments.
    var attachments: UInt64 {
        var count: UInt64 = 0
        var seen: [AddressSpace] = []
        for process in Processes.all where process.ending == nil {
            if seen.contains(where: { $0 === process.space }) { continue }
            seen.append(process.space)
            for area in process.space.areas where beginsAttachment(area) { count += 1 }
        }
        return count
    }

    private func beginsAttachment(_ area: MemoryArea) -> Bool {
        if case .file(let inode, let offset) = area.backing { return inode === pages && offset == 0 }
        return false
    }

    // MARK: Calls

    // SAFETY: see Frames.
    nonisolated(unsafe) private(set) static var table = IPCTable<SharedSegment>(limit: 1024)
    private static let readOnly: UInt64 = 0o10000
    private static let round: UInt64 = 0o20000
    private static let remap: UInt64 = 0o40000
    private static let execute: UInt64 = 0o100000

    /// shmget(2).
    static func get(_ arguments: SystemCallArguments, _ process: Process) throws(Errno) -> Int {
        try table.get(key: arguments.a, flags: arguments.c, process.credentials) {
            (segment: SharedSegment) throws(Errno) in
            guard arguments.b <= segment.bytes else { throw .invalidArgument }
        } make: { () throws(Errno) -> SharedSegment in
            try SharedSegment(bytes: arguments.b, mode: UInt32(truncatingIfNeeded: arguments.c), process)
        }
    }

    /// shmat(2).
    static func attach(_ arguments: SystemCallArguments, _ process: Process) throws(Errno) -> Int {
        let segment = try table.object(arguments.a)
        let flags = arguments.c
        try segment.require(flags & readOnly != 0 ? 4 : 6, process.credentials)
        let space = process.space
        let size = (segment.bytes + pageSize - 1) & ~(pageSize - 1)
        var start = arguments.b
        if start == 0 {
            guard flags & remap == 0 else { throw .invalidArgument }
            guard let gap = space.findGap(size) else { throw .noMemory }
            start = gap
        } else {
            if flags & round != 0 { start &= ~(pageSize - 1) }
            guard start & (pageSize - 1) == 0, start >= AddressSpace.lowest, start < AddressSpace.top,
                size <= AddressSpace.top - start
            else { throw .invalidArgument }
            if flags & remap != 0 { space.unmap(from: start, to: start + size) }
            guard space.isFree(start, start + size) else { throw .invalidArgument }
        }
        var access: Access = flags & readOnly != 0 ? [.read] : [.read, .write]
        if flags & execute != 0 { access.insert(.execute) }
        space.insert(
            MemoryArea(
                start: start, end: start + size, access: access, isShared: true, growsDown: false,
                backing: .file(segment.pages, offset: 0)))
        segment.attachTime = Clock.realtime
        segment.lastProcess = process.id
        return Int(start)
    }

    /// shmdt(2): the attachment that begins at the address, whatever mprotect and munmap left of it.
    static func detach(_ arguments: SystemCallArguments, _ process: Process) throws(Errno) -> Int {
        let space = process.space
        guard let first = space.area(at: arguments.a), first.start == arguments.a,
            case .file(let pages, offset: 0) = first.backing, pages.isSegment
        else { throw .invalidArgument }
        for area in space.areas where area.start >= arguments.a {
            if case .file(let inode, let offset) = area.backing, inode === pages,
                area.start &- offset == arguments.a  // mremap may have moved a part anywhere
            {
                space.unmap(from: area.start, to: area.end)
            }
        }
        if let segment = table.first(where: { $0.pages === pages }) {
            segment.detachTime = Clock.realtime
            segment.lastProcess = process.id
        }
        return 0
    }

    /// shmctl(2).
    static func control(_ arguments: SystemCallArguments, _ process: Process) throws(Errno) -> Int {
        let (statusAt, information, statusAny): (UInt64, UInt64, UInt64) = (13, 14, 15)
        switch arguments.b {
        case IPCCommand.information: return try storeLimits(at: arguments.c, process.space)
        case information: return try storeUse(at: arguments.c, process.space)
        case statusAt, statusAny:
            let segment = try table.object(atIndex: arguments.a)
            if arguments.b == statusAt { try segment.require(4, process.credentials) }
            try segment.storeStatus(at: arguments.c, process.space)
            return Int(segment.id)
        default: break
        }
        let segment = try table.object(arguments.a)
        switch arguments.b {
        case IPCCommand.status:
            try segment.require(4, process.credentials)
            try segment.storeStatus(at: arguments.c, process.space)
        case IPCCommand.set:
            try segment.requireOwner(process.credentials)
            try segment.changePermissions(at: arguments.c, process.space)
        case IPCCommand.remove:
            try segment.requireOwner(process.credentials)
            table.remove(segment)
        case 11, 12: try segment.requireOwner(process.credentials)  // SHM_LOCK, SHM_UNLOCK: nothing is swapped out
        default: throw .invalidArgument
        }
        return 0
    }

    /// `struct shmid64_ds`.
    private func storeStatus(at address: UInt64, _ space: AddressSpace) throws(Errno) {
        var record = UserRecord(bytes: 112)
        setPermissions(in: &record)
        record.set(48, bytes)
        record.set(56, attachTime / 1_000_000_000)
        record.set(64, detachTime / 1_000_000_000)
        record.set(72, changeTime / 1_000_000_000)
        record.set(80, creatorProcess)
        record.set(84, lastProcess)
        record.set(88, attachments)
        try record.store(at: address, in: space)
    }

    /// `struct shminfo64`: most and fewest bytes of a segment, segments, segments a process, pages in all.
    private static func storeLimits(at address: UInt64, _ space: AddressSpace) throws(Errno) -> Int {
        var record = UserRecord(bytes: 72)
        record.set(0, UInt64(Frames.total) * pageSize)
        record.set(8, UInt64(1))
        record.set(16, UInt64(table.limit))
        record.set(24, UInt64(table.limit))
        record.set(32, UInt64(Frames.total))
        try record.store(at: address, in: space)
        return table.highestIndex
    }

    /// `struct shm_info`: segments; pages of theirs in all, in memory and swapped.
    private static func storeUse(at address: UInt64, _ space: AddressSpace) throws(Errno) -> Int {
        var record = UserRecord(bytes: 48)
        record.set(0, Int32(table.count))
        var pages: UInt64 = 0
        table.forEach { pages += ($0.bytes + pageSize - 1) / pageSize }
        record.set(8, pages)
        record.set(16, pages)
        try record.store(at: address, in: space)
        return table.highestIndex
    }
}
