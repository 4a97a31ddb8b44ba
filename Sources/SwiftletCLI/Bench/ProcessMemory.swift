import Glibc
import LinuxSystem

/// The proportional set size of a process, from /proc/PID/smaps: pages that several processes share count in parts.
struct ProcessMemory {
    private(set) var totalKiB: UInt64 = 0
    /// Of that, in the range of the guest's memory; 0 if there is none.
    private(set) var guestKiB: UInt64 = 0

    /// Nil if it cannot be read: the process has ended, or this user may not look.
    init?(of process: pid_t, guestBytes: UInt64) {
        guard let file = try? OwnedDescriptor.open("/proc/\(process)/smaps", flags: O_RDONLY),
            let bytes = try? file.borrowed.readAll(atMost: 4 << 20), !bytes.isEmpty
        else { return nil }
        self.init(smaps: String(decoding: bytes, as: UTF8.self), guestBytes: guestBytes)
    }

    init(smaps: String, guestBytes: UInt64) {
        var mappings: [(start: UInt64, kibibytes: UInt64)] = []
        var guestEnd: UInt64?
        for line in smaps.split(separator: "\n") {
            if line.hasPrefix("Pss:"), !mappings.isEmpty {
                mappings[mappings.count - 1].kibibytes = UInt64(line.split(separator: " ")[1]) ?? 0
            } else if let range = Self.range(line) {
                mappings.append((range.lower, 0))
                // The kernel's file lies over a part near the start of the guest's memory, so the last part is the
                // largest. It has no name: the image, which may be as large, has one.
                let size = range.upper - range.lower
                if size >= guestBytes / 2, size <= guestBytes, !line.contains("/") { guestEnd = range.upper }
            }
        }
        totalKiB = mappings.reduce(0) { $0 + $1.kibibytes }
        guard let guestEnd, guestEnd >= guestBytes else { return }
        for mapping in mappings where mapping.start >= guestEnd - guestBytes && mapping.start < guestEnd {
            guestKiB += mapping.kibibytes
        }
    }

    /// `7f46375d0000-7f46375d6000 rw-p …` begins a mapping.
    private static func range(_ line: Substring) -> (lower: UInt64, upper: UInt64)? {
        let word = line.prefix { $0 != " " }
        let parts = word.split(separator: "-")
        guard parts.count == 2, let lower = UInt64(parts[0], radix: 16),
            let upper = UInt64(parts[1], radix: 16), upper > lower
        else { return nil }
        return (lower, upper)
    }

    /// The children of every process, as they are now.
    static func children() -> [pid_t: [pid_t]] {
        var children: [pid_t: [pid_t]] = [:]
        for name in (try? listDirectory(Array("/proc".utf8))) ?? [] {
            guard let process = pid_t(String(decoding: name, as: UTF8.self)),
                let file = try? OwnedDescriptor.open("/proc/\(process)/stat", flags: O_RDONLY),
                let bytes = try? file.borrowed.read(upTo: 4096),
                // The name before may hold blanks and brackets itself.
                let close = bytes.lastIndex(of: UInt8(ascii: ")"))
            else { continue }
            let words = String(decoding: bytes[(close + 1)...], as: UTF8.self).split(separator: " ")
            guard words.count > 1, let parent = pid_t(words[1]) else { continue }
            children[parent, default: []].append(process)
        }
        return children
    }
}
