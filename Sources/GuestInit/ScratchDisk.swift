import CGuestInit

/// The job's scratch disk (`swiftlet run --disk`), the second block device: swap space, into which the kernel puts what the
/// writable layer has no memory for. So the layer may be as large as the disk, and what it holds survives nothing.
struct ScratchDisk {
    let bytes: UInt64

    /// Makes it swap space and uses it.
    /// - Returns: nil if the machine has no such disk.
    static func start() -> ScratchDisk? {
        guard let disk = try? Descriptor.open("/dev/vdb", OpenFlags.readWrite) else { return nil }
        var bytes: UInt64 = 0
        must("init: the size of the scratch disk") { () throws(Errno) in
            try withArgument(of: &bytes) { (bytes) throws(Errno) in
                try LinuxCall.ioctl(disk.number, 0x8008_1272, bytes)     // BLKGETSIZE64
            }
        }
        must("init: write to the scratch disk") { () throws(Errno) in
            try disk.writeAll(header(pages: bytes / 4096))
        }
        must("init: swap to the scratch disk") { () throws(Errno) in
            let path: Path = "/dev/vdb"
            try path.withArgument { (path) throws(Errno) in try LinuxCall.swapon(path, 0) }
        }
        return ScratchDisk(bytes: bytes)
    }

    /// The first page of a swap space (mkswap(8)): at 1024 its version and last page, no bad ones; at the end its signature.
    static func header(pages: UInt64) -> [UInt8] {
        var page = [UInt8](repeating: 0, count: 4096)
        page[1024] = 1
        for index in 0..<4 {
            page[1028 + index] = UInt8(truncatingIfNeeded: (pages - 1) >> UInt64(8 * index))
        }
        for (index, byte) in Text.bytes("SWAPSPACE2").enumerated() { page[4086 + index] = byte }
        return page
    }

    /// The writable layer's mount options.
    static func layerOptions(_ disk: ScratchDisk?) -> Path {
        let bytes = disk?.bytes ?? roomInMemory(free: freeMemory())
        return Path(Text.bytes("size=") + Text.decimal(bytes) + Text.bytes(",nr_inodes=0,mode=755"))
    }

    /// How much of the memory the layer may fill: what is full then is the layer, not the machine, whose programs would be
    /// killed. They keep a tenth, and 12 MiB of a small machine: 90 % of all its memory was more than 64 MiB had.
    static func roomInMemory(free: UInt64) -> UInt64 {
        free - min(free / 2, max(free / 10, 12 << 20))
    }

    private static func freeMemory() -> UInt64 {
        var information = InlineArray<14, UInt64>(repeating: 0)     // struct sysinfo: 112 bytes, freeram at 40
        must("init: the size of the memory") { () throws(Errno) in
            try withArgument(of: &information) { (information) throws(Errno) in
                try LinuxCall.sysinfo(information)
            }
        }
        return information[5]
    }

    /// Whether nothing more fits into the layer at `path`. It is the most a file system says about writes that it refused.
    static func isFull(_ path: Path) -> Bool {
        var status = InlineArray<15, UInt64>(repeating: 0)     // struct statfs: 120 bytes, free blocks at 24
        let result: Int? = try? path.withArgument { (path) throws(Errno) in
            try withArgument(of: &status) { (status) throws(Errno) in try LinuxCall.statfs(path, status) }
        }
        return result != nil && status[3] == 0
    }
}
