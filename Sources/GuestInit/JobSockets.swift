import CGuestInit
import JobWire

/// Makes the job's connections to the host, by port (docs/protocol.md §1).
struct JobSockets {
    /// Begins a connection; it need not stand when this returns.
    let connect: (UInt32) throws(Errno) -> Descriptor

    /// Over vsock.
    static var vsock: JobSockets {
        JobSockets { (port) throws(Errno) in
            let socket = Descriptor(owning: try LinuxCall.socket(40, 0o2004001, 0))   // stream, nonblocking, closed on exec
            var address = linux_sockaddr_vm()
            address.family = 40     // AF_VSOCK
            address.cid = 2         // the host
            address.port = port
            do throws(Errno) {
                try withArgument(of: &address) { (address) throws(Errno) in
                    try LinuxCall.connect(socket.number, address, 16)
                }
            } catch {
                if error != .inProgress { throw error }
            }
            return socket
        }
    }

    /// A connection that stands, with the control stream, on which init waits.
    func connectControl() throws(Errno) -> Descriptor {
        let socket = try connect(JobPort.control)
        _ = try Poll.wait(for: [(socket.number, Poll.writable)])
        var failure: Int32 = 0
        var length: UInt32 = 4
        try withArgument(of: &failure) { (failure) throws(Errno) in
            try withArgument(of: &length) { (length) throws(Errno) in
                try LinuxCall.getsockopt(socket.number, 1, 4, failure, length)     // SOL_SOCKET, SO_ERROR
            }
        }
        if failure != 0 { throw Errno(code: failure) }
        let flags = try LinuxCall.fcntl(socket.number, 3)
        try LinuxCall.fcntl(socket.number, 4, flags & ~OpenFlags.nonblocking)
        return socket
    }
}

extension Descriptor {
    /// Closes a socket to the host and waits until the host has seen all that was written, and its end: what is still
    /// in the kernel when the power goes off is lost. No longer than ten seconds.
    consuming func closeAfterAnswer() {
        var linger = linux_linger(is_on: 1, seconds: 10)
        _ = try? withArgument(of: &linger) { (linger) throws(Errno) in
            try LinuxCall.setsockopt(number, 1, 13, linger, 8)     // SOL_SOCKET, SO_LINGER
        }
    }
}
