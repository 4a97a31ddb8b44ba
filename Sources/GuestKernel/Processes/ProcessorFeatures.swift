import GuestNucleus

/// What CPUID says, asked once.
enum ProcessorFeatures {
    // SAFETY: the kernel is single-threaded (see Frames).
    nonisolated(unsafe) private static var cached: UInt32 = 0

    /// CPUID 1, EDX: AT_HWCAP.
    static var leaf1EDX: UInt32 {
        if cached == 0 { cached = cpuid(1, 0).edx }
        return cached
    }
}
