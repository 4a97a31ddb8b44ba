import CGuestInit

/// Nanoseconds since the kernel was entered, whatever the job does to the time of day.
struct Clock {
    /// From the entry to the beginning of CLOCK_BOOTTIME, which starts when the kernel has found its clock. In a restored
    /// machine the entry is later than that: modulo 2^64.
    private let beforeBootTime: UInt64

    /// Before the job: the time of day is the host's, or the kernel found none and gets it here.
    /// - Parameter entry: nanoseconds since 1970 when the kernel was entered.
    init(entry: UInt64) {
        let boot = Self.now(.boot)
        let day = Self.now(.day)
        // No kernel boots that long, so a difference that is out of it means a clock that was never set.
        let longest: UInt64 = 600_000_000_000
        if day >= entry + boot, day - entry < longest {
            beforeBootTime = day - entry - boot
        } else {
            beforeBootTime = 0
            if day < entry { _ = try? Self.setDay(entry + boot) }
        }
    }

    /// In a restored machine, first of all: sets the time of day, and counts from here.
    /// - Parameter entry: nanoseconds since 1970 when the machine was entered again.
    init(restored entry: UInt64) throws(Errno) {
        beforeBootTime = 0 &- Self.now(.boot)
        try Self.setDay(entry)
    }

    var sinceEntry: UInt64 { Self.now(.boot) &+ beforeBootTime }

    /// Nanoseconds since 1970.
    static var realtime: UInt64 { now(.day) }

    private enum Name: Int {
        case day = 0     // CLOCK_REALTIME
        case boot = 7    // CLOCK_BOOTTIME
    }

    private static func now(_ name: Name) -> UInt64 {
        var time = linux_timespec()
        _ = try? withArgument(of: &time) { (time) throws(Errno) in
            try LinuxCall.clock_gettime(name.rawValue, time)
        }
        return UInt64(time.seconds) * 1_000_000_000 + UInt64(time.nanoseconds)
    }

    private static func setDay(_ nanoseconds: UInt64) throws(Errno) {
        var time = linux_timespec(
            seconds: Int64(nanoseconds / 1_000_000_000), nanoseconds: Int64(nanoseconds % 1_000_000_000))
        try withArgument(of: &time) { (time) throws(Errno) in
            try LinuxCall.clock_settime(Name.day.rawValue, time)
        }
    }
}
