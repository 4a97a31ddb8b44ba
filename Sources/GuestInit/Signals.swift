import CGuestInit

/// Init handles no signal: it blocks them all and hears of its children through a descriptor.
enum Signals {
    static let kill = 9
    private static let child = 17

    /// - Returns: readable when a child has ended.
    static func start() throws(Errno) -> Descriptor {
        try setMask(.max)
        var children = UInt64(1) << UInt64(child - 1)
        return Descriptor(
            owning: try withArgument(of: &children) { (children) throws(Errno) in
                try LinuxCall.signalfd4(-1, children, 8, OpenFlags.nonblocking | OpenFlags.closeOnExec)
            })
    }

    /// For the job, which inherits what is ignored too: nothing is.
    static func unblockAll() throws(Errno) {
        for signal in 1...64 where signal != kill && signal != 19 {
            var action = linux_sigaction()
            _ = try? withArgument(of: &action) { (action) throws(Errno) in
                try LinuxCall.rt_sigaction(signal, action, 0, 8)
            }
        }
        try setMask(0)
    }

    private static func setMask(_ mask: UInt64) throws(Errno) {
        var mask = mask
        try withArgument(of: &mask) { (mask) throws(Errno) in
            try LinuxCall.rt_sigprocmask(2, mask, 0, 8)     // SIG_SETMASK
        }
    }

    /// Takes what `start`'s descriptor says: that there is something to reap.
    static func take(_ descriptor: Int) {
        var record: InlineArray<16, UInt64> = InlineArray(repeating: 0)     // struct signalfd_siginfo: 128 bytes
        _ = try? withArgument(of: &record) { (record) throws(Errno) in
            try LinuxCall.read(descriptor, record, 128)
        }
    }
}
