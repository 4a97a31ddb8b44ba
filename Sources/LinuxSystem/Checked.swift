import CLinux
import Glibc
import SystemPackage

/// Turns the shims' convention (a result, or minus errno) into a Swift error. The shim has read errno in C,
/// so no Swift code can have clobbered it.
@inlinable
@discardableResult
public func checked<Result: SignedInteger & FixedWidthInteger>(_ result: Result) throws(Errno) -> Result {
    if result < 0 { throw Errno(rawValue: CInt(truncatingIfNeeded: -result)) }
    return result
}

/// Repeats a system call that a signal interrupted.
@inlinable
public func retryingOnInterrupt<Result: SignedInteger & FixedWidthInteger>(
    _ call: () -> Result
) throws(Errno) -> Result {
    while true {
        let result = call()
        if result != -Result(EINTR) { return try checked(result) }
    }
}

/// Makes writing to a pipe or socket whose reader is gone an `EPIPE` and nothing else, in the whole process.
public func ignoreBrokenPipeSignal() throws(Errno) {
    try checked(linux_ignore_sigpipe())
}

/// CLOCK_MONOTONIC, in nanoseconds.
public func monotonicNanoseconds() -> UInt64 {
    linux_monotonic_nanoseconds()
}

/// CLOCK_REALTIME, in nanoseconds since 1970.
public func realtimeNanoseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}
