/// All pseudo-terminals, and the file system that shows them: devpts, at /dev/pts (pts(4)).
enum PseudoTerminals {
    /// As many as Linux allows by default, less what would be a burden on a small machine.
    static let maximum = 1024

    // SAFETY: see Frames. By number; nil where there is none.
    nonisolated(unsafe) private static var all: [Terminal?] = []

    /// Opening /dev/ptmx: a new pair, of which this is the master.
    static func open(_ node: Inode?, flags: UInt32, owner: Credentials) throws(Errno) -> TerminalMaster {
        let free = all.firstIndex { $0 == nil }
        guard let number = free ?? (all.count < Self.maximum ? all.count : nil) else { throw .noSpace }
        let terminal = Terminal(number: UInt64(number), owner: owner)
        if number == all.count { all.append(terminal) } else { all[number] = terminal }
        return TerminalMaster(terminal, node, flags: flags | OpenFlags.readWrite)
    }

    /// Opening /dev/tty: the controlling terminal of whoever asks.
    static func openControlling(_ node: Inode, flags: UInt32) throws(Errno) -> File {
        guard let terminal = Scheduler.current.process.terminal else { throw .noSuchDeviceOrAddress }
        if terminal.isHungUp { throw .ioError }
        return TerminalFile(terminal, node, flags: flags)
    }

    /// The terminal whose master is open, by number.
    static func find(_ number: UInt64) -> Terminal? {
        guard number < UInt64(all.count), let terminal = all[Int(number)], terminal.isMasterOpen else {
            return nil
        }
        return terminal
    }

    static func forgetIfUnused(_ terminal: Terminal) {
        if terminal.isMasterOpen || terminal.openCount > 0 { return }
        if Int(terminal.number) < all.count, all[Int(terminal.number)] === terminal {
            all[Int(terminal.number)] = nil
        }
    }

    /// The numbers in use, in order, not below `first`.
    fileprivate static func forEach(from first: UInt64, _ body: (Terminal) -> Bool) {
        var number = first
        while number < UInt64(all.count) {
            if let terminal = find(number), !body(terminal) { return }
            number += 1
        }
    }
}

/// devpts.
enum TerminalFileSystem {
    /// One for all time: the inodes of terminals say that they are its.
    // SAFETY: see Frames.
    nonisolated(unsafe) static let superblock: Superblock = {
        let superblock = Superblock(device: 21, magic: 0x1CD1, typeName: "devpts")
        superblock.root = TerminalDirectory(superblock)
        return superblock
    }()
}

/// /dev/pts.
final class TerminalDirectory: Inode {
    private let system: Superblock
    private let created = Clock.realtime
    private let master: TerminalMultiplexer

    init(_ system: Superblock) {
        self.system = system
        master = TerminalMultiplexer(system)
        super.init(type: .directory)
    }

    override var superblock: Superblock? { system }
    override var ownership: Ownership { Ownership(permissions: 0o755, user: 0, group: 0) }

    override func status() throws(Errno) -> FileStatus {
        FileStatus(
            device: system.device, inode: 1, type: .directory, permissions: 0o755, links: 2,
            accessTime: created,
            modificationTime: created, changeTime: created)
    }

    override func find(_ name: ArraySlice<UInt8>) throws(Errno) -> Inode? {
        if name.equals("ptmx") {
            place(master, name)
            return master
        }
        if name.count > 1 && name.first == UInt8(ascii: "0") { return nil }
        guard let number = name.decimal, let terminal = PseudoTerminals.find(number) else { return nil }
        place(terminal.inode, name)
        return terminal.inode
    }

    private func place(_ inode: Inode, _ name: ArraySlice<UInt8>) {
        inode.parent = self
        inode.name = Array(name)
    }

    override func forEachEntry(from position: UInt64, _ body: (DirectoryEntry) -> Bool) throws(Errno) {
        if position == 0,
            !body(DirectoryEntry(name: Text.bytes("ptmx"), inode: 2, type: .character, next: 1))
        {
            return
        }
        PseudoTerminals.forEach(from: max(position, 1) - 1) { terminal in
            var name = Text()
            name.add(terminal.number)
            return body(
                DirectoryEntry(
                    name: name.bytes, inode: terminal.number + 3, type: .character, next: terminal.number + 2)
            )
        }
    }
}

/// /dev/pts/ptmx.
final class TerminalMultiplexer: Inode {
    private let system: Superblock

    init(_ system: Superblock) {
        self.system = system
        super.init(type: .character)
    }

    override var superblock: Superblock? { system }
    override var ownership: Ownership { Ownership(permissions: 0o666, user: 0, group: 0) }

    override func status() throws(Errno) -> FileStatus {
        var status = FileStatus(device: system.device, inode: 2, type: .character, permissions: 0o666)
        status.specialDevice = deviceNumber(5, 2)
        return status
    }

    override func open(flags: UInt32) throws(Errno) -> File {
        try PseudoTerminals.open(self, flags: flags, owner: Scheduler.current.process.credentials)
    }
}

/// /dev/pts/N.
final class TerminalInode: Inode {
    private let number: UInt64
    private var owner: Ownership
    private let created = Clock.realtime
    /// The group `tty` of Debian, as its mount of devpts has it.
    private static let group: UInt32 = 5

    init(number: UInt64, owner: Credentials) {
        self.number = number
        self.owner = Ownership(permissions: 0o620, user: owner.effectiveUser, group: Self.group)
        super.init(type: .character)
    }

    static func device(_ number: UInt64) -> UInt64 { deviceNumber(136 + number / 256, number % 256) }

    override var superblock: Superblock? { TerminalFileSystem.superblock }
    override var ownership: Ownership { owner }

    override func status() throws(Errno) -> FileStatus {
        var status = FileStatus(
            device: TerminalFileSystem.superblock.device, inode: number + 3, type: .character,
            permissions: owner.permissions, user: owner.user, group: owner.group)
        status.specialDevice = Self.device(number)
        status.accessTime = created
        status.modificationTime = created
        status.changeTime = created
        return status
    }

    override func change(_ attributes: AttributeChange) throws(Errno) {
        if let permissions = attributes.permissions { owner.permissions = permissions & 0o7777 }
        if let user = attributes.user { owner.user = user }
        if let group = attributes.group { owner.group = group }
    }

    override func open(flags: UInt32) throws(Errno) -> File {
        guard let terminal = PseudoTerminals.find(number), terminal.inode === self else { throw .ioError }
        if terminal.isLocked { throw .ioError }
        let process = Scheduler.current.process
        if terminal.isExclusive && !process.credentials.has(.administer) { throw .busy }
        let file = TerminalFile(terminal, self, flags: flags)
        // A session leader without a terminal gets its first one by opening it (tty_ioctl(4), TIOCSCTTY).
        if flags & OpenFlags.noControllingTerminal == 0, file.isReadable, process.session == process.id,
            process.terminal == nil, terminal.session == 0
        {
            process.take(terminal)
        }
        return file
    }
}
