/// What fstat(2) shows of descriptors that no path leads to: eventfd, epoll, pipes and the like.
enum AnonymousInode {
    static let device: UInt64 = 15
    // SAFETY: see Frames.
    nonisolated(unsafe) private static var lastNumber: UInt64 = 1000

    static func newNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    static func status(number: UInt64) -> FileStatus {
        FileStatus(device: device, inode: number, type: .regular, permissions: 0o600)
    }
}
