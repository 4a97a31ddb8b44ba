import GuestMemory

/// A bounded FIFO of bytes on their way from the guest to a slow reader. Takes its memory when first used.
final class ByteRing {
    // SAFETY: `storage` is `capacity` bytes, allocated once, freed in deinit; all offsets are taken modulo
    // `capacity`.
    private var storage: UnsafeMutableRawBufferPointer?
    let capacity: Int
    private var start = 0
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = capacity
    }

    deinit { storage?.deallocate() }

    var isEmpty: Bool { count == 0 }

    /// Copies all of `buffers` in, which must fit: credit sees to that.
    func append(_ buffers: GuestBuffers) {
        precondition(buffers.count <= capacity - count, "more bytes than the credit allows")
        let bytes = storage ?? UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        storage = bytes
        let end = (start + count) % capacity
        let first = min(buffers.count, capacity - end)
        let copied = buffers.copy(into: UnsafeMutableRawBufferPointer(rebasing: bytes[end..<end + first]))
        if copied < buffers.count {
            let rest = buffers.dropping(copied)
            _ = rest.copy(into: UnsafeMutableRawBufferPointer(rebasing: bytes[0..<rest.count]))
        }
        count += buffers.count
    }

    /// The oldest bytes, as far as they lie together. Valid until the next change.
    var front: UnsafeRawBufferPointer {
        guard let storage else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let length = min(count, capacity - start)
        return UnsafeRawBufferPointer(rebasing: storage[start..<start + length])
    }

    func removeFirst(_ bytes: Int) {
        precondition(bytes <= count, "removed more than there is")
        start = (start + bytes) % capacity
        count -= bytes
        if count == 0 { start = 0 }
    }

    func removeAll() { removeFirst(count) }
}
