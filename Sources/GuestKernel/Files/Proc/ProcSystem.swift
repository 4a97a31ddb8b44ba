import GuestNucleus

/// The files of /proc that tell of the whole system.
enum ProcSystem {
    /// Hundredths of a second, the unit of /proc's clocks (USER_HZ).
    static let tick: UInt64 = 10_000_000

    static func memory() -> [UInt8] {
        let total = Frames.total * 4
        let free = Frames.available * 4
        let shared = (FileSystem.mounts.reduce(UInt64(0)) { $0 + ($1.layer?.framesUsed ?? 0) }) * 4
        var text = Text()
        func line(_ name: StaticString, _ kibibytes: UInt64) {
            text.add(name)
            text.add(kibibytes, width: 24 - name.utf8CodeUnitCount)
            text.add(" kB\n")
        }
        line("MemTotal:", total)
        line("MemFree:", free)
        line("MemAvailable:", free)
        line("Buffers:", 0)
        line("Cached:", shared)
        line("SwapCached:", 0)
        line("SwapTotal:", 0)
        line("SwapFree:", 0)
        line("Dirty:", 0)
        line("Writeback:", 0)
        line("Shmem:", shared)
        return text.bytes
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
        text.add("\nprocs_running 1\nprocs_blocked 0\n")
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
        Text.bytes("nodev\ttmpfs\nnodev\tproc\nnodev\toverlay\nnodev\tpipefs\n\terofs\n")
    }

    static func swaps() -> [UInt8] { Text.bytes("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n") }

    // MARK: Processor

    /// The names of CPUID's bits that programs look for, by leaf and register.
    private static let leaf1EDX: [(UInt32, StaticString)] = [
        (0, "fpu"), (4, "tsc"), (5, "msr"), (6, "pae"), (8, "cx8"), (15, "cmov"), (19, "clflush"),
        (23, "mmx"),
        (24, "fxsr"), (25, "sse"), (26, "sse2"),
    ]
    private static let leaf1ECX: [(UInt32, StaticString)] = [
        (0, "pni"), (1, "pclmulqdq"), (9, "ssse3"), (12, "fma"), (13, "cx16"), (19, "sse4_1"), (20, "sse4_2"),
        (22, "movbe"), (23, "popcnt"), (25, "aes"), (26, "xsave"), (28, "avx"), (29, "f16c"), (30, "rdrand"),
        (31, "hypervisor"),
    ]
    private static let leaf7EBX: [(UInt32, StaticString)] = [
        (0, "fsgsbase"), (3, "bmi1"), (5, "avx2"), (8, "bmi2"), (9, "erms"), (16, "avx512f"),
        (17, "avx512dq"),
        (18, "rdseed"), (19, "adx"), (28, "avx512cd"), (29, "sha_ni"), (30, "avx512bw"), (31, "avx512vl"),
    ]
    private static let extendedEDX: [(UInt32, StaticString)] = [(11, "syscall"), (20, "nx"), (29, "lm")]

    static func processor() -> [UInt8] {
        let basic = cpuid(0, 0)
        let signature = cpuid(1, 0)
        let baseFamily = signature.eax >> 8 & 15
        let family = baseFamily == 15 ? baseFamily + (signature.eax >> 20 & 0xFF) : baseFamily
        let model = signature.eax >> 4 & 15 | (baseFamily >= 6 ? signature.eax >> 12 & 0xF0 : 0)
        var text = Text("processor\t: 0\nvendor_id\t: ")
        for word in [basic.ebx, basic.edx, basic.ecx] { add(characters: word, to: &text) }
        text.add("\ncpu family\t: ")
        text.add(UInt64(family))
        text.add("\nmodel\t\t: ")
        text.add(UInt64(model))
        text.add("\nmodel name\t: ")
        for leaf: UInt32 in 0x8000_0002...0x8000_0004 {
            let part = cpuid(leaf, 0)
            for word in [part.eax, part.ebx, part.ecx, part.edx] { add(characters: word, to: &text) }
        }
        text.add("\nstepping\t: ")
        text.add(UInt64(signature.eax & 15))
        text.add("\ncpu MHz\t\t: ")
        text.add(Clock.frequency / 1_000_000)
        text.add(".")
        text.add(Clock.frequency / 1000 % 1000, width: 3, padding: UInt8(ascii: "0"))
        text.add(
            "\nphysical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\nfpu\t\t: yes\nflags\t\t:")
        let features = cpuid(7, 0)
        addFlags(signature.edx, leaf1EDX, to: &text)
        addFlags(signature.ecx, leaf1ECX, to: &text)
        addFlags(features.ebx, leaf7EBX, to: &text)
        addFlags(cpuid(0x8000_0001, 0).edx, extendedEDX, to: &text)
        text.add("\n\n")
        return text.bytes
    }

    private static func add(characters word: UInt32, to text: inout Text) {
        for shift: UInt32 in [0, 8, 16, 24] {
            let byte = UInt8(truncatingIfNeeded: word >> shift)
            if byte != 0 { text.add(byte: byte) }
        }
    }

    private static func addFlags(_ bits: UInt32, _ names: [(UInt32, StaticString)], to text: inout Text) {
        for (bit, name) in names where bits >> bit & 1 != 0 {
            text.add(" ")
            text.add(name)
        }
    }
}
