import GuestNucleus

/// /proc/sys: the few that programs read.
enum ProcSysctl {
    static func make(_ system: Superblock) -> ProcInode {
        var tree = ProcTree(system, from: 100)
        return tree.directory([
            ("fs", files(&tree)), ("kernel", kernel(&tree)), ("net", network(&tree)), ("vm", memory(&tree)),
        ])
    }

    private static func kernel(_ tree: inout ProcTree) -> ProcInode {
        let random = tree.directory([
            ("boot_id", tree.text { bootID }), ("entropy_avail", tree.number(256)),
            ("poolsize", tree.number(256)), ("uuid", tree.text { uuid() }),
        ])
        let keys = tree.directory([("maxbytes", tree.number(20000)), ("maxkeys", tree.number(200))])
        let host = tree.text(change: { (name) throws(Errno) in SystemName.host = Array(name.prefix(64)) }) {
            SystemName.host + [UInt8(ascii: "\n")]
        }
        return tree.directory([
            ("cap_last_cap", tree.number(40)), ("core_pattern", tree.text("core\n")),
            ("core_uses_pid", tree.number(0)), ("dmesg_restrict", tree.number(1)),
            ("domainname", tree.text("(none)\n")), ("hostname", host), ("keys", keys),
            ("kptr_restrict", tree.number(1)), ("msgmax", tree.number(8192)), ("msgmnb", tree.number(16384)),
            ("msgmni", tree.number(32000)), ("ngroups_max", tree.number(65536)),
            ("osrelease", tree.text { line(SystemName.release) }), ("ostype", tree.text("Linux\n")),
            ("overflowgid", tree.number(65534)), ("overflowuid", tree.number(65534)),
            ("panic", tree.number(0)), ("perf_event_paranoid", tree.number(3)),
            ("pid_max", tree.number(4_194_304)), ("random", random), ("randomize_va_space", tree.number(0)),
            ("sched_child_runs_first", tree.number(0)), ("sched_rt_period_us", tree.number(1_000_000)),
            ("sched_rt_runtime_us", tree.number(950_000)), ("sem", tree.text("32000\t1024000000\t500\t32000\n")),
            ("shmall", tree.number(18_446_744_073_692_774_399)),
            ("shmmax", tree.number(18_446_744_073_692_774_399)), ("shmmni", tree.number(4096)),
            ("tainted", tree.number(0)), ("threads-max", tree.number(4096)),
            ("unprivileged_bpf_disabled", tree.number(2)), ("version", tree.text { line(SystemName.version) }),
            ("yama", tree.directory([("ptrace_scope", tree.number(1))])),
        ])
    }

    private static func memory(_ tree: inout ProcTree) -> ProcInode {
        tree.directory([
            ("drop_caches", tree.text(change: { (_) throws(Errno) in }) { Text.bytes("0\n") }),
            ("max_map_count", tree.number(65530)), ("min_free_kbytes", tree.number(4096)),
            ("mmap_min_addr", tree.number(AddressSpace.lowest)), ("nr_hugepages", tree.number(0)),
            ("overcommit_memory", tree.number(0)), ("overcommit_ratio", tree.number(50)),
            ("overcommit_kbytes", tree.number(0)), ("panic_on_oom", tree.number(0)),
            ("swappiness", tree.number(60)), ("vfs_cache_pressure", tree.number(100)),
        ])
    }

    private static func files(_ tree: inout ProcTree) -> ProcInode {
        let watches = tree.directory([
            ("max_queued_events", tree.number(UInt64(Inotify.queuedMaximum))),
            ("max_user_instances", tree.number(UInt64(Inotify.instancesMaximum))),
            ("max_user_watches", tree.number(UInt64(Inotify.watchesMaximum))),
        ])
        let queues = tree.directory([
            ("msg_max", tree.number(10)), ("msgsize_max", tree.number(8192)), ("queues_max", tree.number(256)),
        ])
        return tree.directory([
            ("aio-max-nr", tree.number(65536)), ("aio-nr", tree.number(0)),
            ("epoll", tree.directory([("max_user_watches", tree.number(1 << 16))])),
            ("file-max", tree.number(1_048_576)), ("file-nr", tree.text { openFiles() }),
            ("inode-nr", tree.text { inodes(padding: false) }),
            ("inode-state", tree.text { inodes(padding: true) }), ("inotify", watches),
            ("lease-break-time", tree.number(45)), ("mqueue", queues), ("nr_open", tree.number(1_048_576)),
            ("overflowgid", tree.number(65534)), ("overflowuid", tree.number(65534)),
            ("pipe-max-size", tree.number(Pipe.maximumCapacity)),
            ("pipe-user-pages-hard", tree.number(0)), ("pipe-user-pages-soft", tree.number(16384)),
            ("protected_fifos", tree.number(0)), ("protected_hardlinks", tree.number(0)),
            ("protected_regular", tree.number(0)), ("protected_symlinks", tree.number(0)),
            ("suid_dumpable", tree.number(0)),
        ])
    }

    private static func network(_ tree: inout ProcTree) -> ProcInode {
        let core = tree.directory([
            ("rmem_default", tree.number(212_992)), ("rmem_max", tree.number(212_992)),
            ("somaxconn", tree.number(4096)), ("wmem_default", tree.number(212_992)),
            ("wmem_max", tree.number(212_992)),
        ])
        let version4 = tree.directory([
            ("ip_local_port_range", tree.text("32768\t60999\n")),
            ("ip_unprivileged_port_start", tree.number(1024)), ("tcp_fin_timeout", tree.number(60)),
            ("tcp_max_syn_backlog", tree.number(1024)), ("tcp_syncookies", tree.number(0)),
        ])
        let unix = tree.directory([("max_dgram_qlen", tree.number(10))])
        return tree.directory([("core", core), ("ipv4", version4), ("unix", unix)])
    }

    /// Open file descriptions, free ones, the most there can be.
    private static func openFiles() -> [UInt8] {
        var text = Text()
        text.add(Processes.all.reduce(UInt64(0)) { $0 + UInt64($1.files.entries.count { $0 != nil }) })
        text.add("\t0\t1048576\n")
        return text.bytes
    }

    private static func inodes(padding: Bool) -> [UInt8] {
        var text = Text()
        text.add(FileSystem.mounts.reduce(UInt64(0)) { $0 + ($1.layer?.inodeCount ?? 0) })
        text.add(padding ? "\t0\t0\t0\t0\t0\t0\n" : "\t0\n")
        return text.bytes
    }

    private static func line(_ text: StaticString) -> [UInt8] {
        var line = Text(text)
        line.add("\n")
        return line.bytes
    }

    /// One for the life of this kernel.
    // SAFETY: see Frames.
    nonisolated(unsafe) private static var bootID = uuid()

    /// A restored machine is another boot.
    static func renewBootID() { bootID = uuid() }

    /// A random UUID (RFC 9562, version 4) and a newline.
    private static func uuid() -> [UInt8] {
        var bytes = InlineArray<16, UInt8>(repeating: 0)
        withUnsafeMutableBytes(of: &bytes) { Random.fill($0) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        var text = Text()
        for i in 0..<16 {
            if i == 4 || i == 6 || i == 8 || i == 10 { text.add("-") }
            text.add(hex: UInt64(bytes[i]), width: 2)
        }
        text.add("\n")
        return text.bytes
    }
}
