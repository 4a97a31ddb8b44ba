/// /proc/PID, and /proc/PID/task/TID.
final class ProcProcess: ProcDirectory {
    private let system: Superblock
    private let process: Process
    /// nil: the process as a whole.
    private let thread: Thread?
    /// Also of /proc/TID, which shows the thread and, in `task`, all the others of its process.
    private let hasTasks: Bool

    init(_ system: Superblock, _ process: Process, thread: Thread? = nil, hasTasks: Bool = false) {
        self.system = system
        self.process = process
        self.thread = thread
        self.hasTasks = hasTasks || thread == nil
        super.init(
            system, number: Self.number(thread?.id ?? process.id, thread == nil ? 1 : 2), .directory,
            Ownership(
                permissions: 0o555, user: process.credentials.effectiveUser,
                group: process.credentials.effectiveGroup))
    }

    override var processOfDirectory: Process? { thread == nil ? process : nil }

    /// Numbers of one process's inodes: 2^24 of them, the descriptors' from 2^16 on.
    static func number(_ id: Int32, _ index: UInt64) -> UInt64 { UInt64(id.magnitude) << 24 | index }

    /// What is there, in the order it is listed.
    private enum Entry: Int, CaseIterable {
        case auxv, cgroup, cmdline, comm, coredump_filter, cpuset, environ, gid_map, io, limits, loginuid,
            maps
        case mem, mountinfo, mounts, mountstats, oom_score, oom_score_adj, pagemap, personality, projid_map
        case schedstat, sessionid, setgroups, smaps, smaps_rollup, stat, statm, status, syscall, timerslack_ns
        case uid_map, wchan
        case cwd, exe, root, children, fd, fdinfo, net, ns, task

        var name: StaticString {
            switch self {
            case .auxv: "auxv"
            case .cgroup: "cgroup"
            case .cmdline: "cmdline"
            case .comm: "comm"
            case .coredump_filter: "coredump_filter"
            case .cpuset: "cpuset"
            case .environ: "environ"
            case .gid_map: "gid_map"
            case .io: "io"
            case .limits: "limits"
            case .loginuid: "loginuid"
            case .maps: "maps"
            case .mem: "mem"
            case .mountinfo: "mountinfo"
            case .mounts: "mounts"
            case .mountstats: "mountstats"
            case .oom_score: "oom_score"
            case .oom_score_adj: "oom_score_adj"
            case .pagemap: "pagemap"
            case .personality: "personality"
            case .projid_map: "projid_map"
            case .schedstat: "schedstat"
            case .sessionid: "sessionid"
            case .setgroups: "setgroups"
            case .smaps: "smaps"
            case .smaps_rollup: "smaps_rollup"
            case .stat: "stat"
            case .statm: "statm"
            case .status: "status"
            case .syscall: "syscall"
            case .timerslack_ns: "timerslack_ns"
            case .uid_map: "uid_map"
            case .wchan: "wchan"
            case .cwd: "cwd"
            case .exe: "exe"
            case .root: "root"
            case .children: "children"
            case .fd: "fd"
            case .fdinfo: "fdinfo"
            case .net: "net"
            case .ns: "ns"
            case .task: "task"
            }
        }

        var permissions: UInt32 {
            switch self {
            case .auxv, .environ, .io, .pagemap, .personality, .syscall: 0o400
            case .mem: 0o600
            case .comm, .loginuid, .oom_score_adj, .setgroups, .uid_map, .gid_map, .projid_map: 0o644
            case .cwd, .exe, .root: 0o777
            default: 0o444
            }
        }
    }

    override var names: [StaticString] {
        Entry.allCases.filter { $0 != (hasTasks ? .children : .task) }.map { $0.name }
    }

    override func make(_ name: ArraySlice<UInt8>) throws(Errno) -> ProcInode? {
        guard let entry = Entry.allCases.first(where: { name.equals($0.name) }) else { return nil }
        let number = Self.number(thread?.id ?? process.id, UInt64(entry.rawValue) + 16)
        switch entry {
        case .children where hasTasks: return nil
        case .task: return hasTasks ? ProcTasks(system, process, number: number) : nil
        case .fd, .fdinfo:
            return ProcDescriptors(system, process, number: number, isInformation: entry == .fdinfo)
        case .cwd, .exe, .root: return makeLink(entry, number)
        case .net: return ProcNetwork.make(system)
        case .ns:
            let permissions = Ownership(permissions: 0o511, user: owner.user, group: owner.group)
            return ProcNamespaces(system, number: number, permissions)
        case .mem, .pagemap:
            return ProcMemory(system, process, number: number, ownership(entry), isMap: entry == .pagemap)
        default: return makeText(entry, number)
        }
    }

    private func ownership(_ entry: Entry) -> Ownership {
        Ownership(permissions: entry.permissions, user: owner.user, group: owner.group)
    }

    private func makeText(_ entry: Entry, _ number: UInt64) -> ProcInode {
        let text = ProcessText(process, thread)
        return ProcText(system, number: number, ownership(entry), change: change(entry)) {
            () throws(Errno) -> [UInt8] in Self.text(entry, text)
        }
    }

    /// The one user namespace: everybody is who they are.
    private static let identityMap: StaticString = "         0          0 4294967295\n"

    private static func text(_ entry: Entry, _ text: ProcessText) -> [UInt8] {
        switch entry {
        case .auxv: text.bytes(of: text.process.space.auxiliaryRange)
        case .cgroup: Text.bytes("0::/\n")
        case .cmdline: text.bytes(of: text.process.space.argumentRange)
        case .comm: text.name + [UInt8(ascii: "\n")]
        case .coredump_filter: Text.bytes("00000033\n")
        case .cpuset: Text.bytes("/\n")
        case .environ: text.bytes(of: text.process.space.environmentRange)
        case .gid_map, .projid_map: Text.bytes(identityMap)
        case .io: text.inputAndOutput()
        case .limits: text.limits()
        case .loginuid, .sessionid: Text.bytes("4294967295")
        case .maps: text.maps(isDetailed: false)
        case .mountinfo: MountText.information()
        case .mounts: MountText.table()
        case .mountstats: MountText.statistics()
        case .oom_score: Text.bytes("0\n")
        case .oom_score_adj: text.adjustment()
        case .personality: text.personality()
        case .schedstat: text.schedule()
        case .setgroups: Text.bytes("allow\n")
        case .smaps: text.maps(isDetailed: true)
        case .smaps_rollup: text.rollup()
        case .stat: text.statistics()
        case .statm: text.memory()
        case .status: text.status()
        case .syscall: Text.bytes("running\n")
        case .children: text.children()
        case .wchan: Text.bytes("0")
        case .timerslack_ns: text.timerSlack()
        case .uid_map: Text.bytes(identityMap)
        case .cwd, .exe, .root, .fd, .fdinfo, .mem, .net, .ns, .pagemap, .task: []
        }
    }

    /// What a write does; nil: it cannot be written.
    private func change(_ entry: Entry) -> ((ArraySlice<UInt8>) throws(Errno) -> Void)? {
        let process = process
        switch entry {
        case .comm:
            guard let thread = thread ?? process.threads.first else { return nil }
            return { (name) throws(Errno) in thread.name = Array(name.prefix(15)) }
        case .oom_score_adj:
            return { (value) throws(Errno) in
                let isNegative = value.first == UInt8(ascii: "-")
                guard let size = (isNegative ? value.dropFirst() : value).decimal, size <= 1000 else {
                    throw .invalidArgument
                }
                process.outOfMemoryAdjustment = isNegative ? -Int64(size) : Int64(size)
            }
        // There are no user namespaces, and nobody's login is recorded.
        case .loginuid, .setgroups, .uid_map, .gid_map, .projid_map:
            return { (_) throws(Errno) in throw .notPermitted }
        default: return nil
        }
    }

    private func makeLink(_ entry: Entry, _ number: UInt64) -> ProcInode {
        let process = process
        if entry == .exe {
            // The file itself, whatever its path says now.
            func running() throws(Errno) -> Inode {
                guard let file = process.executable else { throw .noSuchFile }
                return file.inode
            }
            return ProcLink(
                system, number: number, ownership(entry),
                target: { () throws(Errno) -> LinkTarget in .inode(try running()) }
            ) { (context) throws(Errno) -> [UInt8] in pathText(try running(), context) }
        }
        func target() -> Inode {
            entry == .cwd ? process.directories.workingDirectory : process.directories.root
        }
        return ProcLink(
            system, number: number, ownership(entry),
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

    override var numberedDirectories: UInt64 { UInt64(process.threads.count) }

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
