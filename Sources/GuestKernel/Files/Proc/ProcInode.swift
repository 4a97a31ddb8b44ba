/// An inode of /proc. Made anew at each look-up where it is about a process, so two look-ups give two objects
/// with one number.
class ProcInode: Inode {
    final let number: UInt64
    final let owner: Ownership
    private let system: Superblock

    init(_ system: Superblock, number: UInt64, _ type: FileType, _ owner: Ownership) {
        self.system = system
        self.number = number
        self.owner = owner
        super.init(type: type)
    }

    override final var superblock: Superblock? { system }

    /// st_nlink.
    func countLinks() throws(Errno) -> UInt64 { 1 }
    override final var ownership: Ownership { owner }

    override final func status() throws(Errno) -> FileStatus {
        let now = Clock.realtime
        return FileStatus(
            device: system.device, inode: number, type: type, permissions: owner.permissions,
            links: try countLinks(), user: owner.user, group: owner.group, accessTime: now,
            modificationTime: now, changeTime: now)
    }
}

/// A directory of /proc. Abstract: subclasses say what is in it.
class ProcDirectory: ProcInode {
    /// The names here, in order; those of processes and descriptors come from `forEachExtra`.
    var names: [StaticString] { [] }

    /// The inode with a name of `names`, or an extra one.
    func make(_ name: ArraySlice<UInt8>) throws(Errno) -> ProcInode? { nil }

    /// Calls `body` for names that are numbers, not below `first`, in rising order, until it returns false.
    func forEachNumber(from first: UInt64, _ body: (UInt64) -> Bool) {}

    /// How many of the names that are numbers are directories.
    var numberedDirectories: UInt64 { 0 }

    /// Its name, its `.` and the `..` of each directory in it: programs count threads by it.
    override final func countLinks() throws(Errno) -> UInt64 {
        var count = 2 + numberedDirectories
        for name in names {
            if let inode = try make(Text.bytes(name)[...]), inode.isDirectory { count += 1 }
        }
        return count
    }

    override final func find(_ name: ArraySlice<UInt8>) throws(Errno) -> Inode? {
        guard let inode = try make(name) else { return nil }
        inode.parent = self
        inode.name = Array(name)
        return inode
    }

    /// Positions: index + 1 of a fixed name, then 2^32 + a number.
    override final func forEachEntry(from position: UInt64, _ body: (DirectoryEntry) -> Bool) throws(Errno) {
        let numbersStart: UInt64 = 1 << 32
        let names = names
        var i = position
        while i < UInt64(names.count) {
            let name = Text.bytes(names[Int(i)])
            i += 1
            guard let inode = try make(name[...]) else { continue }
            if !body(DirectoryEntry(name: name, inode: inode.number, type: inode.type, next: i)) { return }
        }
        var failure: Errno?
        forEachNumber(from: position > numbersStart ? position - numbersStart : 0) { value in
            var name = Text()
            name.add(value)
            do throws(Errno) {
                guard let inode = try make(name.bytes[...]) else { return true }
                return body(
                    DirectoryEntry(
                        name: name.bytes, inode: inode.number, type: inode.type,
                        next: numbersStart + value + 1))
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
    }
}

/// A directory of /proc whose contents never change.
final class ProcFixedDirectory: ProcDirectory {
    private let entries: [(name: StaticString, inode: ProcInode)]

    init(_ system: Superblock, number: UInt64, _ entries: [(name: StaticString, inode: ProcInode)]) {
        self.entries = entries
        super.init(system, number: number, .directory, Ownership(permissions: 0o555, user: 0, group: 0))
    }

    override var names: [StaticString] { entries.map { $0.name } }

    override func make(_ name: ArraySlice<UInt8>) throws(Errno) -> ProcInode? {
        entries.first { name.equals($0.name) }?.inode
    }
}

/// A file of /proc: text that is made when it is opened.
final class ProcText: ProcInode {
    private let make: () throws(Errno) -> [UInt8]
    private let change: ((ArraySlice<UInt8>) throws(Errno) -> Void)?

    /// - Parameter change: what a write does; nil: it cannot be written.
    init(
        _ system: Superblock, number: UInt64, _ owner: Ownership,
        change: ((ArraySlice<UInt8>) throws(Errno) -> Void)? = nil,
        _ make: @escaping () throws(Errno) -> [UInt8]
    ) {
        self.make = make
        self.change = change
        super.init(system, number: number, .regular, owner)
    }

    override func truncate(to size: UInt64) throws(Errno) {}

    override func open(flags: UInt32) throws(Errno) -> File {
        if flags & OpenFlags.accessMode != 0 && change == nil { throw .accessDenied }
        return ProcTextFile(self, try make(), flags: flags)
    }

    fileprivate func write(_ text: ArraySlice<UInt8>) throws(Errno) {
        guard let change else { throw .accessDenied }
        try change(text)
    }
}

/// An open file of /proc.
final class ProcTextFile: File {
    private let node: ProcText
    private let text: [UInt8]

    init(_ node: ProcText, _ text: [UInt8], flags: UInt32) {
        self.node = node
        self.text = text
        super.init(flags: flags)
    }

    override var inode: Inode? { node }
    override var isSeekable: Bool { true }

    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        let start = offset ?? position
        guard start < UInt64(text.count) else { return 0 }
        var count = 0
        var failure: Errno?
        text.withUnsafeBytes { bytes in
            do throws(Errno) {
                count = try buffer.put(UnsafeRawBufferPointer(rebasing: bytes[Int(start)...]))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        if offset == nil { position = start + UInt64(count) }
        return count
    }

    override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        guard buffer.remaining <= Int(pageSize) else { throw .invalidArgument }
        var bytes = [UInt8](repeating: 0, count: buffer.remaining)
        var count = 0
        var failure: Errno?
        bytes.withUnsafeMutableBytes { target in
            do throws(Errno) { count = try buffer.take(into: target) } catch { failure = error }
        }
        if let failure { throw failure }
        var text = bytes[0..<count]
        while text.last == UInt8(ascii: "\n") { text.removeLast() }
        try node.write(text)
        return count
    }

    override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> UInt64 {
        try moved(offset, whence: whence, end: UInt64(text.count))
    }
}

/// A link of /proc. Its text is for readlink(2); where it leads when it is followed may be another matter.
final class ProcLink: ProcInode {
    private let text: (FileSystemContext) throws(Errno) -> [UInt8]
    private let target: (() throws(Errno) -> LinkTarget)?

    /// - Parameter target: nil: it leads where its text says.
    init(
        _ system: Superblock, number: UInt64, _ owner: Ownership,
        target: (() throws(Errno) -> LinkTarget)? = nil,
        _ text: @escaping (FileSystemContext) throws(Errno) -> [UInt8]
    ) {
        self.text = text
        self.target = target
        super.init(system, number: number, .symbolicLink, owner)
    }

    override func linkText(for context: FileSystemContext) throws(Errno) -> [UInt8] { try text(context) }

    override func linkTarget() throws(Errno) -> LinkTarget {
        if let target { return try target() }
        return .path(try text(Scheduler.current.process.directories))
    }
}

/// How /proc names an inode: its path, with a remark if it has no name any more.
func pathText(_ inode: Inode, _ context: FileSystemContext) -> [UInt8] {
    var text = Text()
    if inode.parent == nil, inode !== context.root {
        // A file without a name: memfd_create(2), O_TMPFILE.
        text.add("/")
        text.add(inode.name)
    } else {
        text.add(path(of: inode, from: context.root) ?? Text.bytes("/"))
    }
    if inode.isUnlinked { text.add(" (deleted)") }
    return text.bytes
}
