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
    private lazy var systemVDirectory = ProcSystemV.make(system)

    init(_ system: Superblock) {
        self.system = system
        super.init(system, number: 1, .directory, Ownership(permissions: 0o555, user: 0, group: 0))
    }

    private typealias Maker = @Sendable () -> [UInt8]

    /// The files whose text tells of the whole system.
    private static let texts: [(name: StaticString, make: Maker)] = [
        ("cmdline", { Text.bytes("\n") }), ("cpuinfo", ProcProcessor.text), ("devices", ProcSystem.devices),
        ("cgroups", ProcSystem.controllers), ("consoles", { [] }), ("diskstats", { [] }),
        ("filesystems", ProcSystem.fileSystems), ("interrupts", ProcSystem.interrupts),
        ("loadavg", ProcSystem.load), ("locks", { [] }), ("meminfo", ProcSystem.memory),
        ("modules", { [] }), ("softirqs", ProcSystem.softInterrupts),
        ("partitions", { Text.bytes("major minor  #blocks  name\n\n") }), ("stat", ProcSystem.statistics),
        ("swaps", ProcSystem.swaps), ("uptime", ProcSystem.uptime), ("version", ProcSystem.version),
        ("vmstat", ProcSystem.virtualMemory),
    ]
    private static let fixedNames: [StaticString] = [
        "self", "thread-self", "sys", "mounts", "net", "sysvipc",
    ]

    override var numberedDirectories: UInt64 { UInt64(Processes.all.count) }

    override var names: [StaticString] { Self.fixedNames + Self.texts.map { $0.name } }

    override func make(_ name: ArraySlice<UInt8>) throws(Errno) -> ProcInode? {
        if let id = name.decimal, id <= UInt64(Int32.max) {
            // BOUNDED: by Int32.max, just before.
            if let process = Processes.find(Int32(id)) { return ProcProcess(system, process) }
            // A thread's number opens too, though no list of names has it.
            for process in Processes.all {
                if let thread = process.threads.first(where: { UInt64($0.id.magnitude) == id }) {
                    return ProcProcess(system, process, thread: thread, hasTasks: true)
                }
            }
            return nil
        }
        let linkOwner = Ownership(permissions: 0o777, user: 0, group: 0)
        switch Self.fixedNames.firstIndex(where: { name.equals($0) }) {
        case 0: return ProcLink(system, number: 2, linkOwner) { _ in Self.current(withThread: false) }
        case 1: return ProcLink(system, number: 3, linkOwner) { _ in Self.current(withThread: true) }
        case 2: return sysDirectory
        case 3: return ProcLink(system, number: 5, linkOwner) { _ in Text.bytes("self/mounts") }
        case 4: return ProcLink(system, number: 4, linkOwner) { _ in Text.bytes("self/net") }
        case 5: return systemVDirectory
        default: break
        }
        guard let i = Self.texts.firstIndex(where: { name.equals($0.name) }) else { return nil }
        let text = Self.texts[i].make
        let everybody = Ownership(permissions: 0o444, user: 0, group: 0)
        return ProcText(system, number: 6 + UInt64(i), everybody) { () throws(Errno) -> [UInt8] in text() }
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
