import GuestNucleus

/// Places for packets on their way out: a header and up to `largeBytes` of payload each. Slot i is descriptors 2i and 2i + 1.
/// What a program writes is copied in (a copy of 64 KiB costs less than waiting for the device would), so a write returns at
/// once and the host works on it meanwhile.
struct VsockTransmitSlots {
    static let count = Int(Virtqueue.size) / 2
    /// Slots only packets without payload may take, so that credit and resets go out however much data is queued.
    private static let controlSlots = 8
    /// Bytes of payload in a packet at most.
    static let largeBytes = 64 << 10
    /// Large payload buffers: 1 MiB under way at most. Untouched until used; the last used is used first.
    private static let largeBuffers = 16

    private enum Payload {
        case none
        case frame(PhysicalAddress)
        case large(PhysicalAddress)
    }

    private let headers: PhysicalAddress
    private var free: [UInt16]
    private var payloads: [Payload]
    private var freeLarge: [PhysicalAddress] = []
    private var largeMade = 0

    init() throws(Errno) {
        headers = try Frames.allocate(forKernel: true)
        free = Array((0..<UInt16(Self.count)).reversed())
        payloads = Array(repeating: .none, count: Self.count)
    }

    var isDataPossible: Bool { free.count > Self.controlSlots }

    func header(_ slot: UInt16) -> VsockHeader {
        VsockHeader(base: PhysicalMemory.pointer(headers + UInt64(slot) * UInt64(VsockHeader.stride)))
    }

    /// A slot for a packet without payload; nil if there is none.
    mutating func takeControl() -> UInt16? { free.popLast() }

    /// A slot with room for `wanted` bytes, or for fewer when memory is short.
    /// - Returns: nil when the caller has to wait for one to come back.
    /// - Throws: `.noMemory` if waiting would not help.
    mutating func takeData(
        _ wanted: Int
    ) throws(Errno) -> (slot: UInt16, room: UnsafeMutableRawBufferPointer)? {
        guard isDataPossible else { return nil }
        if wanted > Int(pageSize), let buffer = takeLarge() {
            return place(.large(buffer), at: buffer, room: min(wanted, Self.largeBytes))
        }
        if wanted > Int(pageSize), largeMade == Self.largeBuffers { return nil }
        let frame = try Frames.allocate(zeroed: false, forKernel: true)
        return place(.frame(frame), at: frame, room: min(wanted, Int(pageSize)))
    }

    private mutating func place(
        _ payload: Payload, at address: PhysicalAddress, room: Int
    ) -> (slot: UInt16, room: UnsafeMutableRawBufferPointer)? {
        guard let slot = free.popLast() else { return nil }
        payloads[Int(slot)] = payload
        return (slot, UnsafeMutableRawBufferPointer(start: PhysicalMemory.pointer(address), count: room))
    }

    private mutating func takeLarge() -> PhysicalAddress? {
        if let buffer = freeLarge.popLast() { return buffer }
        guard largeMade < Self.largeBuffers,
            let buffer = try? Frames.allocateContiguous(count: UInt64(Self.largeBytes) / pageSize)
        else { return nil }
        largeMade += 1
        return buffer
    }

    /// Queues the slot's packet with the first `length` bytes of its payload.
    func send(_ slot: UInt16, length: Int, on queue: Virtqueue) {
        let header = headers + UInt64(slot) * UInt64(VsockHeader.stride)
        switch payloads[Int(slot)] {
        case .none:
            queue.setDescriptor(slot * 2, address: header, length: VsockHeader.bytes)
        case .frame(let address), .large(let address):
            queue.setDescriptor(
                slot * 2, address: header, length: VsockHeader.bytes, flags: .next, next: slot * 2 + 1)
            queue.setDescriptor(slot * 2 + 1, address: address, length: UInt32(length))
        }
        queue.add(head: slot * 2)
    }

    /// No packet is under way any more: the machine is a restored one.
    mutating func giveBackAll() {
        for slot in 0..<UInt16(Self.count) where !free.contains(slot) { giveBack(slot) }
    }

    /// The packet has gone, or was never sent.
    mutating func giveBack(_ slot: UInt16) {
        switch payloads[Int(slot)] {
        case .none: break
        case .frame(let frame): Frames.release(frame)
        case .large(let buffer): freeLarge.append(buffer)
        }
        payloads[Int(slot)] = .none
        free.append(slot)
    }
}
