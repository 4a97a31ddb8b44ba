import GuestNucleus

/// The kernel's own addresses, which every address space has and no program is given: one slot of the root table
/// (swiftlet_abi.h). Everything that asks what belongs to whom asks here.
///
///     … programs | guard page | start: nothing, 16 MiB | image … | heapBlocks … | window on all memory … | end
enum KernelRegion {
    static let start = UInt64(SWIFTLET_KERNEL)
    static let image = UInt64(SWIFTLET_KERNEL_IMAGE)
    /// Heap blocks put together from single frames (KernelMappings).
    static let heapBlocks = UInt64(SWIFTLET_KERNEL_BLOCKS)
    static let window = UInt64(SWIFTLET_PHYSMAP)

    /// Which entry of the root table reaches it.
    static let rootSlot = Int(SWIFTLET_KERNEL_PML4_SLOT)
    /// Of the root table: the nucleus's tables, for ring 0 alone.
    static let nucleusSlot = Int(SWIFTLET_NUCLEUS_PML4_SLOT)

    /// Programs may map from here (Linux's default mmap_min_addr) …
    static let lowestOfPrograms: UInt64 = 0x1_0000
    /// … to here. The page between is nobody's, so that a `syscall` at the very end does not go on in the kernel.
    static let topOfPrograms = start - 0x1000

    /// What an address must be for the kernel's code to be there: it runs nowhere else.
    static func isText(_ address: UInt64) -> Bool { address >= image && address < heapBlocks }
}
