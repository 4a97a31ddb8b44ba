import CLinux
import Glibc
import LinuxSystem
import Synchronization
import SystemPackage

/// Carries bytes between the caller's stream and a pipe of a machine that was prepared before the caller was known. On a
/// thread of its own, which waits wherever it must: so a caller that reads slowly slows the guest down, as without a relay.
final class StreamRelay: Sendable {
    struct Progress: Sendable {
        /// Bytes that reached the target.
        var passed: UInt64 = 0
        /// More than `limit` came; what is beyond was not passed.
        var isOverLimit = false
        var hasEnded = false
        /// Why reading the source or writing the target failed, or 0.
        var readErrno: Int32 = 0
        var writeErrno: Int32 = 0
    }

    /// Closed when the thread has let go of it: then the pipe's other end learns it.
    private final class Ends: Sendable {
        let source: OwnedDescriptor
        let target: OwnedDescriptor

        init(_ source: consuming OwnedDescriptor, _ target: consuming OwnedDescriptor) {
            self.source = source
            self.target = target
        }
    }

    private let state = Mutex(Progress())
    private let limit: UInt64
    private let changed: Mailbox<Void>

    var progress: Progress { state.withLock { $0 } }

    /// Begins.
    ///
    /// - Parameters:
    ///   - limit: Most bytes that are passed.
    ///   - changed: Hears of the end, and of the limit.
    init(
        from source: consuming OwnedDescriptor, to target: consuming OwnedDescriptor, limit: UInt64 = .max,
        changed: Mailbox<Void>
    ) throws(Errno) {
        self.limit = limit
        self.changed = changed
        let ends = Ends(source, target)
        try Thread(name: "relay") { [self] in carry(ends) }.detach()
    }

    private static let pieceBytes = 64 * 1024

    private func carry(_ ends: Ends) {
        var room = limit
        var isGoingOn = true
        while isGoingOn {
            let piece: [UInt8]
            do throws(Errno) {
                piece = try Self.read(ends.source.borrowed)
            } catch {
                state.withLock { $0.readErrno = error.rawValue }
                break
            }
            if piece.isEmpty { break }
            let count = Int(min(UInt64(piece.count), room))
            isGoingOn = write(piece, count, to: ends.target.borrowed) && count == piece.count
            if count < piece.count { state.withLock { $0.isOverLimit = true } }
            room -= UInt64(count)
        }
        state.withLock { $0.hasEnded = true }
        changed.post(())
    }

    private static func read(_ source: FileDescriptor) throws(Errno) -> [UInt8] {
        while true {
            do throws(Errno) {
                return try source.read(upTo: pieceBytes)
            } catch {
                // A terminal whose other end is gone, and a peer that died, end the input, as in the VMM.
                if error == .connectionReset { return [] }
                if error == .ioError, (try? source.status().kind) == .characterDevice { return [] }
                guard error == .wouldBlock || error == .resourceTemporarilyUnavailable else { throw error }
                // The caller shares its stream and has set O_NONBLOCK.
                _ = linux_poll(source.rawValue, CInt(POLLIN), -1)
            }
        }
    }

    /// - Returns: Whether all of it went.
    private func write(_ piece: [UInt8], _ count: Int, to target: FileDescriptor) -> Bool {
        var offset = 0
        while offset < count {
            var failure: Errno?
            let written = piece.withUnsafeBytes { bytes in
                do throws(Errno) {
                    return try target.write(some: UnsafeRawBufferPointer(rebasing: bytes[offset..<count]))
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure {
                if failure == .wouldBlock || failure == .resourceTemporarilyUnavailable {
                    _ = linux_poll(target.rawValue, CInt(POLLOUT), -1)
                    continue
                }
                state.withLock { $0.writeErrno = failure.rawValue }
                return false
            }
            offset += written
            state.withLock { $0.passed += UInt64(written) }
        }
        return true
    }
}
