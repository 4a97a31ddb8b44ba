import GuestNucleus

/// Which address space the processor has loaded. The kernel is in all of them, so its own threads run in whichever it is;
/// only going back to a program loads the program's. That passes through ring 0, so it is done when it must be: the program
/// is of another process, or a translation that the processor may remember is not true any more.
enum LoadedSpace {
    // SAFETY: the kernel is single-threaded (see Frames).
    nonisolated(unsafe) private static var root = UInt64(SWIFTLET_KERNEL_PML4)
    nonisolated(unsafe) private static var isStale = false
    /// A table that came to its end while it was loaded: the processor may still walk it, so it is taken apart later.
    nonisolated(unsafe) private static var ended: PageTable?

    /// A present entry of `table` was taken away, or allows less, or leads elsewhere.
    static func forget(_ table: PageTable) {
        if table.root == root { isStale = true }
    }

    /// Last thing before a program of `space` goes on.
    static func enter(_ space: AddressSpace) {
        if space.table.root != root || isStale { load(space.table.root) }
    }

    private static func load(_ new: PhysicalAddress) {
        nucleus_load_root(new)
        noteLoaded(new)
    }

    private static func noteLoaded(_ new: PhysicalAddress) {
        root = new
        isStale = false
        if let table = ended {
            ended = nil
            table.destroy()
        }
    }

    /// - Returns: whether the table is loaded, and is destroyed once another one is.
    static func keepUntilReplaced(_ table: PageTable) -> Bool {
        guard table.root == root else { return false }
        ended = table
        return true
    }

    /// A restored machine begins in the kernel's own.
    static func restart() { noteLoaded(UInt64(SWIFTLET_KERNEL_PML4)) }
}
