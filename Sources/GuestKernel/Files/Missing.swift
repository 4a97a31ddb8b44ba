import JobWire

/// What programs asked for and the kernel does not have, besides system calls: for the job's report. Bounded,
/// because programs choose what they ask for.
enum Missing {
    private static let maximum = 64

    // SAFETY: see Frames.
    /// ioctl(2) requests that no file here knows.
    nonisolated(unsafe) private(set) static var controls: [(request: UInt32, count: UInt64)] = []
    /// Files of /proc and /sys that were opened; a process's number is written as PID.
    nonisolated(unsafe) private(set) static var files: [(path: [UInt8], count: UInt64)] = []

    static func count(control request: UInt32) {
        // A terminal's request (type 'T') on what is no terminal is a question with an answer: isatty(3).
        if request >> 8 == 0x54 { return }
        if let i = controls.firstIndex(where: { $0.request == request }) {
            controls[i].count += 1
        } else if controls.count < maximum {
            controls.append((request, 1))
        }
    }

    /// An open(2) has failed with ENOENT.
    static func count(file path: [UInt8]) {
        guard isWatched(path), let path = general(path), path.count <= WireLimit.missingFile else { return }
        if let i = files.firstIndex(where: { $0.path == path }) {
            files[i].count += 1
        } else if files.count < maximum {
            files.append((path, 1))
        }
    }

    private static func isWatched(_ path: [UInt8]) -> Bool {
        for prefix: StaticString in ["/proc/", "/sys/"] where path.count > prefix.utf8CodeUnitCount {
            if path[0..<prefix.utf8CodeUnitCount].equals(prefix) { return true }
        }
        return false
    }

    /// The path without what differs from run to run; nil if it names a process, thread or descriptor that is
    /// simply gone.
    private static func general(_ path: [UInt8]) -> [UInt8]? {
        var parts = path.split(separator: UInt8(ascii: "/"))
        guard let last = parts.last else { return nil }
        if parts.count > 1, parts[0].equals("proc") {
            if last.decimal != nil { return nil }
            if let id = parts[1].decimal {
                guard id <= UInt64(Int32.max), Processes.find(Int32(id)) != nil else { return nil }
                parts[1] = Text.bytes("PID")[...]
            }
        }
        var text = Text()
        for part in parts {
            text.add("/")
            text.add(Array(part))
        }
        return text.bytes
    }
}
