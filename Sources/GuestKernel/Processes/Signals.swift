import GuestNucleus

/// Signals as far as the rest of the kernel sees them. (Owned by the process part.)
struct ThreadSignals {
    var pending: UInt64 = 0     // bit n-1: signal n
    var blocked: UInt64 = 0
}

struct ProcessSignals {
    var pending: UInt64 = 0
}

extension Thread {
    /// Whether a signal would be delivered if the thread returned to its program now; `fatalOnly`: one that ends it.
    func hasDeliverableSignal(fatalOnly: Bool) -> Bool { false }

    /// The processor refused an instruction: becomes SIGILL, SIGFPE, SIGSEGV, SIGBUS or SIGTRAP.
    func raiseException(vector: UInt64, _ frame: UnsafeMutablePointer<trap_frame>) {
        panic("exception in a program")
    }

    /// Becomes SIGSEGV or SIGBUS, or ends the process for want of memory.
    func raiseMemoryFault(_ failure: AddressSpace.FaultFailure, at address: UInt64) {
        panic("memory fault in a program")
    }

    /// Last step before the program goes on: builds signal frames, stops, or ends the thread.
    func deliverSignals() {}
}

func sendSignal(_ signal: Int32, toProcess process: Process) {
    process.signals.pending |= 1 << UInt64(signal - 1)
}
