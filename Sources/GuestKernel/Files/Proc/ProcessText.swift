/// The texts of /proc/PID.
struct ProcessText {
    private let process: Process
    private let thread: Thread?

    init(_ process: Process, _ thread: Thread?) {
        self.process = process
        self.thread = thread
    }

    private var id: UInt64 { UInt64((thread?.id ?? process.id).magnitude) }
    private var parent: UInt64 { UInt64(process.parent?.id.magnitude ?? 0) }

    /// The letter and the word for what the process is doing.
    private var state: (letter: StaticString, word: StaticString) {
        if process.ending != nil { return ("Z", "Z (zombie)") }
        if process.isStopped { return ("T", "T (stopped)") }
        let threads = thread.map { [$0] } ?? process.threads
        return threads.contains { $0.state == .runnable } ? ("R", "R (running)") : ("S", "S (sleeping)")
    }

    /// Pages in all areas.
    private var mappedPages: UInt64 { process.space.areas.reduce(UInt64(0)) { $0 &+ $1.size / pageSize } }

    /// Arguments or environment, out of the program's memory; empty if it has put something else there.
    func bytes(of range: Range<UInt64>) -> [UInt8] {
        guard process.ending == nil, range.upperBound - range.lowerBound <= 4 << 20 else { return [] }
        let count = Int(range.upperBound - range.lowerBound)
        return (try? process.space.read(from: range.lowerBound, count: count)) ?? []
    }

    func adjustment() -> [UInt8] {
        var text = Text()
        text.add(process.outOfMemoryAdjustment)
        text.add("\n")
        return text.bytes
    }

    /// /proc/PID/stat: 52 numbers.
    func statistics() -> [UInt8] {
        var text = Text()
        text.add(id)
        text.add(" (")
        text.add(process.name)
        text.add(") ")
        text.add(state.letter)
        func add(_ values: [UInt64]) {
            for value in values {
                text.add(" ")
                text.add(value)
            }
        }
        let usage = process.usage
        let children = process.childUsage
        let tick = ProcSystem.tick
        add([parent, UInt64(process.group.magnitude), UInt64(process.session.magnitude)])
        add([process.terminal.map { TerminalInode.device($0.number) } ?? 0])
        text.add(" ")
        text.add(process.terminal.map { Int64($0.foregroundGroup) } ?? -1)
        add([0, 0, 0, 0, 0])  // flags, minor and major faults
        add([usage.user / tick, usage.system / tick, children.user / tick, children.system / tick])
        let nice = process.threads.first?.scheduling.nice ?? 0
        add([UInt64(20 + nice)])  // priority
        text.add(" ")
        text.add(Int64(nice))
        add([UInt64(process.threads.count), 0, 0])  // threads, –, start time
        add([mappedPages * pageSize, process.space.residentPages, UInt64.max])
        add([0, 0, 0, 0, 0, 0, 0, 0, 0])  // code, stack, registers, signals
        add([0, 0, 0, 17, 0, 0, 0, 0, 0, 0])  // –, swaps, SIGCHLD, CPU, scheduling
        add([0, 0, process.space.heapStart])
        let (arguments, environment) = (process.space.argumentRange, process.space.environmentRange)
        add([arguments.lowerBound, arguments.upperBound, environment.lowerBound, environment.upperBound])
        add([UInt64(process.ending?.waitStatus.magnitude ?? 0)])
        text.add("\n")
        return text.bytes
    }

    /// /proc/PID/statm.
    func memory() -> [UInt8] {
        var text = Text()
        text.add(mappedPages)
        text.add(" ")
        text.add(process.space.residentPages)
        text.add(" 0 0 0 ")
        text.add(mappedPages)
        text.add(" 0\n")
        return text.bytes
    }

    func status() -> [UInt8] {
        var text = Text("Name:\t")
        text.add(process.name)
        text.add("\nUmask:\t0")
        text.add(octal: UInt64(process.directories.umask), width: 3)
        text.add("\nState:\t")
        text.add(state.word)
        func line(_ name: StaticString, _ values: [UInt64]) {
            text.add("\n")
            text.add(name)
            for value in values {
                text.add("\t")
                text.add(value)
            }
        }
        let who = process.credentials
        line("Tgid:", [UInt64(process.id.magnitude)])
        line("Ngid:", [0])
        line("Pid:", [id])
        line("PPid:", [parent])
        line("TracerPid:", [0])
        line("Uid:", [who.user, who.effectiveUser, who.savedUser, who.effectiveUser].map { UInt64($0) })
        line("Gid:", [who.group, who.effectiveGroup, who.savedGroup, who.effectiveGroup].map { UInt64($0) })
        line("FDSize:", [UInt64(process.files.entries.count)])
        text.add("\nGroups:\t")
        for group in who.groups {
            text.add(UInt64(group))
            text.add(" ")
        }
        func sizeLine(_ name: StaticString, _ pages: UInt64) {
            text.add("\n")
            text.add(name)
            text.add(pages * 4, width: 16 - name.utf8CodeUnitCount)
            text.add(" kB")
        }
        sizeLine("VmPeak:", mappedPages)
        sizeLine("VmSize:", mappedPages)
        sizeLine("VmHWM:", process.space.maxResidentPages)
        sizeLine("VmRSS:", process.space.residentPages)
        sizeLine("VmSwap:", 0)
        line("Threads:", [UInt64(process.threads.count)])
        let capabilities: UInt64 = who.isPrivileged ? 0x1FF_FFFF_FFFF : 0
        let actions = process.signals.actions
        let mine = thread ?? process.threads.first
        let sets: [(name: StaticString, value: UInt64)] = [
            ("\nSigPnd:\t", mine?.signals.pending.bits ?? 0), ("\nShdPnd:\t", process.signals.pending.bits),
            ("\nSigBlk:\t", mine?.signals.blocked ?? 0),
            ("\nSigIgn:\t", actions.all { $0.handler == SignalAction.ignore }),
            ("\nSigCgt:\t", actions.all { $0.isHandler }),
            ("\nCapInh:\t", 0), ("\nCapPrm:\t", capabilities), ("\nCapEff:\t", capabilities),
            ("\nCapBnd:\t", 0x1FF_FFFF_FFFF), ("\nCapAmb:\t", 0),
        ]
        for set in sets {
            text.add(set.name)
            text.add(hex: set.value, width: 16)
        }
        text.add("\nNoNewPrivs:\t0\nSeccomp:\t0\nCpus_allowed:\t1\nCpus_allowed_list:\t0")
        text.add("\nMems_allowed:\t1\nMems_allowed_list:\t0\n")
        return text.bytes
    }

    func maps() -> [UInt8] {
        let space = process.space
        let context = process.directories
        var text = Text()
        for area in space.areas {
            let start = text.bytes.count
            text.add(hex: area.start, width: 8)
            text.add("-")
            text.add(hex: area.end, width: 8)
            text.add(area.access.contains(.read) ? " r" : " -")
            text.add(area.access.contains(.write) ? "w" : "-")
            text.add(area.access.contains(.execute) ? "x" : "-")
            text.add(area.isShared ? "s " : "p ")
            var name: [UInt8] = []
            if case .file(let inode, let offset) = area.backing {
                let status = try? inode.status()
                text.add(hex: offset, width: 8)
                text.add(" 00:")
                text.add(hex: status?.device ?? 0, width: 2)
                text.add(" ")
                text.add(status?.inode ?? 0)
                if inode.superblock != nil { name = pathText(inode, context) }
            } else {
                text.add("00000000 00:00 0")
                if area.growsDown {
                    name = Text.bytes("[stack]")
                } else if area.start < space.heapEnd && area.end > space.heapStart {
                    name = Text.bytes("[heap]")
                }
            }
            if !name.isEmpty {
                // The names begin in column 74, as Linux has them.
                let column = text.bytes.count - start
                text.bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: max(1, 73 - column)))
                text.add(name)
            }
            text.add("\n")
        }
        return text.bytes
    }

    func limits() -> [UInt8] {
        let rows: [(name: StaticString, index: Int, unit: StaticString)] = [
            ("Max cpu time", 0, "seconds"), ("Max file size", 1, "bytes"), ("Max data size", 2, "bytes"),
            ("Max stack size", 3, "bytes"), ("Max core file size", 4, "bytes"),
            ("Max resident set", 5, "bytes"),
            ("Max processes", 6, "processes"), ("Max open files", 7, "files"),
            ("Max locked memory", 8, "bytes"),
            ("Max address space", 9, "bytes"), ("Max file locks", 10, "locks"),
            ("Max pending signals", 11, "signals"),
            ("Max msgqueue size", 12, "bytes"), ("Max nice priority", 13, ""),
            ("Max realtime priority", 14, ""),
            ("Max realtime timeout", 15, "us"),
        ]
        var text = Text("Limit                     Soft Limit           Hard Limit           Units     \n")
        func pad(from start: Int, to width: Int) {
            let missing = width - (text.bytes.count - start)
            if missing > 0 { text.bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: missing)) }
        }
        for row in rows {
            let start = text.bytes.count
            text.add(row.name)
            pad(from: start, to: 26)
            for (i, value) in [process.limits.soft[row.index], process.limits.hard[row.index]].enumerated() {
                if value == ResourceLimits.infinity { text.add("unlimited") } else { text.add(value) }
                pad(from: start, to: 47 + 21 * i)
            }
            text.add(row.unit)
            pad(from: start, to: 78)
            text.add("\n")
        }
        return text.bytes
    }

    func mounts() -> [UInt8] {
        var text = Text()
        for mount in FileSystem.mounts {
            text.add(mount.typeName)
            text.add(" ")
            text.add(mountPoint(mount))
            text.add(" ")
            text.add(mount.typeName)
            text.add(" rw,noatime 0 0\n")
        }
        return text.bytes
    }

    func mountInformation() -> [UInt8] {
        var text = Text()
        for (i, mount) in FileSystem.mounts.enumerated() {
            text.add(UInt64(i + 1))
            text.add(i == 0 ? " 0 0:" : " 1 0:")
            text.add(mount.device)
            text.add(" / ")
            text.add(mountPoint(mount))
            text.add(" rw,noatime - ")
            text.add(mount.typeName)
            text.add(" ")
            text.add(mount.typeName)
            text.add(" rw\n")
        }
        return text.bytes
    }

    private func mountPoint(_ mount: Superblock) -> [UInt8] {
        guard let root = mount.root else { return Text.bytes("/") }
        return path(of: root, from: FileSystem.root) ?? Text.bytes("/")
    }
}
