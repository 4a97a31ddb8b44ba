import CGuestInit

/// open(2)'s flags.
enum OpenFlags {
    static let readOnly = 0
    static let writeOnly = 1
    static let readWrite = 2
    static let create = 0x40
    static let noControllingTerminal = 0x100
    static let truncate = 0x200
    static let nonblocking = 0x800
    static let synchronous = 0x101000
    static let closeOnExec = 0x80000
    static let pathOnly = 0x200000
}

/// One file descriptor, closed exactly once. Every one is closed on exec.
struct Descriptor: ~Copyable {
    let number: Int

    init(owning number: Int) { self.number = number }

    deinit { _ = try? LinuxCall.close(number) }

    static func open(_ path: Path, _ flags: Int, mode: Int = 0) throws(Errno) -> Descriptor {
        Descriptor(
            owning: try path.withArgument { (path) throws(Errno) in
                try LinuxCall.open(path, flags | OpenFlags.closeOnExec, mode)
            })
    }

    borrowing func duplicate() throws(Errno) -> Descriptor {
        Descriptor(owning: try LinuxCall.fcntl(number, 1030, 3))    // F_DUPFD_CLOEXEC, above the standard three
    }

    borrowing func setNonblocking() throws(Errno) {
        let flags = try LinuxCall.fcntl(number, 3)                  // F_GETFL
        try LinuxCall.fcntl(number, 4, flags | OpenFlags.nonblocking)
    }

    /// - Returns: bytes read; 0 at the end.
    borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        try LinuxCall.read(number, Int(bitPattern: buffer.baseAddress), buffer.count)
    }

    /// - Returns: bytes written, which may be fewer.
    borrowing func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        try LinuxCall.write(number, Int(bitPattern: bytes.baseAddress), bytes.count)
    }

    borrowing func writeAll(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
        var done = 0
        while done < bytes.count {
            done += try write(UnsafeRawBufferPointer(rebasing: bytes[done...]))
        }
    }

    borrowing func writeAll(_ bytes: [UInt8]) throws(Errno) {
        try bytes.withUnsafeBufferPointer { (bytes) throws(Errno) in
            try writeAll(UnsafeRawBufferPointer(bytes))
        }
    }

    /// What a file of /proc says now, up to 16 KiB of it.
    borrowing func contents() throws(Errno) -> [UInt8] {
        var text = [UInt8](repeating: 0, count: 16 << 10)
        let count = try text.withUnsafeMutableBufferPointer { (buffer) throws(Errno) in
            try LinuxCall.pread64(number, Int(bitPattern: buffer.baseAddress), buffer.count, 0)
        }
        return Array(text.prefix(count))
    }

    borrowing func status() throws(Errno) -> linux_stat {
        var status = linux_stat()
        try withArgument(of: &status) { (status) throws(Errno) in try LinuxCall.fstat(number, status) }
        return status
    }
}

/// A new pipe.
struct Pipe: ~Copyable {
    let reading: Descriptor
    let writing: Descriptor

    init() throws(Errno) {
        var ends: InlineArray<2, Int32> = [0, 0]
        try withArgument(of: &ends) { (ends) throws(Errno) in
            try LinuxCall.pipe2(ends, OpenFlags.closeOnExec)
        }
        reading = Descriptor(owning: Int(ends[0]))
        writing = Descriptor(owning: Int(ends[1]))
    }
}

extension linux_stat {
    private static let typeMask: UInt32 = 0o170000
    static let regular: UInt32 = 0o100000

    var isRegular: Bool { mode & Self.typeMask == Self.regular }
    var isDirectory: Bool { mode & Self.typeMask == 0o040000 }
}
