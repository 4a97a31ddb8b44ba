/// /proc (proc(5)), as far as programs look.
enum ProcFileSystem {
    static func make() -> Superblock {
        let superblock = Superblock(device: 20, magic: 0x9FA0, typeName: "proc")
        superblock.root = ProcRoot(superblock)
        return superblock
    }
}

/// The top of /proc: the system's files and a directory for each process.
final class ProcRoot: ProcDirectory {
    private let system: Superblock
    // Made when first asked for: most programs never look.
    private lazy var sysDirectory = ProcSysctl.make(system)

    init(_ system: Superblock) {
        self.system = system
        super.init(system, number: 1, .directory, Ownership(permissions: 0o555, user: 0, group: 0))
    }

    private static let allNames: [StaticString] = [
        "self", "thread-self", "sys", "mounts", "cmdline", "cpuinfo", "filesystems", "loadavg", "meminfo",
        "stat", "swaps", "uptime", "version",
    ]

    override var names: [StaticString] { Self.allNames }

    override func make(_ name: ArraySlice<UInt8>) throws(Errno) -> ProcInode? {
        if let id = name.decimal, id <= UInt64(Int32.max) {
            guard let process = Processes.find(Int32(id)) else { return nil }
            return ProcProcess(system, process)
        }
        guard let i = Self.allNames.firstIndex(where: { name.equals($0) }) else { return nil }
        let number = UInt64(2 + i)
        let everybody = Ownership(permissions: 0o444, user: 0, group: 0)
        let linkOwner = Ownership(permissions: 0o777, user: 0, group: 0)
        switch i {
        case 0: return ProcLink(system, number: number, linkOwner) { _ in Self.current(withThread: false) }
        case 1: return ProcLink(system, number: number, linkOwner) { _ in Self.current(withThread: true) }
        case 2: return sysDirectory
        case 3: return ProcLink(system, number: number, linkOwner) { _ in Text.bytes("self/mounts") }
        case 4:
            return ProcText(system, number: number, everybody) { () throws(Errno) -> [UInt8] in
                [UInt8(ascii: "\n")]
            }
        default:
            let texts = [
                ProcSystem.processor, ProcSystem.fileSystems, ProcSystem.load, ProcSystem.memory,
                ProcSystem.statistics, ProcSystem.swaps, ProcSystem.uptime, ProcSystem.version,
            ]
            let text = texts[i - 5]
            return ProcText(system, number: number, everybody) { () throws(Errno) -> [UInt8] in text() }
        }
    }

    private static func current(withThread: Bool) -> [UInt8] {
        let thread: Thread = Scheduler.current
        var text = Text()
        text.add(UInt64(thread.process.id.magnitude))
        if withThread {
            text.add("/task/")
            text.add(UInt64(thread.id.magnitude))
        }
        return text.bytes
    }

    override func forEachNumber(from first: UInt64, _ body: (UInt64) -> Bool) {
        // Numbers only grow, so the table is in order.
        for process in Processes.all where process.id > 0 && UInt64(process.id) >= first {
            if !body(UInt64(process.id)) { return }
        }
    }
}
