import Glibc
import Synchronization

/// A window on guest RAM, checked once when made. Offsets into it come from us, not from the guest, and are
/// asserted.
///
/// Not a span: the guest changes the bytes at any time. Loads copy; ring indices are atomics.
public struct GuestSlice: @unchecked Sendable {
    // SAFETY: `memory` keeps the mapping alive and `base ..< base + count` was checked to be inside it.
    // Concurrent access by the guest is the normal case: 2- and 4-byte indices go through atomics, everything
    // else is copied.
    private let memory: GuestMemory
    private let base: UnsafeMutableRawPointer
    public let count: Int

    init(memory: GuestMemory, base: UnsafeMutableRawPointer, count: Int) {
        self.memory = memory
        self.base = base
        self.count = count
    }

    @inline(__always)
    private func pointer(_ offset: Int, _ size: Int, alignment: Int) -> UnsafeMutableRawPointer {
        precondition(offset >= 0 && size <= count && offset <= count - size, "offset outside a guest slice")
        let pointer = base + offset
        precondition(UInt(bitPattern: pointer) % UInt(alignment) == 0, "misaligned access in a guest slice")
        return pointer
    }

    /// Copies a struct out.
    public func load<T: GuestLayout>(_ type: T.Type = T.self, at offset: Int) -> T {
        var value = T()
        let source = pointer(offset, MemoryLayout<T>.size, alignment: 1)
        withUnsafeMutableBytes(of: &value) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: source, count: $0.count))
        }
        return value
    }

    public func store<T: GuestLayout>(_ value: T, at offset: Int) {
        let target = pointer(offset, MemoryLayout<T>.size, alignment: 1)
        withUnsafePointer(to: value) { _ = memcpy(target, $0, MemoryLayout<T>.size) }
    }

    // SAFETY of the four below: in bounds and aligned (asserted by `pointer`), the memory outlives the call,
    // and an Atomic of a fixed-width integer has exactly that integer's layout.

    /// Everything the driver wrote before it released this index is visible after this load.
    public func loadAcquiring16(at offset: Int) -> UInt16 {
        pointer(offset, 2, alignment: 2).assumingMemoryBound(to: Atomic<UInt16>.self)
            .pointee.load(ordering: .acquiring)
    }

    public func loadRelaxed16(at offset: Int) -> UInt16 {
        pointer(offset, 2, alignment: 2).assumingMemoryBound(to: Atomic<UInt16>.self)
            .pointee.load(ordering: .relaxed)
    }

    /// Whoever acquires this index sees everything we wrote before it.
    public func storeReleasing16(_ value: UInt16, at offset: Int) {
        pointer(offset, 2, alignment: 2).assumingMemoryBound(to: Atomic<UInt16>.self)
            .pointee.store(value, ordering: .releasing)
    }

    public func storeRelaxed16(_ value: UInt16, at offset: Int) {
        pointer(offset, 2, alignment: 2).assumingMemoryBound(to: Atomic<UInt16>.self)
            .pointee.store(value, ordering: .relaxed)
    }
}
