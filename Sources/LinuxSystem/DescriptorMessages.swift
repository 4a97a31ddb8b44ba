import CLinux
import Glibc
import SystemPackage

/// Messages on Unix sockets that bring descriptors along (SCM_RIGHTS in unix(7)).
extension FileDescriptor {
    /// Sends one message, without waiting: a full socket is `EAGAIN`. The descriptors stay open here.
    public func send(_ bytes: [UInt8], with descriptors: [FileDescriptor] = []) throws(Errno) {
        let numbers = descriptors.map(\.rawValue)
        let sent = bytes.withUnsafeBytes { bytes in
            linux_send_with_descriptors(
                rawValue, bytes.baseAddress, bytes.count, numbers, CInt(numbers.count))
        }
        try checked(sent)
    }

    /// Waits for one message. Each descriptor that came is the caller's to own.
    ///
    /// - Returns: No bytes at the end of the connection.
    public func receive(
        upTo count: Int, descriptors maximum: Int = 0
    ) throws(Errno) -> (bytes: [UInt8], descriptors: [FileDescriptor]) {
        var numbers = [CInt](repeating: -1, count: max(1, maximum))
        var came = CInt(maximum)
        var bytes = [UInt8](repeating: 0, count: count)
        let received = try retryingOnInterrupt {
            came = CInt(maximum)
            return bytes.withUnsafeMutableBytes { bytes in
                linux_receive_with_descriptors(rawValue, bytes.baseAddress, bytes.count, &numbers, &came)
            }
        }
        let descriptors = numbers.prefix(Int(came)).map { FileDescriptor(rawValue: $0) }
        return (Array(bytes.prefix(received)), descriptors)
    }

    /// Who is at the other end of a connected Unix socket.
    public var peerUser: UInt32 {
        get throws(Errno) {
            let user = linux_peer_user(rawValue)
            if user < 0 { throw Errno(rawValue: CInt(clamping: -user)) }
            return UInt32(truncatingIfNeeded: user)
        }
    }
}
