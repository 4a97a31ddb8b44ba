import CLinux
import Glibc
import LinuxSystem
import SystemPackage

// Straight between a file and guest memory, no copy in between. Each returns the bytes moved, which may be
// fewer than asked for; 0 from a read is the end of the file.
extension GuestBuffers {
    /// readv(2) into the guest.
    public func read(from file: FileDescriptor) throws(Errno) -> Int {
        try transfer { linux_readv(file.rawValue, $0, $1) }
    }

    /// writev(2) from the guest.
    public func write(to file: FileDescriptor) throws(Errno) -> Int {
        try transfer { linux_writev(file.rawValue, $0, $1) }
    }

    /// preadv(2) into the guest; `offset` in bytes.
    public func read(from file: FileDescriptor, at offset: Int64) throws(Errno) -> Int {
        try transfer { linux_preadv(file.rawValue, $0, $1, offset) }
    }

    /// pwritev(2) from the guest; `offset` in bytes.
    public func write(to file: FileDescriptor, at offset: Int64) throws(Errno) -> Int {
        try transfer { linux_pwritev(file.rawValue, $0, $1, offset) }
    }

    /// readv that never waits, whatever O_NONBLOCK says; EOPNOTSUPP where that cannot be had.
    public func readNow(from file: FileDescriptor) throws(Errno) -> Int {
        try transfer { linux_readv_nowait(file.rawValue, $0, $1) }
    }

    /// writev that never waits, whatever O_NONBLOCK says; EOPNOTSUPP where that cannot be had.
    public func writeNow(to file: FileDescriptor) throws(Errno) -> Int {
        try transfer { linux_writev_nowait(file.rawValue, $0, $1) }
    }

    /// recvmsg(2) that never waits.
    public func receive(from socket: FileDescriptor) throws(Errno) -> Int {
        try transfer { linux_recvv_nowait(socket.rawValue, $0, $1) }
    }

    /// sendmsg(2) that never waits and never raises SIGPIPE.
    public func send(to socket: FileDescriptor) throws(Errno) -> Int {
        try transfer { linux_sendv_nowait(socket.rawValue, $0, $1) }
    }

    private func transfer(
        _ call: (UnsafePointer<iovec>?, CInt) -> Int
    ) throws(Errno) -> Int {
        try withVectors { vectors throws(Errno) in
            try retryingOnInterrupt { call(vectors.baseAddress, CInt(vectors.count)) }
        }
    }

    /// Fills the whole list with random bytes from the kernel.
    public func fillWithRandomBytes() throws(Errno) {
        try withVectors { vectors throws(Errno) in
            for vector in vectors {
                var done = 0
                while done < vector.iov_len {
                    done += try retryingOnInterrupt {
                        linux_getrandom(vector.iov_base + done, vector.iov_len - done)
                    }
                }
            }
        }
    }
}
