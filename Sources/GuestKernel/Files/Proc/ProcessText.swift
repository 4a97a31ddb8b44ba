/// The texts of /proc/PID.
struct ProcessText {
    let process: Process
    private let thread: Thread?

    init(_ process: Process, _ thread: Thread?) {
        self.process = process
        self.thread = thread
    }

    private var id: UInt64 { UInt64((thread?.id ?? process.id).magnitude) }
    private var parent: UInt64 { UInt64(process.parent?.id.magnitude ?? 0) }

    /// comm.
    var name: [UInt8] { thread?.name ?? process.name }

    func personality() -> [UInt8] {
        var text = Text()
        text.add(hex: UInt64(process.attributes.personality), width: 8)
        text.add("\n")
        return text.bytes
    }

    /// The letter and the word for what the process is doing.
    private var state: (letter: StaticString, word: StaticString) {
        if process.ending != nil { return ("Z", "Z (zombie)") }
        if process.isStopped { return ("T", "T (stopped)") }
        // Of a process it is what its first thread does, whatever the others do; that may be gone before them.
        guard let asked = thread ?? process.threads.first(where: { $0.id == process.id }) else {
            return ("Z", "Z (zombie)")
        }
        return asked.state == .runnable ? ("R", "R (running)") : ("S", "S (sleeping)")
    }

    /// Pages in all areas.
    private var mappedPages: UInt64 { process.space.areas.reduce(UInt64(0)) { $0 &+ $1.size / pageSize } }

    /// Arguments or environment, out of the program's memory; empty if it has put something else there.
    func bytes(of range: Range<UInt64>) -> [UInt8] {
        guard process.ending == nil, range.upperBound - range.lowerBound <= 4 << 20 else { return [] }
        let count = Int(range.upperBound - range.lowerBound)
        return (try? process.space.read(from: range.lowerBound, count: count)) ?? []
    }

    func timerSlack() -> [UInt8] {
        var text = Text()
        text.add(process.attributes.timerSlack)
        text.add("\n")
        return text.bytes
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
        text.add(name)
        text.add(") ")
        text.add(state.letter)
        func add(_ values: [UInt64]) {
            for value in values {
                text.add(" ")
                text.add(value)
            }
        }
        let usage = thread.map { Usage(user: $0.userTime, system: $0.systemTime) } ?? process.usage
        let children = process.childUsage
        let tick = ProcSystem.tick
        add([parent, UInt64(process.group.magnitude), UInt64(process.session.magnitude)])
        add([process.terminal.map { TerminalInode.device($0.number) } ?? 0])
        text.add(" ")
        text.add(process.terminal.map { Int64($0.foregroundGroup) } ?? -1)
        add([0x40_0000, 0, 0, 0, 0])  // flags, minor and major faults
        add([usage.user / tick, usage.system / tick, children.user / tick, children.system / tick])
        let nice = process.threads.first?.scheduling.nice ?? 0
        add([UInt64(20 + nice)])  // priority
        text.add(" ")
        text.add(Int64(nice))
        add([UInt64(process.threads.count), 0, process.started / tick])  // threads, –, start time
        add([mappedPages * pageSize, process.space.residentPages, UInt64.max])
        add([0, 0, 0, 0, 0, 0])  // code, stack, registers; of signals the low 31 bits
        let actions = process.signals.actions
        add([
            ((thread ?? process.threads.first)?.signals.blocked ?? 0) & 0x7FFF_FFFF,
            actions.all { $0.handler == SignalAction.ignore } & 0x7FFF_FFFF,
            actions.all { $0.isHandler } & 0x7FFF_FFFF,
        ])
        add([0, 0, 0, 17, 0, 0, 0, 0, 0, 0])  // –, swaps, SIGCHLD, CPU, scheduling
        add([0, 0, process.space.heapStart])
        let (arguments, environment) = (process.space.argumentRange, process.space.environmentRange)
        add([arguments.lowerBound, arguments.upperBound, environment.lowerBound, environment.upperBound])
        add([UInt64(process.ending?.waitStatus.magnitude ?? 0)])
        text.add("\n")
        return text.bytes
    }

    /// Pages of program code, of files that are shared, and of private writable memory.
    private var pages: (code: UInt64, shared: UInt64, data: UInt64) {
        var pages: (code: UInt64, shared: UInt64, data: UInt64) = (0, 0, 0)
        for area in process.space.areas {
            let count = area.size / pageSize
            if area.access.contains(.execute) { pages.code &+= count }
            if area.isShared { pages.shared &+= count }
            if area.isPrivateWritable { pages.data &+= count }
        }
        return pages
    }

    /// /proc/PID/statm.
    func memory() -> [UInt8] {
        let pages = pages
        var text = Text()
        let values = [
            mappedPages, process.space.residentPages, min(pages.shared, process.space.residentPages),
            pages.code, 0, pages.data, 0,
        ]
        for (i, value) in values.enumerated() {
            if i > 0 { text.add(" ") }
            text.add(value)
        }
        text.add("\n")
        return text.bytes
    }

    /// /proc/PID/io.
    func inputAndOutput() -> [UInt8] {
        let moved = process.transfers
        var text = Text()
        let rows: [(name: StaticString, value: UInt64)] = [
            ("rchar: ", moved.bytesRead), ("wchar: ", moved.bytesWritten), ("syscr: ", moved.reads),
            ("syscw: ", moved.writes), ("read_bytes: ", 0), ("write_bytes: ", 0),
            ("cancelled_write_bytes: ", 0),
        ]
        for row in rows {
            text.add(row.name)
            text.add(row.value)
            text.add("\n")
        }
        return text.bytes
    }

    /// /proc/PID/schedstat: nanoseconds on the processor and waiting for it, time slices.
    func schedule() -> [UInt8] {
        let usage = process.usage
        var text = Text()
        text.add(usage.user &+ usage.system)
        text.add(" 0 0\n")
        return text.bytes
    }

    /// /proc/PID/task/TID/children; all of them belong to the first thread.
    func children() -> [UInt8] {
        guard thread === process.threads.first else { return [] }
        var text = Text()
        for child in process.children {
            text.add(UInt64(child.id.magnitude))
            text.add(" ")
        }
        return text.bytes
    }

    func status() -> [UInt8] {
        var text = Text("Name:\t")
        text.add(name)
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
        line("Uid:", [who.user, who.effectiveUser, who.savedUser, who.fileUser].map { UInt64($0) })
        line("Gid:", [who.group, who.effectiveGroup, who.savedGroup, who.fileGroup].map { UInt64($0) })
        line("FDSize:", [UInt64(process.files.entries.count)])
        text.add("\nGroups:\t")
        for group in who.groups {
            text.add(UInt64(group))
            text.add(" ")
        }
        addSizes(to: &text)
        line("Threads:", [UInt64(process.threads.count)])
        text.add("\nSigQ:\t0/4096")
        let capabilities = who.capabilities
        let actions = process.signals.actions
        let mine = thread ?? process.threads.first
        let sets: [(name: StaticString, value: UInt64)] = [
            ("\nSigPnd:\t", mine?.signals.pending.bits ?? 0), ("\nShdPnd:\t", process.signals.pending.bits),
            ("\nSigBlk:\t", mine?.signals.blocked ?? 0),
            ("\nSigIgn:\t", actions.all { $0.handler == SignalAction.ignore }),
            ("\nSigCgt:\t", actions.all { $0.isHandler }),
            ("\nCapInh:\t", capabilities.inheritable), ("\nCapPrm:\t", capabilities.permitted),
            ("\nCapEff:\t", capabilities.effective), ("\nCapBnd:\t", capabilities.bounding),
            ("\nCapAmb:\t", capabilities.ambient),
        ]
        for set in sets {
            text.add(set.name)
            text.add(hex: set.value, width: 16)
        }
        text.add(who.hasNoNewPrivileges ? "\nNoNewPrivs:\t1" : "\nNoNewPrivs:\t0")
        text.add("\nSeccomp:\t0\nSeccomp_filters:\t0")
        text.add("\nSpeculation_Store_Bypass:\tvulnerable\nSpeculationIndirectBranch:\tconditional enabled")
        text.add("\nCpus_allowed:\t1\nCpus_allowed_list:\t0\nMems_allowed:\t1\nMems_allowed_list:\t0")
        text.add("\nvoluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n")
        return text.bytes
    }

    private func addSizes(to text: inout Text) {
        func line(_ name: StaticString, _ pages: UInt64) {
            text.add("\n")
            text.add(name)
            text.add("\t")
            text.add(pages * 4, width: 8)
            text.add(" kB")
        }
        let pages = pages
        if process.ending != nil { return }
        line("VmPeak:", mappedPages)
        line("VmSize:", mappedPages)
        line("VmLck:", process.space.lockedBytes / pageSize)
        line("VmPin:", 0)
        line("VmHWM:", process.space.maxResidentPages)
        line("VmRSS:", process.space.residentPages)
        line("RssAnon:", process.space.residentPages - min(pages.shared, process.space.residentPages))
        line("RssFile:", 0)
        line("RssShmem:", min(pages.shared, process.space.residentPages))
        line("VmData:", pages.data)
        line("VmStk:", stackPages)
        line("VmExe:", pages.code)
        line("VmLib:", 0)
        line("VmPTE:", 4)
        line("VmSwap:", 0)
        text.add("\nCoreDumping:\t0\nTHP_enabled:\t0")
    }

    private var stackPages: UInt64 {
        process.space.areas.reduce(UInt64(0)) { $0 &+ ($1.growsDown ? $1.size / pageSize : 0) }
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
}
