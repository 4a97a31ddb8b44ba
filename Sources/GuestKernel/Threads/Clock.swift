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

    /// Nanoseconds since the kernel was entered: CLOCK_MONOTONIC and CLOCK_BOOTTIME.
    static var monotonic: UInt64 {
        let ticks = read_tsc() &- bootTSC
        let product = ticks.multipliedFullWidth(by: multiplier)
        return product.high << 32 | product.low >> 32
    }

    /// Nanoseconds since 1970: CLOCK_REALTIME.
    static var realtime: UInt64 { monotonic &+ wallClockAtBoot &+ UInt64(bitPattern: wallClockOffset) }

    /// CLOCK_REALTIME of the boot instant.
    static var wallClockBase: UInt64 { wallClockAtBoot &+ UInt64(bitPattern: wallClockOffset) }
}
