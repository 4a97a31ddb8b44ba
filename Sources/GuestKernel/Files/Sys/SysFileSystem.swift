/// /sys (sysfs(5)), as far as programs look: the processor, memory, the loopback interface. Made of the same
/// inodes as /proc.
enum SysFileSystem {
    /// - Returns: also the directory where the control groups are to be mounted.
    static func make() -> (superblock: Superblock, groupPlace: Inode) {
        let superblock = Superblock(device: 21, magic: 0x6265_6572, typeName: "sysfs")
        let root = SysRoot(superblock)
        superblock.root = root
        return (superblock, root.groupPlace)
    }
}

/// The top of /sys. What is below it is made when somebody first looks.
final class SysRoot: ProcDirectory {
    private let system: Superblock
    private lazy var top = makeTop()
    private let fileSystems: ProcFixedDirectory
    /// /sys/fs/cgroup: there from the beginning, because something is mounted on it.
    let groupPlace: ProcFixedDirectory

    init(_ system: Superblock) {
        self.system = system
        groupPlace = ProcFixedDirectory(system, number: 2, [])
        fileSystems = ProcFixedDirectory(system, number: 3, [("cgroup", groupPlace)])
        groupPlace.parent = fileSystems
        groupPlace.name = Text.bytes("cgroup")
        super.init(system, number: 1, .directory, Ownership(permissions: 0o555, user: 0, group: 0))
        fileSystems.parent = self
        fileSystems.name = Text.bytes("fs")
    }

    override var names: [StaticString] { top.names }

    override func make(_ name: ArraySlice<UInt8>) throws(Errno) -> ProcInode? { try top.make(name) }

    private func makeTop() -> ProcDirectory {
        var tree = ProcTree(system, from: 4)
        let none = { (tree: inout ProcTree) in tree.directory([]) }
        return ProcFixedDirectory(
            system, number: 1,
            [
                ("block", none(&tree)), ("bus", none(&tree)), ("class", classes(&tree)),
                ("dev", tree.directory([("block", none(&tree)), ("char", none(&tree))])),
                ("devices", devices(&tree)), ("firmware", none(&tree)),
                ("fs", fileSystems), ("kernel", kernel(&tree)),
                ("module", none(&tree)), ("power", tree.directory([("state", tree.text("\n"))])),
            ])
    }

    // MARK: devices

    private func devices(_ tree: inout ProcTree) -> ProcInode {
        let clock = tree.directory([
            ("available_clocksource", tree.text("tsc \n")), ("current_clocksource", tree.text("tsc\n")),
        ])
        return tree.directory([
            (
                "system",
                tree.directory([
                    ("clocksource", tree.directory([("clocksource0", clock)])), ("cpu", processors(&tree)),
                    ("node", nodes(&tree)),
                ])
            ),
            (
                "virtual",
                tree.directory([("net", tree.directory([("lo", loopback(&tree))]))])
            ),
        ])
    }

    private func processors(_ tree: inout ProcTree) -> ProcInode {
        tree.directory([
            (
                "cpu0",
                tree.directory([
                    ("cache", caches(&tree)), ("topology", topology(&tree)),
                ])
            ),
            ("isolated", tree.text("\n")), ("kernel_max", tree.number(0)), ("offline", tree.text("\n")),
            ("online", tree.text("0\n")), ("possible", tree.text("0\n")), ("present", tree.text("0\n")),
            ("smt", tree.directory([("active", tree.number(0)), ("control", tree.text("notsupported\n"))])),
        ])
    }

    private func topology(_ tree: inout ProcTree) -> ProcInode {
        let masks: [StaticString] = [
            "core_cpus", "core_siblings", "die_cpus", "package_cpus", "thread_siblings",
        ]
        let lists: [StaticString] = [
            "core_cpus_list", "core_siblings_list", "die_cpus_list", "package_cpus_list",
            "thread_siblings_list",
        ]
        var entries: [ProcTree.Entry] = []
        for name: StaticString in ["core_id", "die_id", "physical_package_id"] {
            entries.append((name, tree.number(0)))
        }
        for name in masks { entries.append((name, tree.text("1\n"))) }
        for name in lists { entries.append((name, tree.text("0\n"))) }
        return tree.directory(entries)
    }

    private func caches(_ tree: inout ProcTree) -> ProcInode {
        let names: [StaticString] = [
            "index0", "index1", "index2", "index3", "index4", "index5", "index6", "index7",
        ]
        var entries: [ProcTree.Entry] = []
        for (name, cache) in zip(names, ProcessorCache.all) {
            let kind: StaticString =
                switch cache.kind {
                case .data: "Data\n"
                case .instruction: "Instruction\n"
                case .unified: "Unified\n"
                }
            let size = tree.text {
                var text = Text()
                text.add(cache.bytes / 1024)
                text.add("K\n")
                return text.bytes
            }
            entries.append(
                (
                    name,
                    tree.directory([
                        ("coherency_line_size", tree.number(cache.lineBytes)), ("id", tree.number(0)),
                        ("level", tree.number(cache.level)), ("number_of_sets", tree.number(cache.sets)),
                        ("physical_line_partition", tree.number(cache.partitions)),
                        ("shared_cpu_list", tree.text("0\n")), ("shared_cpu_map", tree.text("1\n")),
                        ("size", size), ("type", tree.text(kind)),
                        ("ways_of_associativity", tree.number(cache.ways)),
                    ])
                ))
        }
        return tree.directory(entries)
    }

    private func nodes(_ tree: inout ProcTree) -> ProcInode {
        let counters: StaticString =
            "numa_hit 0\nnuma_miss 0\nnuma_foreign 0\ninterleave_hit 0\nlocal_node 0\nother_node 0\n"
        let node = tree.directory([
            ("cpulist", tree.text("0\n")), ("cpumap", tree.text("1\n")), ("distance", tree.text("10\n")),
            ("meminfo", tree.text { Self.nodeMemory() }),
            ("numastat", tree.text(counters)),
        ])
        var entries: [ProcTree.Entry] = []
        for name: StaticString in ["has_cpu", "has_memory", "has_normal_memory"] {
            entries.append((name, tree.text("0\n")))
        }
        entries.append(("node0", node))
        for name: StaticString in ["online", "possible"] { entries.append((name, tree.text("0\n"))) }
        return tree.directory(entries)
    }

    private static func nodeMemory() -> [UInt8] {
        let total = Frames.total * 4
        let free = Frames.available * 4
        let rows: [(name: StaticString, value: UInt64)] = [
            ("MemTotal:", total), ("MemFree:", free), ("MemUsed:", total - free),
        ]
        var text = Text()
        for row in rows {
            text.add("Node 0 ")
            text.add(row.name)
            text.add(row.value, width: 24 - row.name.utf8CodeUnitCount)
            text.add(" kB\n")
        }
        return text.bytes
    }

    // MARK: class, kernel

    private func classes(_ tree: inout ProcTree) -> ProcInode {
        tree.directory([
            ("block", tree.directory([])),
            ("net", tree.directory([("lo", tree.link("../../devices/virtual/net/lo"))])),
            ("tty", tree.directory([])),
        ])
    }

    private func loopback(_ tree: inout ProcTree) -> ProcInode {
        var counters: [ProcTree.Entry] = []
        for name: StaticString in [
            "rx_bytes", "rx_dropped", "rx_errors", "rx_packets", "tx_bytes", "tx_dropped", "tx_errors",
            "tx_packets",
        ] { counters.append((name, tree.number(0))) }
        return tree.directory([
            ("addr_len", tree.number(6)), ("address", tree.text("00:00:00:00:00:00\n")),
            ("broadcast", tree.text("00:00:00:00:00:00\n")), ("carrier", tree.number(1)),
            ("dev_id", tree.text("0x0\n")), ("flags", tree.text("0x9\n")), ("ifindex", tree.number(1)),
            ("iflink", tree.number(1)), ("mtu", tree.number(65536)), ("operstate", tree.text("unknown\n")),
            ("statistics", tree.directory(counters)), ("tx_queue_len", tree.number(1000)),
            ("type", tree.number(772)), ("uevent", tree.text("INTERFACE=lo\nIFINDEX=1\n")),
        ])
    }

    private func kernel(_ tree: inout ProcTree) -> ProcInode {
        let huge = tree.directory([
            ("defrag", tree.text("always defer defer+madvise madvise [never]\n")),
            ("enabled", tree.text("always madvise [never]\n")), ("hpage_pmd_size", tree.number(2 << 20)),
            ("shmem_enabled", tree.text("always within_size advise [never] deny force\n")),
            ("use_zero_page", tree.number(0)),
        ])
        let pool = tree.directory([
            ("free_hugepages", tree.number(0)), ("nr_hugepages", tree.number(0)),
            ("nr_overcommit_hugepages", tree.number(0)), ("resv_hugepages", tree.number(0)),
            ("surplus_hugepages", tree.number(0)),
        ])
        return tree.directory([
            (
                "mm",
                tree.directory([
                    ("hugepages", tree.directory([("hugepages-2048kB", pool)])), ("transparent_hugepage", huge),
                ])
            )
        ])
    }
}
