/// /proc/PID, and /proc/PID/task/TID.
final class ProcProcess: ProcDirectory {
    private let system: Superblock
    private let process: Process
    /// nil: the process as a whole.
    private let thread: Thread?

    init(_ system: Superblock, _ process: Process, thread: Thread? = nil) {
        self.system = system
        self.process = process
        self.thread = thread
        super.init(
            system, number: Self.number(thread?.id ?? process.id, thread == nil ? 1 : 2), .directory,
            Ownership(
                permissions: 0o555, user: process.credentials.effectiveUser,
                group: process.credentials.effectiveGroup))
    }

    /// Numbers of one process's inodes: 2^24 of them, the descriptors' from 2^16 on.
    static func number(_ id: Int32, _ index: UInt64) -> UInt64 { UInt64(id.magnitude) << 24 | index }

    private static let allNames: [StaticString] = [
        "cmdline", "comm", "environ", "limits", "maps", "mountinfo", "mounts", "oom_score", "oom_score_adj",
        "stat", "statm", "status", "cgroup", "cwd", "exe", "root", "fd", "fdinfo", "task",
    ]

    override var names: [StaticString] { thread == nil ? Self.allNames : Self.allNames.dropLast() }

    override func make(_ name: ArraySlice<UInt8>) throws(Errno) -> ProcInode? {
        guard let i = names.firstIndex(where: { name.equals($0) }) else { return nil }
        let number = Self.number(thread?.id ?? process.id, UInt64(i) + 16)
        if i < 13 { return makeText(i, number) }
        switch i {
        case 13, 14, 15: return makeLink(i, number)
        case 16, 17: return ProcDescriptors(system, process, number: number, isInformation: i == 17)
        default: return ProcTasks(system, process, number: number)
        }
    }

    private func ownership(_ permissions: UInt32) -> Ownership {
        Ownership(permissions: permissions, user: owner.user, group: owner.group)
    }

    private func makeText(_ index: Int, _ number: UInt64) -> ProcInode {
        let process = process
        let text = ProcessText(process, thread)
        let isPrivate = index == 2 || index == 4  // environ, maps
        var change: ((ArraySlice<UInt8>) throws(Errno) -> Void)?
        if index == 1 {
            change = { (name) throws(Errno) in process.name = Array(name.prefix(15)) }
        } else if index == 8 {
            change = { (value) throws(Errno) in
                let isNegative = value.first == UInt8(ascii: "-")
                guard let size = (isNegative ? value.dropFirst() : value).decimal, size <= 1000 else {
                    throw .invalidArgument
                }
                process.outOfMemoryAdjustment = isNegative ? -Int64(size) : Int64(size)
            }
        }
        let permissions: UInt32 = isPrivate ? 0o400 : change == nil ? 0o444 : 0o644
        return ProcText(system, number: number, ownership(permissions), change: change) {
            () throws(Errno) -> [UInt8] in
            switch index {
            case 0: return text.bytes(of: process.space.argumentRange)
            case 1: return process.name + [UInt8(ascii: "\n")]
            case 2: return text.bytes(of: process.space.environmentRange)
            case 3: return text.limits()
            case 4: return text.maps()
            case 5: return text.mountInformation()
            case 6: return text.mounts()
            case 7: return Text.bytes("0\n")
            case 8: return text.adjustment()
            case 9: return text.statistics()
            case 10: return text.memory()
            case 11: return text.status()
            default: return Text.bytes("0::/\n")
            }
        }
    }

    private func makeLink(_ index: Int, _ number: UInt64) -> ProcInode {
        let process = process
        if index == 14 {
            return ProcLink(system, number: number, ownership(0o777)) { (_) throws(Errno) -> [UInt8] in
                if process.executable.isEmpty { throw .noSuchFile }
                return process.executable
            }
        }
        func target() -> Inode {
            index == 13 ? process.directories.workingDirectory : process.directories.root
        }
        return ProcLink(
            system, number: number, ownership(0o777),
            target: { () throws(Errno) -> LinkTarget in .inode(target()) }
        ) { (context) throws(Errno) -> [UInt8] in pathText(target(), context) }
    }
}

/// /proc/PID/task.
final class ProcTasks: ProcDirectory {
    private let system: Superblock
    private let process: Process

    init(_ system: Superblock, _ process: Process, number: UInt64) {
        self.system = system
        self.process = process
        super.init(system, number: number, .directory, Ownership(permissions: 0o555, user: 0, group: 0))
    }

    override func make(_ name: ArraySlice<UInt8>) throws(Errno) -> ProcInode? {
        guard let id = name.decimal,
            let thread = process.threads.first(where: { UInt64($0.id.magnitude) == id })
        else { return nil }
        return ProcProcess(system, process, thread: thread)
    }

    override func forEachNumber(from first: UInt64, _ body: (UInt64) -> Bool) {
        for id in process.threads.map({ UInt64($0.id.magnitude) }).sorted() where id >= first {
            if !body(id) { return }
        }
    }
}

/// /proc/PID/fd: a link for each descriptor; /proc/PID/fdinfo: a text for each.
final class ProcDescriptors: ProcDirectory {
    private let system: Superblock
    private let process: Process
    private let isInformation: Bool

    init(_ system: Superblock, _ process: Process, number: UInt64, isInformation: Bool) {
        self.system = system
        self.process = process
        self.isInformation = isInformation
        super.init(
            system, number: number, .directory,
            Ownership(
                permissions: isInformation ? 0o555 : 0o500, user: process.credentials.effectiveUser,
                group: process.credentials.effectiveGroup))
    }

    override func make(_ name: ArraySlice<UInt8>) throws(Errno) -> ProcInode? {
        guard let number = name.decimal, number <= UInt64(Int32.max),
            let file = try? process.files.file(Int32(number))
        else { return nil }
        let inodeNumber = ProcProcess.number(process.id, (isInformation ? 1 << 23 : 1 << 16) + number)
        if isInformation {
            let owner = Ownership(permissions: 0o444, user: owner.user, group: owner.group)
            return ProcText(system, number: inodeNumber, owner) { () throws(Errno) -> [UInt8] in
                var text = Text("pos:\t")
                text.add(file.position)
                text.add("\nflags:\t0")
                text.add(octal: UInt64(file.flags))
                text.add("\nmnt_id:\t1\n")
                return text.bytes
            }
        }
        let permissions: UInt32 = (file.isReadable ? 0o500 : 0) | (file.isWritable ? 0o300 : 0)
        return ProcLink(
            system, number: inodeNumber,
            Ownership(permissions: permissions, user: owner.user, group: owner.group),
            target: { () throws(Errno) -> LinkTarget in
                if let inode = file.inode { return .inode(inode) }
                return .file(file)
            },
            { (context) throws(Errno) -> [UInt8] in
                guard let inode = file.inode, inode.superblock != nil else { return file.describe() }
                return pathText(inode, context)
            })
    }

    override func forEachNumber(from first: UInt64, _ body: (UInt64) -> Bool) {
        var i = Int(min(first, 1 << 30))
        while i < process.files.entries.count {
            if process.files.entries[i] != nil, !body(UInt64(i)) { return }
            i += 1
        }
    }
}
