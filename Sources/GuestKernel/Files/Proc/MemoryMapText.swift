/// /proc/PID/maps, smaps and smaps_rollup.
extension ProcessText {
    func maps(isDetailed: Bool) -> [UInt8] {
        var text = Text()
        for area in process.space.areas {
            add(area, to: &text)
            if isDetailed {
                add(Residence(of: area, in: process.space), size: area.size, to: &text)
                text.add("THPeligible:           0\nVmFlags:")
                if area.access.contains(.read) { text.add(" rd") }
                if area.access.contains(.write) { text.add(" wr") }
                if area.access.contains(.execute) { text.add(" ex") }
                if area.isShared { text.add(" sh") }
                text.add(" mr mw me")
                if area.growsDown { text.add(" gd") }
                text.add("\n")
            }
        }
        return text.bytes
    }

    func rollup() -> [UInt8] {
        var sum = Residence()
        for area in process.space.areas { sum.add(Residence(of: area, in: process.space)) }
        var text = Text()
        text.add(hex: process.space.areas.first?.start ?? 0, width: 8)
        text.add("-")
        text.add(hex: process.space.areas.last?.end ?? 0, width: 8)
        text.add(" ---p 00000000 00:00 0                                  [rollup]\n")
        add(sum, size: nil, to: &text)
        return text.bytes
    }

    /// What of an area is in memory, in bytes.
    struct Residence {
        var shared: UInt64 = 0
        var dirty: UInt64 = 0
        var clean: UInt64 = 0
        var anonymous: UInt64 = 0

        init() {}

        init(of area: MemoryArea, in space: AddressSpace) {
            var isFile = false
            if case .file = area.backing { isFile = true }
            space.table.forEachPresent(from: area.start, to: area.end) { _, slot in
                let entry = PageTableEntry(bits: slot.pointee)
                if isFile && !entry.isWritable {
                    clean += pageSize
                } else if area.isShared || !Frames.isExclusive(entry.frame) {
                    shared += pageSize
                } else {
                    dirty += pageSize
                }
                if !area.isShared && (!isFile || entry.isWritable) { anonymous += pageSize }
            }
        }

        var resident: UInt64 { shared + dirty + clean }

        mutating func add(_ other: Residence) {
            shared += other.shared
            dirty += other.dirty
            clean += other.clean
            anonymous += other.anonymous
        }
    }

    private func add(_ residence: Residence, size: UInt64?, to text: inout Text) {
        func line(_ name: StaticString, _ bytes: UInt64) {
            text.add(line: name, kibibytes: bytes / 1024)
        }
        if let size {
            line("Size:", size)
            line("KernelPageSize:", pageSize)
            line("MMUPageSize:", pageSize)
        }
        line("Rss:", residence.resident)
        line("Pss:", residence.resident)
        line("Pss_Dirty:", residence.dirty)
        line("Shared_Clean:", 0)
        line("Shared_Dirty:", residence.shared)
        line("Private_Clean:", residence.clean)
        line("Private_Dirty:", residence.dirty)
        line("Referenced:", residence.resident)
        line("Anonymous:", residence.anonymous)
        for name: StaticString in [
            "LazyFree:", "AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:", "Shared_Hugetlb:",
            "Private_Hugetlb:", "Swap:", "SwapPss:", "Locked:",
        ] { line(name, 0) }
    }

    private func add(_ area: MemoryArea, to text: inout Text) {
        let space = process.space
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
            if inode.superblock != nil { name = pathText(inode, process.directories) }
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
}
