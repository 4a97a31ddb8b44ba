import CSwiftletABI
public import GuestMemory

/// A kernel in guest memory: ready but for the boot page.
public enum LoadedKernel: Sendable {
    case tiny(LoadedTinyKernel)
    case linux(LoadedLinux)
    case saved(SavedLinux)

    /// What its vCPU, or the first of several, begins with; nil: with what was saved.
    public var cpu: InitialCPUState? {
        switch self {
        case .tiny(let kernel): kernel.cpu
        case .linux(let kernel): kernel.cpu
        case .saved: nil
        }
    }

    /// Writes `struct swiftlet_boot_page` to its place. To be called just before the first KVM_RUN.
    public func writeBootPage(_ facts: BootFacts, into memory: GuestMemory) throws(GuestMemoryError) {
        var page: swiftlet_boot_page
        switch self {
        case .tiny(let kernel): page = kernel.bootPage(facts)
        case .linux(let kernel): page = kernel.bootPage(facts)
        case .saved(let kernel): page = kernel.bootPage(facts)
        }
        var failure: GuestMemoryError?
        withUnsafeBytes(of: &page) { bytes in
            do throws(GuestMemoryError) {
                try memory.copy(bytes, to: GuestAddress(UInt64(SWIFTLET_BOOT_PAGE)))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
