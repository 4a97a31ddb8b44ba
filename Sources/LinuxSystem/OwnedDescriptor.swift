import CLinux
import Glibc
import SystemPackage

/// One file descriptor, closed exactly once. Move it to give it away; `release()` to hand it to C.
public struct OwnedDescriptor: ~Copyable, Sendable {
    private let descriptor: FileDescriptor

    /// Takes over an open descriptor: nobody else closes it from here on.
    public init(owning descriptor: FileDescriptor) {
        self.descriptor = descriptor
    }

    /// Takes over the descriptor a shim returned, or throws the error it returned.
    public init(checking result: CInt) throws(Errno) {
        self.descriptor = FileDescriptor(rawValue: try checked(result))
    }

    /// The descriptor, valid only while `self` is alive. Of an optional in a local `let`, `x?.borrowed` takes the value and
    /// closes it there and then (Swift 6.3): unwrap it first. Of a stored `var` it does not.
    public var borrowed: FileDescriptor { descriptor }

    /// Gives up ownership without closing.
    public consuming func release() -> FileDescriptor {
        let descriptor = self.descriptor
        discard self
        return descriptor
    }

    /// A second descriptor for the same open file, closed on exec.
    public func duplicate() throws(Errno) -> OwnedDescriptor {
        try OwnedDescriptor(checking: linux_dup_cloexec(descriptor.rawValue, 3))
    }

    deinit {
        // EBADF means that somebody else closed our descriptor: our bug, and dangerous, because the number
        // may name another file by now. Other errors (EIO of a late write) have no one left to hear them.
        let result = linux_close(descriptor.rawValue)
        precondition(result != -EBADF, "descriptor \(descriptor.rawValue) was closed by someone else")
    }
}

extension OwnedDescriptor {
    /// Opens `path` relative to the current directory, close-on-exec. `flags` as open(2).
    public static func open(_ path: String, flags: CInt, mode: UInt32 = 0) throws(Errno) -> OwnedDescriptor {
        let result = path.withCString { linux_open($0, flags | O_CLOEXEC, mode) }
        return try OwnedDescriptor(checking: result)
    }

    /// An anonymous file in memory, close-on-exec; `name` shows in /proc only.
    public static func memoryFile(name: String, size: Int = 0) throws(Errno) -> OwnedDescriptor {
        let result = name.withCString { linux_memfd_create($0, 0) }
        let file = try OwnedDescriptor(checking: result)
        if size > 0 { try checked(linux_ftruncate(file.borrowed.rawValue, Int64(size))) }
        return file
    }
}

/// The two ends of a pipe. Frozen, so that a user may move one end out and close the other.
@frozen public struct Pipe: ~Copyable {
    public var reading: OwnedDescriptor
    public var writing: OwnedDescriptor

    /// Both ends close on exec; `flags` may add O_NONBLOCK.
    public init(flags: CInt = 0) throws(Errno) {
        var ends: (CInt, CInt) = (-1, -1)
        // SAFETY: a homogeneous tuple of two CInt has the layout of CInt[2].
        let result = withUnsafeMutableBytes(of: &ends) {
            linux_pipe($0.assumingMemoryBound(to: CInt.self).baseAddress, flags)
        }
        try checked(result)
        reading = OwnedDescriptor(owning: FileDescriptor(rawValue: ends.0))
        writing = OwnedDescriptor(owning: FileDescriptor(rawValue: ends.1))
    }
}

/// Two connected Unix sockets. Frozen for the same reason as `Pipe`.
@frozen public struct SocketPair: ~Copyable {
    public var first: OwnedDescriptor
    public var second: OwnedDescriptor

    /// `type`: SOCK_STREAM, SOCK_SEQPACKET …, with SOCK_NONBLOCK if wanted. Both close on exec.
    public init(type: CInt) throws(Errno) {
        var ends: (CInt, CInt) = (-1, -1)
        // SAFETY: a homogeneous tuple of two CInt has the layout of CInt[2].
        let result = withUnsafeMutableBytes(of: &ends) {
            linux_socketpair(type, $0.assumingMemoryBound(to: CInt.self).baseAddress)
        }
        try checked(result)
        first = OwnedDescriptor(owning: FileDescriptor(rawValue: ends.0))
        second = OwnedDescriptor(owning: FileDescriptor(rawValue: ends.1))
    }
}
