/// Sockets. There are none yet: making one is refused and counted for the report, and no descriptor is one.
/// - Returns: nil for a number that is not one of these.
func socketSystemCall(
    _ number: UInt64, _ arguments: SystemCallArguments, _ thread: Thread
) throws(Errno) -> Int? {
    switch number {
    case 41, 53:      // socket, socketpair
        SystemCalls.countUnsupported(UInt32(number))
        throw .addressFamilyNotSupported
    // connect … listen, getsockname, getpeername, setsockopt, getsockopt, accept4, recvmmsg, sendmmsg: bash asks for the
    // peer of its standard input to see whether it runs under rshd.
    case 42...52, 54, 55, 288, 299, 307:
        _ = try thread.process.files.file(Int32(truncatingIfNeeded: arguments.a))
        throw .notSocket
    default: return nil
    }
}
