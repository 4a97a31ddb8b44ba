import CGuestInit

/// /dev/checkpoint: how a program asks to be saved (docs/templates.md). While it may, the file is a FIFO that init holds at
/// both ends, so that opening it does not wait and reading it does. Before and afterwards a device stands there that no
/// driver has: opening it is ENODEV.
struct CheckpointFile: ~Copyable {
    private let path: Path
    /// Where the restored job's arguments are written; the reader sees the end when it is closed.
    let fifo: Descriptor
    /// Says that the FIFO was opened (inotify(7)).
    let opened: Descriptor
    private let device: UInt64
    private let inode: UInt64
    /// Whether it was opened: then some thread may be waiting in it.
    private(set) var isOpen = false

    private init(
        _ path: Path, _ fifo: consuming Descriptor, _ opened: consuming Descriptor, _ status: linux_stat
    ) {
        self.path = path
        self.fifo = fifo
        self.opened = opened
        (device, inode) = (status.device, status.inode)
    }

    /// - Parameter path: where it is made; the device that was there comes back with `close`.
    static func make(_ path: Path) throws(Errno) -> CheckpointFile {
        try rename(path, to: aside(path))
        try path.withArgument { (path) throws(Errno) in
            try LinuxCall.mknod(path, 0o010666, 0)
            try LinuxCall.chmod(path, 0o666)
        }
        let fifo = try Descriptor.open(path, OpenFlags.readWrite | OpenFlags.nonblocking)
        let opened = Descriptor(
            owning: try LinuxCall.inotify_init1(OpenFlags.nonblocking | OpenFlags.closeOnExec))
        try path.withArgument { (path) throws(Errno) in
            try LinuxCall.inotify_add_watch(opened.number, path, 0x20)      // IN_OPEN
        }
        let status = try fifo.status()
        return CheckpointFile(path, fifo, opened, status)
    }

    /// What stands there for who may not ask: MISC_MAJOR and a number that is never given to a driver.
    static func makeDevice(_ path: Path) throws(Errno) { try Mount.makeDevice(path, 10, 255, mode: 0o444) }

    /// Somebody has opened it.
    mutating func noteOpen() {
        var records: InlineArray<64, UInt64> = InlineArray(repeating: 0)
        _ = try? withArgument(of: &records) { (records) throws(Errno) in
            try LinuxCall.read(opened.number, records, 512)
        }
        isOpen = true
    }

    /// Whether a thread waits for what it reads from it. Linux has no event for that: /proc says which call each is in.
    borrowing func isRead() -> Bool {
        let all: Path = "/proc"
        for process in Self.numbers(in: all) where process != [UInt8(ascii: "1")] {
            let threads = all.text + Text.bytes("/") + process + Text.bytes("/task")
            for thread in Self.numbers(in: Path(threads))
            where isReading(threads + Text.bytes("/") + thread) { return true }
        }
        return false
    }

    /// - Parameter thread: its directory in /proc, where `syscall` is the number and the arguments of the call it waits in.
    private borrowing func isReading(_ thread: [UInt8]) -> Bool {
        do throws(Errno) {
            let call = try Descriptor.open(Path(thread + Text.bytes("/syscall")), OpenFlags.readOnly).contents()
            let words = call.split(separator: UInt8(ascii: " "))
            // read, readv, splice, preadv2: all of them have the file first.
            guard words.count > 1, let number = Text.number(words[0]), [0, 19, 275, 327].contains(number),
                let file = Text.hexadecimal(words[1])
            else { return false }
            let place = thread + Text.bytes("/fd/") + Text.decimal(file)
            let status = try Descriptor.open(Path(place), OpenFlags.pathOnly).status()
            return status.device == device && status.inode == inode
        } catch {
            // It has ended, or waits in no call.
            return false
        }
    }

    /// Nobody else may ask.
    borrowing func close() throws(Errno) {
        try Self.rename(Self.aside(path), to: path)
    }

    private static func aside(_ path: Path) -> Path { Path(path.text + Text.bytes("-")) }

    private static func rename(_ path: Path, to name: Path) throws(Errno) {
        try path.withArgument { (path) throws(Errno) in
            try name.withArgument { (name) throws(Errno) in try LinuxCall.rename(path, name) }
        }
    }

    /// The names in a directory of /proc that are numbers.
    private static func numbers(in directory: Path) -> [[UInt8]] {
        guard let file = try? Descriptor.open(directory, OpenFlags.readOnly) else { return [] }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 8)
        defer { buffer.deallocate() }
        var names: [[UInt8]] = []
        while let count = try? LinuxCall.getdents64(
            file.number, Int(bitPattern: buffer.baseAddress), buffer.count), count > 0 {
            var offset = 0
            // struct linux_dirent64: inode, offset, the record's length (16), type (18), name (19) and its NUL.
            while offset < count {
                let length = Int(buffer.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self))
                let name = Array(buffer[(offset + 19)..<(offset + length)].prefix { $0 != 0 })
                if Text.number(name[...]) != nil { names.append(name) }
                offset += length
            }
        }
        return names
    }
}
