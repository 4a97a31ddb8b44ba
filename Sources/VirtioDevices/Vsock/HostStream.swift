import CLinux
import Glibc
import GuestMemory
import LinuxSystem
import SystemPackage

/// Which way bytes go over a descriptor.
public enum StreamDirection: Sendable {
    /// Feeds the guest, drains it, both.
    case toGuest, toHost, both
}

/// The host's end of a stream: a descriptor that somebody else may share, read and written without ever
/// waiting.
///
/// The descriptor may be the user's terminal or pipe. O_NONBLOCK belongs to the open file description, which
/// the user's shell shares, so it is left as it is, and each kind of file gets the call that does not wait
/// anyway:
///
///     socket                    recvmsg, sendmsg with MSG_DONTWAIT
///     O_NONBLOCK already set    readv, writev
///     pipe                      preadv2, pwritev2 with RWF_NOWAIT (Linux 6.4)
///     pipe on older kernels     poll, then at most PIPE_BUF, which a pipe that polls writable has room for
///     terminal                  poll, then at most `terminalWriteMaximum`
///     regular file, /dev/null   readv, writev: never wait for a peer
final class HostStream {
    enum Outcome {
        case moved(Int)
        case wouldBlock
        /// Reading only.
        case endOfFile
        case failed(Errno)
    }

    private enum Method { case socket, nonblocking, noWait, polled(writeMaximum: Int), direct }

    /// A pipe that polls writable takes this much without waiting (pipe(7)), unless another writer comes
    /// between.
    private static let pipeBuffer = 4096
    /// A terminal that polls writable promises less; a small write waits at most for a reader that is awake.
    private static let terminalWriteMaximum = 256

    private var descriptor: OwnedDescriptor?
    private var method: Method
    private let kind: FileKind
    let canRead: Bool
    let canWrite: Bool

    init(owning descriptor: consuming OwnedDescriptor, direction: StreamDirection) throws(Errno) {
        let file = descriptor.borrowed
        kind = try file.status().kind
        canRead = try file.isReadable && direction != .toHost
        // An output that is not open for writing fails when it is written to, and its launcher hears why.
        let isWritable = try file.isWritable
        canWrite = direction == .toHost || (isWritable && direction != .toGuest)
        let isNonblocking = try file.statusFlags() & O_NONBLOCK != 0
        method = switch kind {
        case .socket: .socket
        case .regular, .blockDevice: .direct
        case _ where isNonblocking: .nonblocking
        default: .noWait
        }
        self.descriptor = consume descriptor
    }

    /// What the loop is to watch; nil once closed.
    var file: FileDescriptor? { descriptor?.borrowed }

    var isOpen: Bool { descriptor != nil }

    // MARK: Reading

    func read(into buffers: GuestBuffers) -> Outcome {
        guard let file, canRead else { return .endOfFile }
        do throws(Errno) {
            let count: Int
            switch method {
            case .socket: count = try buffers.receive(from: file)
            case .nonblocking, .direct: count = try buffers.read(from: file)
            case .noWait: count = try buffers.readNow(from: file)
            case .polled:
                guard try file.isReady(for: CInt(POLLIN)) else { return .wouldBlock }
                count = try buffers.read(from: file)
            }
            return count == 0 ? .endOfFile : .moved(count)
        } catch {
            if isUnsupported(error) {
                fallBack()
                return read(into: buffers)
            }
            // A terminal whose other end is gone, and a peer that died, end the input. A disk's EIO does not: input that
            // is cut short must not look whole.
            if error == .ioError, kind == .characterDevice { return .endOfFile }
            if error == .connectionReset { return .endOfFile }
            return error == .wouldBlock ? .wouldBlock : .failed(error)
        }
    }

    // MARK: Writing

    func write(_ buffers: GuestBuffers) -> Outcome {
        guard let file else { return .failed(.brokenPipe) }
        return write(count: buffers.count) { limit throws(Errno) in
            let piece = limit.map { buffers.prefix($0) } ?? buffers
            switch method {
            case .socket: return try piece.send(to: file)
            case .noWait: return try piece.writeNow(to: file)
            case .nonblocking, .direct, .polled: return try piece.write(to: file)
            }
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        guard let file else { return .failed(.brokenPipe) }
        var vector = iovec(
            iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
        return write(count: bytes.count) { limit throws(Errno) in
            vector.iov_len = limit.map { min($0, bytes.count) } ?? bytes.count
            let written = switch method {
            case .socket: linux_sendv_nowait(file.rawValue, &vector, 1)
            case .noWait: linux_writev_nowait(file.rawValue, &vector, 1)
            case .nonblocking, .direct, .polled: linux_writev(file.rawValue, &vector, 1)
            }
            return try checked(written)
        }
    }

    private func write(count: Int, _ call: (_ limit: Int?) throws(Errno) -> Int) -> Outcome {
        guard let file, count > 0 else { return .moved(0) }
        while true {
            do throws(Errno) {
                guard case .polled(let maximum) = method else { return .moved(try call(nil)) }
                guard try file.isReady(for: CInt(POLLOUT)) else { return .wouldBlock }
                return .moved(try call(maximum))
            } catch {
                if error == .interrupted { continue }
                if isUnsupported(error) {
                    fallBack()
                    continue
                }
                return error == .wouldBlock ? .wouldBlock : .failed(error)
            }
        }
    }

    // MARK: The rest

    /// RWF_NOWAIT is refused with EOPNOTSUPP, by old kernels with EINVAL.
    private func isUnsupported(_ error: Errno) -> Bool {
        guard case .noWait = method else { return false }
        return error == .notSupportedOnSocket || error == .notSupported || error == .invalidArgument
            || error == .noFunction
    }

    private func fallBack() {
        method = .polled(
            writeMaximum: kind == .pipe ? HostStream.pipeBuffer : HostStream.terminalWriteMaximum)
    }

    /// The guest will send no more: tells whoever reads.
    func finishWriting() {
        guard let file else { return }
        if kind == .socket {
            try? file.shutdown(CInt(SHUT_WR))   // ENOTCONN: the reader knows already
        } else if !canRead {
            close()
        }
    }

    func close() {
        descriptor = nil
    }
}
