/// Counts for the job's report.
enum Counters {
    // SAFETY: see Frames.
    nonisolated(unsafe) static var systemCalls: UInt64 = 0
    nonisolated(unsafe) static var pageFaults: UInt64 = 0
    /// Entries of programs' page tables written, all levels.
    nonisolated(unsafe) static var pageTableWrites: UInt64 = 0
    nonisolated(unsafe) static var interrupts: UInt64 = 0
    nonisolated(unsafe) static var processes: UInt64 = 0
    /// Refused by the job's own limits: new threads, and blocks of a full scratch disk.
    nonisolated(unsafe) static var processesRefused: UInt64 = 0
    nonisolated(unsafe) static var diskRefused: UInt64 = 0
    /// `Clock.monotonic` when the last entry came in, and when a program last went on: for user and system time.
    nonisolated(unsafe) static var lastEntry: UInt64 = 0
    nonisolated(unsafe) static var lastResume: UInt64 = 0
    /// `Clock.monotonic` when the first program was about to run its first instruction.
    nonisolated(unsafe) static var firstResume: UInt64 = 0

    /// Somebody came in and nobody has gone on since: the kernel is at work.
    static var isInsideKernel: Bool { lastEntry > lastResume }

    /// A restored machine's job counts from nothing.
    static func restart() {
        systemCalls = 0
        pageFaults = 0
        pageTableWrites = 0
        interrupts = 0
        processes = 0
        processesRefused = 0
        diskRefused = 0
        firstResume = 0
    }
}
