/// /sys/fs/cgroup (cgroups(7), version 2) as a container sees it: one group, the job, with the limits of its
/// machine. Runtimes size their heaps and thread pools by it.
enum ControlGroup {
    static func make() -> Superblock {
        let superblock = Superblock(device: 22, magic: 0x6367_7270, typeName: "cgroup2")
        superblock.root = ControlGroupRoot(superblock)
        return superblock
    }
}

/// The job's group. Nothing in it can be changed.
final class ControlGroupRoot: ProcDirectory {
    private let system: Superblock
    private lazy var top = makeTop()

    init(_ system: Superblock) {
        self.system = system
        super.init(system, number: 1, .directory, Ownership(permissions: 0o555, user: 0, group: 0))
    }

    override var names: [StaticString] { top.names }

    override func make(_ name: ArraySlice<UInt8>) throws(Errno) -> ProcInode? { try top.make(name) }

    private static var memoryUsed: UInt64 { (Frames.total - Frames.available) * pageSize }

    private func makeTop() -> ProcDirectory {
        var tree = ProcTree(system, from: 2)
        let none: StaticString = "max\n"
        return ProcFixedDirectory(
            system, number: 1,
            [
                ("cgroup.controllers", tree.text("cpu memory pids\n")),
                ("cgroup.events", tree.text("populated 1\nfrozen 0\n")), ("cgroup.freeze", tree.number(0)),
                ("cgroup.max.depth", tree.text(none)), ("cgroup.max.descendants", tree.text(none)),
                ("cgroup.procs", tree.text { Self.processes() }),
                ("cgroup.stat", tree.text("nr_descendants 0\nnr_dying_descendants 0\n")),
                ("cgroup.subtree_control", tree.text("")), ("cgroup.threads", tree.text { Self.threads() }),
                ("cgroup.type", tree.text("domain\n")), ("cpu.max", tree.text("max 100000\n")),
                ("cpu.stat", tree.text { Self.processorUse() }), ("cpu.weight", tree.number(100)),
                ("memory.current", tree.number { Self.memoryUsed }),
                ("memory.events", tree.text("low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n")),
                ("memory.high", tree.text(none)), ("memory.low", tree.number(0)),
                ("memory.max", tree.number { Frames.total * pageSize }), ("memory.min", tree.number(0)),
                ("memory.stat", tree.text { Self.memoryUse() }), ("memory.swap.current", tree.number(0)),
                ("memory.swap.max", tree.number(0)),
                ("pids.current", tree.number { Processes.all.reduce(0) { $0 + UInt64($1.threads.count) } }),
                ("pids.max", tree.text(none)),
            ])
    }

    private static func processes() -> [UInt8] {
        var text = Text()
        for process in Processes.all where process.id > 0 {
            text.add(UInt64(process.id.magnitude))
            text.add("\n")
        }
        return text.bytes
    }

    private static func threads() -> [UInt8] {
        var text = Text()
        for process in Processes.all where process.id > 0 {
            for thread in process.threads {
                text.add(UInt64(thread.id.magnitude))
                text.add("\n")
            }
        }
        return text.bytes
    }

    private static func processorUse() -> [UInt8] {
        var sum = Usage()
        for process in Processes.all {
            sum.add(process.usage)
            sum.add(process.childUsage)
        }
        var text = Text("usage_usec ")
        text.add((sum.user &+ sum.system) / 1000)
        text.add("\nuser_usec ")
        text.add(sum.user / 1000)
        text.add("\nsystem_usec ")
        text.add(sum.system / 1000)
        text.add("\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n")
        return text.bytes
    }

    private static func memoryUse() -> [UInt8] {
        let files = FileSystem.mounts.reduce(UInt64(0)) { $0 + ($1.layer?.residentFrames ?? 0) } * pageSize
        var text = Text("anon ")
        text.add(memoryUsed - min(memoryUsed, files))
        text.add("\nfile ")
        text.add(files)
        text.add("\nkernel 0\nshmem ")
        text.add(files)
        text.add("\ninactive_anon 0\nactive_anon ")
        text.add(memoryUsed - min(memoryUsed, files))
        text.add("\ninactive_file 0\nactive_file ")
        text.add(files)
        text.add("\nunevictable 0\nslab_reclaimable 0\nslab_unreclaimable 0\n")
        return text.bytes
    }
}
