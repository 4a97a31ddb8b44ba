/// Sockets. There are none yet: making one is refused and counted for the report, and no descriptor is one.
/// - Returns: nil for a number that is not one of these.
func socketSystemCall(
    _ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread
) throws(Errno) -> Int? {
    switch call {
    case .socket, .socketpair:
        SystemCalls.countUnsupported(call)
        throw .addressFamilyNotSupported
    // connect … listen, getsockname, getpeername, setsockopt, getsockopt, accept4, recvmmsg, sendmmsg: bash asks for the
    // peer of its standard input to see whether it runs under rshd.
    case .connect, .accept, .sendto, .recvfrom, .sendmsg, .recvmsg, .shutdown, .bind, .listen,
        .getsockname, .getpeername, .setsockopt, .getsockopt, .accept4, .recvmmsg, .sendmmsg:
        _ = try thread.process.files.file(Int32(truncatingIfNeeded: arguments.a))
        throw .notSocket
    default: return nil
    }
}
