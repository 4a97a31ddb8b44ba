import GuestNucleus

/// The buffers the device puts packets into: a header and a contiguous payload buffer each, one chain of two descriptors.
/// The memory is untouched, and so costs the host nothing, until a packet has been in it.
struct VsockReceiveBuffers {
    static let count = Int(Virtqueue.size) / 2
    /// Bytes of one payload. Large enough that a stream of 100 MB is a few thousand packets.
    let payloadBytes: UInt64
    private let headers: PhysicalAddress
    private let payloads: PhysicalAddress

    /// Takes memory in proportion to what there is: 2 MiB, of address space only, where RAM allows.
    init() throws(Errno) {
        payloadBytes = Frames.total >= 16384 ? 32 << 10 : 8 << 10
        headers = try Frames.allocate(forKernel: true)
        payloads = try Frames.allocateContiguous(
            count: UInt64(Self.count) * payloadBytes / pageSize, forKernel: true)
    }

    func header(_ index: UInt16) -> VsockHeader {
        VsockHeader(base: PhysicalMemory.pointer(headers + UInt64(index) * UInt64(VsockHeader.stride)))
    }

    func payload(_ index: UInt16) -> UnsafeMutableRawPointer {
        PhysicalMemory.pointer(payloads + UInt64(index) * payloadBytes)
    }

    /// Buffer `index` is always the chain at descriptor 2 × `index`.
    func post(all queue: Virtqueue) {
        for index in 0..<UInt16(Self.count) {
            queue.setDescriptor(
                index * 2, address: headers + UInt64(index) * UInt64(VsockHeader.stride),
                length: VsockHeader.bytes, flags: [.write, .next], next: index * 2 + 1)
            queue.setDescriptor(
                index * 2 + 1, address: payloads + UInt64(index) * payloadBytes, length: UInt32(payloadBytes),
                flags: .write)
            queue.add(head: index * 2)
        }
        queue.publish()
    }
}

/// Bytes a connection has received and nobody read yet, in order.
struct VsockReceivedBytes {
    /// A stretch of them: in a receive buffer, which is given back when it is read, or copied into a frame.
    private struct Chunk {
        var start: UnsafeMutableRawPointer
        var count: Int
        /// Nil: in the frame at the page of `start`.
        var buffer: UInt16?
        /// Room behind the bytes, for more; frames only.
        var room: Int
    }

    private var chunks: [Chunk] = []
    private var first = 0
    private(set) var count = 0

    /// Keeps `bytes`: by reference, if they fill so much of their buffer that keeping it is no waste, else copied.
    /// - Returns: whether the buffer is kept; the caller posts it again otherwise.
    /// - Throws: `.noMemory`.
    mutating func append(
        _ bytes: UnsafeMutableRawBufferPointer, inBuffer buffer: UInt16, of bufferBytes: UInt64
    ) throws(Errno) -> Bool {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return false }
        if UInt64(bytes.count) * 2 > bufferBytes {
            chunks.append(Chunk(start: base, count: bytes.count, buffer: buffer, room: 0))
            count += bytes.count
            return true
        }
        var done = 0
        while done < bytes.count {
            if first == chunks.count || chunks[chunks.count - 1].room == 0 {
                let frame = try Frames.allocate(zeroed: false, forKernel: true)
                let start = PhysicalMemory.pointer(frame)
                chunks.append(Chunk(start: start, count: 0, buffer: nil, room: Int(pageSize)))
            }
            let last = chunks.count - 1
            let size = min(bytes.count - done, chunks[last].room)
            wide_copy(chunks[last].start + chunks[last].count, base + done, UInt64(size))
            chunks[last].count += size
            chunks[last].room -= size
            done += size
        }
        count += done
        return false
    }

    /// The first contiguous stretch. Valid until the next change.
    var front: UnsafeRawBufferPointer {
        first < chunks.count
            ? UnsafeRawBufferPointer(start: chunks[first].start, count: chunks[first].count)
            : UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// Forgets all bytes, and that some lie in receive buffers.
    mutating func removeAll() {
        while count > 0 { _ = removeFirst(front.count) }
    }

    /// Forgets the first `size` bytes, at most `front.count` of them.
    /// - Returns: a receive buffer that is free again by that.
    mutating func removeFirst(_ size: Int) -> UInt16? {
        guard first < chunks.count else { return nil }
        let taken = min(size, chunks[first].count)
        chunks[first].start += taken
        chunks[first].count -= taken
        count -= taken
        if chunks[first].count > 0 { return nil }
        let chunk = chunks[first]
        first += 1
        if first == chunks.count {
            chunks.removeAll(keepingCapacity: true)
            first = 0
        }
        if chunk.buffer == nil {
            // `start` is behind the bytes: at the end of a full frame it is the next frame's first byte.
            Frames.release(PhysicalMemory.address(of: chunk.start - 1) & ~(pageSize - 1))
        }
        return chunk.buffer
    }
}
