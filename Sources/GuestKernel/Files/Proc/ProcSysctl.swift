import GuestNucleus

/// /proc/sys: the few that programs read.
enum ProcSysctl {
    static func make(_ system: Superblock) -> ProcInode {
        var number: UInt64 = 100
        func file(_ make: @escaping () -> [UInt8]) -> ProcInode {
            number += 1
            return ProcText(system, number: number, Ownership(permissions: 0o444, user: 0, group: 0)) {
                () throws(Errno) -> [UInt8] in make()
            }
        }
        func fixed(_ text: StaticString) -> ProcInode { file { Text.bytes(text) } }
        func directory(_ entries: [(name: StaticString, inode: ProcInode)]) -> ProcInode {
            number += 1
            return ProcFixedDirectory(system, number: number, entries)
        }
        let random = directory([
            ("boot_id", file { bootID }), ("entropy_avail", fixed("256\n")), ("poolsize", fixed("256\n")),
            ("uuid", file { uuid() }),
        ])
        let kernel = directory([
            ("cap_last_cap", fixed("40\n")), ("core_pattern", fixed("core\n")),
            ("domainname", fixed("(none)\n")),
            ("hostname", file { SystemName.host + [UInt8(ascii: "\n")] }), ("ngroups_max", fixed("65536\n")),
            ("osrelease", file { line(SystemName.release) }), ("ostype", fixed("Linux\n")),
            ("overflowgid", fixed("65534\n")), ("overflowuid", fixed("65534\n")),
            ("pid_max", fixed("4194304\n")),
            ("random", random), ("randomize_va_space", fixed("0\n")), ("threads-max", fixed("4096\n")),
            ("version", file { line(SystemName.version) }),
        ])
        let memory = directory([
            ("max_map_count", fixed("65530\n")), ("mmap_min_addr", fixed("65536\n")),
            ("overcommit_memory", fixed("0\n")), ("overcommit_ratio", fixed("50\n")),
            ("swappiness", fixed("60\n")),
        ])
        let files = directory([
            ("file-max", fixed("1048576\n")), ("nr_open", fixed("1048576\n")),
            ("pipe-max-size", fixed("65536\n")), ("suid_dumpable", fixed("0\n")),
        ])
        return directory([("fs", files), ("kernel", kernel), ("vm", memory)])
    }

    private static func line(_ text: StaticString) -> [UInt8] {
        var line = Text(text)
        line.add("\n")
        return line.bytes
    }

    /// One for the life of this kernel.
    private static let bootID = uuid()

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
