/// What happens when memory runs out: one program is ended, as Linux's out-of-memory killer does it. Programs' pages run out
/// first (Frames keeps a reserve), then page tables; the kernel's heap, which cannot be refused, last of all.
enum OutOfMemory {
    /// Ends the process with the most memory to its name. `thread` waits meanwhile, unless it is the one.
    static func endLargest(inFavourOf thread: Thread) {
        var victim = thread.process
        for process in Processes.all where process.ending == nil && score(process) > score(victim) {
            victim = process
        }
        // One that is being ended and still is the largest has memory that others hold as well.
        if victim.requestedEnding != nil { victim = thread.process }
        victim.ranOutOfMemory = true
        victim.requestEnd(.signaled(signal: Signal.kill, coreDumped: false))
        if victim !== thread.process { Scheduler.yieldToAll() }
    }

    /// Pages, moved by what was written to oom_score_adj (proc(5)); a process with -1000 comes last.
    private static func score(_ process: Process) -> Int64 {
        let pages = Int64(clamping: process.space.residentPages)
        let adjustment = max(-1000, min(1000, process.outOfMemoryAdjustment))
        if adjustment == -1000 { return -1 }
        return max(0, pages + adjustment * Int64(clamping: Frames.total) / 1000)
    }
}
