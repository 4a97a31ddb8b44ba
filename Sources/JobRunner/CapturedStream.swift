import CLinux
import Glibc
import LinuxSystem
import SystemPackage

/// The host's end of an output stream that is kept in memory, up to a limit. What comes beyond it is read and dropped,
/// so that the writer never blocks on it.
struct CapturedStream: ~Copyable {
    let reading: OwnedDescriptor
    private let limit: UInt64
    private(set) var bytes: [UInt8] = []
    private(set) var isAtEnd = false
    /// More than the limit has come.
    private(set) var isOverLimit = false

    /// - Parameter reading: The end of a pipe; becomes non-blocking.
    init(_ reading: consuming OwnedDescriptor, limit: UInt64) throws(Errno) {
        let flags = try reading.borrowed.statusFlags()
        try checked(linux_set_status_flags(reading.borrowed.rawValue, flags | O_NONBLOCK))
        self.reading = reading
        self.limit = limit
    }

    /// Takes what is there now.
    mutating func drain() {
        while !isAtEnd {
            do throws(Errno) {
                let piece = try reading.borrowed.read(upTo: 64 * 1024)
                if piece.isEmpty {
                    isAtEnd = true
                } else {
                    let room = Int(clamping: limit - min(limit, UInt64(bytes.count)))
                    bytes += piece.prefix(room)
                    if piece.count > room {
                        isOverLimit = true
                        return
                    }
                }
            } catch {
                if error != .resourceTemporarilyUnavailable, error != .wouldBlock { isAtEnd = true }
                return
            }
        }
    }
}
