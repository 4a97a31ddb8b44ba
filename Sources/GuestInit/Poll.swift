import CGuestInit

/// ppoll(2).
enum Poll {
    static let readable: Int16 = 1
    static let writable: Int16 = 4

    /// Waits until something can be done with one of the descriptors.
    /// - Returns: for each, whether it has an event: one asked for, an error or the other side's end.
    static func wait(
        for wanted: [(descriptor: Int, events: Int16)], milliseconds: Int64? = nil
    ) throws(Errno) -> [Bool] {
        var polled = wanted.map {
            linux_pollfd(descriptor: Int32($0.descriptor), events: $0.events, returned: 0)
        }
        var limit = linux_timespec(
            seconds: (milliseconds ?? 0) / 1000, nanoseconds: (milliseconds ?? 0) % 1000 * 1_000_000)
        try withArgument(of: &limit) { (limit) throws(Errno) in
            try polled.withUnsafeMutableBufferPointer { (polled) throws(Errno) in
                _ = try LinuxCall.ppoll(
                    Int(bitPattern: polled.baseAddress), polled.count, milliseconds == nil ? 0 : limit)
            }
        }
        return polled.map { $0.returned != 0 }
    }
}
