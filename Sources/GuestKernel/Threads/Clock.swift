import GuestNucleus

/// Time in nanoseconds, from the time-stamp counter and what the boot page said of it.
enum Clock {
    // SAFETY: set once at boot (see Frames).
    nonisolated(unsafe) private(set) static var bootTSC: UInt64 = 0
    nonisolated(unsafe) private(set) static var frequency: UInt64 = 1_000_000_000
    nonisolated(unsafe) private static var wallClockAtBoot: UInt64 = 0
    /// What clock_settime(2) moved the wall clock by.
    nonisolated(unsafe) static var wallClockOffset: Int64 = 0
    /// ns = ticks × multiplier >> 32.
    nonisolated(unsafe) private(set) static var multiplier: UInt64 = 1 << 32

    static func start(tsc: UInt64, frequency: UInt64, wallClock: UInt64) {
        bootTSC = tsc
        self.frequency = max(frequency, 1_000_000)
        wallClockAtBoot = wallClock
        multiplier = (1_000_000_000 << 32) / self.frequency     // the dividend needs 62 bits
    }

    /// In a restored machine, whose kernel was entered at `tsc`: the monotonic clock goes on from where it was saved, the
    /// wall clock is the host's, whatever the job had set it to.
    static func restart(tsc: UInt64, frequency: UInt64, wallClock: UInt64, from saved: UInt64) {
        start(tsc: tsc, frequency: frequency, wallClock: wallClock)
        let billion: UInt64 = 1_000_000_000
        var ticks = saved / billion &* self.frequency &+ saved % billion &* self.frequency / billion
        // `multiplier` is cut by up to 2^-30 of itself: time must not go back by that.
        ticks &+= ticks >> 29
        bootTSC = tsc &- ticks
        entered = nanoseconds(ticks)
        wallClockAtBoot = wallClock &- entered
        wallClockOffset = 0
    }

    // SAFETY: set once, before any program runs (see Frames).
    /// `monotonic` when this machine's kernel was entered: 0, but in a restored machine.
    nonisolated(unsafe) private(set) static var entered: UInt64 = 0
    static var sinceEntry: UInt64 { monotonic &- entered }

    private static func nanoseconds(_ ticks: UInt64) -> UInt64 {
        let product = ticks.multipliedFullWidth(by: multiplier)
        return product.high << 32 | product.low >> 32
    }

    /// Nanoseconds since the kernel was entered: CLOCK_MONOTONIC and CLOCK_BOOTTIME.
    static var monotonic: UInt64 { nanoseconds(read_tsc() &- bootTSC) }

    /// Nanoseconds since 1970: CLOCK_REALTIME.
    static var realtime: UInt64 { monotonic &+ wallClockAtBoot &+ UInt64(bitPattern: wallClockOffset) }

    /// CLOCK_REALTIME of the boot instant.
    static var wallClockBase: UInt64 { wallClockAtBoot &+ UInt64(bitPattern: wallClockOffset) }
}
