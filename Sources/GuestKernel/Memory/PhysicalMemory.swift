/// A guest-physical address, in bytes.
typealias PhysicalAddress = UInt64

let pageSize: UInt64 = 4096

/// The kernel's window on all RAM, the devices and the root image: physical address p is seen at `physmap + p`.
enum PhysicalMemory {
    // SAFETY: set once, before anything else runs; the unit tests point it at an array of their own.
    nonisolated(unsafe) static var physmap = KernelRegion.window

    @inline(__always)
    static func pointer(_ address: PhysicalAddress) -> UnsafeMutableRawPointer {
        // SAFETY: physmap is never null and the sum of a window address and a RAM address does not wrap to 0.
        UnsafeMutableRawPointer(bitPattern: UInt(physmap &+ address)).unsafelyUnwrapped
    }

    static func words(_ address: PhysicalAddress) -> UnsafeMutablePointer<UInt64> {
        pointer(address).assumingMemoryBound(to: UInt64.self)
    }

    static func address(of pointer: UnsafeRawPointer) -> PhysicalAddress {
        UInt64(UInt(bitPattern: pointer)) &- physmap
    }
}
