import GuestNucleus

/// The files of /proc that tell of the whole system.
enum ProcSystem {
    /// Hundredths of a second, the unit of /proc's clocks (USER_HZ).
    static let tick: UInt64 = 10_000_000

    static func memory() -> [UInt8] {
        let total = Frames.total * 4
        let free = Frames.available * 4
        let shared = (FileSystem.mounts.reduce(UInt64(0)) { $0 + ($1.layer?.residentFrames ?? 0) }) * 4
        var text = Text()
        func line(_ name: StaticString, _ kibibytes: UInt64) {
            text.add(line: name, kibibytes: kibibytes)
        }
        let used = total - free
        line("MemTotal:", total)
        line("MemFree:", free)
        line("MemAvailable:", free)
        line("Buffers:", 0)
        line("Cached:", shared)
        line("SwapCached:", 0)
        line("Active:", used)
        line("Inactive:", 0)
        line("Active(anon):", used - min(used, shared))
        line("Inactive(anon):", 0)
        line("Active(file):", shared)
        line("Inactive(file):", 0)
        line("Unevictable:", 0)
        line("Mlocked:", 0)
        line("SwapTotal:", 0)
        line("SwapFree:", 0)
        line("Dirty:", 0)
        line("Writeback:", 0)
        line("AnonPages:", used - min(used, shared))
        line("Mapped:", 0)
        line("Shmem:", shared)
        line("KReclaimable:", 0)
        line("Slab:", 0)
        line("SReclaimable:", 0)
        line("SUnreclaim:", 0)
        line("KernelStack:", threadCount * 32)
        line("PageTables:", 0)
        line("CommitLimit:", total / 2)
        line("Committed_AS:", committed)
        line("VmallocTotal:", 34_359_738_367)
        line("VmallocUsed:", 0)
        line("VmallocChunk:", 0)
        line("AnonHugePages:", 0)
        text.add("HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\n")
        text.add("HugePages_Surp:        0\n")
        line("Hugepagesize:", 2048)
        line("DirectMap4k:", total)
        return text.bytes
    }

    private static var threadCount: UInt64 {
        Processes.all.reduce(UInt64(0)) { $0 + UInt64($1.threads.count) }
    }

    /// KiB that programs have asked for to write.
    private static var committed: UInt64 {
        var pages: UInt64 = 0
        for process in Processes.all {
            for area in process.space.areas where area.isPrivateWritable { pages &+= area.size / pageSize }
        }
        return pages &* 4
    }

    /// /proc/vmstat: what vmstat(8) and its like look for.
    static func virtualMemory() -> [UInt8] {
        let free = Frames.available
        let rows: [(name: StaticString, value: UInt64)] = [
            ("nr_free_pages ", free), ("nr_anon_pages ", Frames.total - free), ("nr_mapped ", 0),
            ("nr_file_pages ", 0), ("nr_dirty ", 0), ("nr_writeback ", 0), ("nr_shmem ", 0),
            ("pgpgin ", 0), ("pgpgout ", 0), ("pswpin ", 0), ("pswpout ", 0), ("pgalloc_normal ", 0),
            ("pgfree ", 0), ("pgfault ", Counters.pageFaults), ("pgmajfault ", 0), ("oom_kill ", 0),
        ]
        var text = Text()
        for row in rows {
            text.add(row.name)
            text.add(row.value)
            text.add("\n")
        }
        return text.bytes
    }

    static func interrupts() -> [UInt8] {
        var text = Text("           CPU0\nLOC: ")
        text.add(Counters.interrupts, width: 10)
        text.add("   Local timer interrupts and devices\n")
        return text.bytes
    }

    static func devices() -> [UInt8] {
        Text.bytes(
            "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/ptmx\n136 pts\n\nBlock devices:\n")
    }

    static func uptime() -> [UInt8] {
        var text = Text()
        let now = Clock.monotonic
        addSeconds(now, to: &text)
        text.add(" ")
        let busy = usage()
        addSeconds(now - min(now, busy.user &+ busy.system), to: &text)
        text.add("\n")
        return text.bytes
    }

    private static func addSeconds(_ nanoseconds: UInt64, to text: inout Text) {
        text.add(nanoseconds / 1_000_000_000)
        text.add(".")
        text.add(nanoseconds % 1_000_000_000 / tick, width: 2, padding: UInt8(ascii: "0"))
    }

    /// Processor time of all processes there are, with what they have waited for.
    private static func usage() -> Usage {
        var sum = Usage()
        for process in Processes.all {
            sum.add(process.usage)
            sum.add(process.childUsage)
        }
        return sum
    }

    static func statistics() -> [UInt8] {
        let busy = usage()
        let now = Clock.monotonic
        let user = busy.user / tick
        let system = busy.system / tick
        let idle = now / tick - min(now / tick, user + system)
        var text = Text()
        for name: StaticString in ["cpu ", "cpu0"] {
            text.add(name)
            for value in [user, 0, system, idle, 0, 0, 0, 0, 0, 0] {
                text.add(" ")
                text.add(value)
            }
            text.add("\n")
        }
        text.add("intr ")
        text.add(Counters.interrupts)
        text.add("\nctxt 0\nbtime ")
        text.add((Clock.realtime &- now) / 1_000_000_000)
        text.add("\nprocesses ")
        text.add(Counters.processes)
        text.add("\nprocs_running 1\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n")
        return text.bytes
    }

    static func load() -> [UInt8] {
        var running: UInt64 = 0
        var threads: UInt64 = 0
        for process in Processes.all {
            threads += UInt64(process.threads.count)
            for thread in process.threads where thread.state == .runnable { running += 1 }
        }
        var text = Text("0.00 0.00 0.00 ")
        text.add(running)
        text.add("/")
        text.add(threads)
        text.add(" ")
        text.add(UInt64(Processes.all.last?.id.magnitude ?? 0))
        text.add("\n")
        return text.bytes
    }

    static func version() -> [UInt8] {
        var text = Text("Linux version ")
        text.add(SystemName.release)
        text.add(" (swiftlet) (swiftlet) ")
        text.add(SystemName.version)
        text.add("\n")
        return text.bytes
    }

    static func fileSystems() -> [UInt8] {
        Text.bytes(
            "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup2\nnodev\toverlay\nnodev\tpipefs\n\terofs\n"
        )
    }

    static func controllers() -> [UInt8] { Text.bytes("#subsys_name\thierarchy\tnum_cgroups\tenabled\n") }

    /// The kernel does its work where it arises: it has none to put off.
    static func softInterrupts() -> [UInt8] {
        var text = Text("                    CPU0       \n")
        for name: StaticString in [
            "HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU",
        ] {
            let padding = repeatElement(UInt8(ascii: " "), count: max(0, 12 - name.utf8CodeUnitCount))
            text.bytes.append(contentsOf: padding)
            text.add(name)
            text.add(":          0\n")
        }
        return text.bytes
    }

    static func swaps() -> [UInt8] { Text.bytes("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n") }
}
