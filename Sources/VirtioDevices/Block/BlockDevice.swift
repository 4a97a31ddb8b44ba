import CLinux
import GuestMemory
public import LinuxSystem
import SystemPackage
import Virtio

/// A virtio block device on a raw file (virtio 1.2 §5.2): read, write, flush and get-id, in order, one at a
/// time.
///
/// A request is finished before the next event of the device loop is looked at, so a reset never finds one in
/// flight.
public final class BlockDevice: VirtioDevice {
    public let description: DeviceDescription
    private let backend: FileBackend
    private let identity: [UInt8]
    private var queue: DeviceQueue?
    private var host: DeviceHost?
    /// Nil: as fast as the file.
    private var limiter: BlockLimiter?
    /// Until `timeReached`, the queue is left alone.
    private var isThrottled = false
    private let now: () -> UInt64

    /// Requests that were answered with an error because of what the guest asked.
    public private(set) var refusedCount: UInt64 = 0
    /// Requests that the host failed: `EIO`, `ENOSPC` …
    public private(set) var failedCount: UInt64 = 0

    /// - Parameters:
    ///   - identity: What the guest reads as the disk's serial number, at most 20 bytes of it.
    ///   - now: CLOCK_MONOTONIC in nanoseconds; tests have a clock of their own.
    public init(
        _ backend: consuming FileBackend, identity: String, rates: BlockRates = BlockRates(),
        now: @escaping () -> UInt64 = monotonicNanoseconds
    ) {
        self.now = now
        limiter = rates.isUnlimited ? nil : BlockLimiter(rates)
        var features: VirtioFeatures = [.blockSegmentMaximum]
        features.insert(backend.isReadOnly ? .blockReadOnly : .blockFlush)
        description = DeviceDescription(
            id: .block, features: features, queueSizes: [DeviceDescription.maximumQueueSize],
            configuration: BlockDevice.configuration(capacitySectors: backend.capacitySectors))
        self.backend = backend
        var bytes = Array(identity.utf8.prefix(BlockRequest.identityLength))
        while bytes.count < BlockRequest.identityLength { bytes.append(0) }
        self.identity = bytes
    }

    /// struct virtio_blk_config up to blk_size: capacity in sectors, size_max (not offered), seg_max,
    /// geometry.
    private static func configuration(capacitySectors: UInt64) -> [UInt8] {
        // Header and status take one descriptor each of a chain no longer than the queue.
        let segmentMaximum = UInt32(DeviceDescription.maximumQueueSize) - 2
        var bytes = [UInt8](repeating: 0, count: 24)
        for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: capacitySectors >> (8 * index)) }
        for index in 0..<4 { bytes[12 + index] = UInt8(truncatingIfNeeded: segmentMaximum >> (8 * index)) }
        return bytes
    }

    public func activate(_ queues: [DeviceQueue?], features: VirtioFeatures, host: DeviceHost) {
        queue = queues[0]
        self.host = host
    }

    public func reset() {
        queue = nil
        isThrottled = false
    }

    public func queueNotified(_ index: Int) throws(VirtioError) {
        guard let queue else { return }
        try queue.serve(while: { !isThrottled }) { chain throws(VirtioError) in process(chain, queue) }
    }

    public func timeReached() throws(VirtioError) {
        isThrottled = false
        try queueNotified(0)
    }

    /// The guest has stopped; what it still had in the queue (a write nobody waited for) is done as if it had
    /// not, at most a queue of it and without waiting for its rate.
    public func drain() throws(VirtioError) {
        limiter = nil
        try timeReached()
    }

    private func process(_ chain: consuming DescriptorChain, _ queue: DeviceQueue) {
        guard chain.writable.count >= 1 else {
            // No room for a status: nothing can be said, and nothing is done.
            refusedCount &+= 1
            return queue.complete(chain, written: 0)
        }
        let data = chain.writable.prefix(chain.writable.count - 1)
        let statusByte = chain.writable.dropping(chain.writable.count - 1)
        let header = chain.readable.load(virtio_blk_outhdr.self)
        let wait = waitingTime(header, readable: chain.readable, data)
        if wait > 0 {
            isThrottled = true
            host?.wake(at: now() &+ wait)
            return queue.putBack(chain)
        }
        let (status, written) = execute(header, chain.readable, data)
        _ = statusByte.store(status)
        queue.complete(chain, written: written + 1)
    }

    /// How long the request must wait, in nanoseconds; if not at all, it has been booked. What is no read counts as a write;
    /// a request that will be refused counts too, because it costs as much.
    private func waitingTime(
        _ header: virtio_blk_outhdr?, readable: GuestBuffers, _ data: GuestBuffers
    ) -> UInt64 {
        guard limiter != nil else { return 0 }
        let isRead =
            header?.type == UInt32(VIRTIO_BLK_T_IN) || header?.type == UInt32(VIRTIO_BLK_T_GET_ID)
        let bytes = isRead ? data.count : max(0, readable.count - MemoryLayout<virtio_blk_outhdr>.size)
        return limiter?.admit(isRead ? .read : .write, bytes: bytes, at: now()) ?? 0
    }

    /// - Returns: the status byte, and how many bytes of `data` were written.
    private func execute(
        _ header: virtio_blk_outhdr?, _ readable: GuestBuffers, _ data: GuestBuffers
    ) -> (UInt8, Int) {
        guard let header else {
            refusedCount &+= 1
            return (UInt8(VIRTIO_BLK_S_IOERR), 0)
        }
        let request: BlockRequest
        do throws(BlockRequest.Refusal) {
            request = try BlockRequest(
                parsing: header, readable: readable.dropping(MemoryLayout<virtio_blk_outhdr>.size),
                data: data, capacitySectors: backend.capacitySectors, isReadOnly: backend.isReadOnly)
        } catch {
            refusedCount &+= 1
            return (error.status, 0)
        }
        do throws(Errno) {
            return (UInt8(VIRTIO_BLK_S_OK), try execute(request))
        } catch {
            failedCount &+= 1
            return (UInt8(VIRTIO_BLK_S_IOERR), 0)
        }
    }

    private func execute(_ request: BlockRequest) throws(Errno) -> Int {
        switch request.operation {
        case .read:
            try backend.read(request.payload, firstSector: request.firstSector)
            return request.payload.count
        case .write:
            try backend.write(request.payload, firstSector: request.firstSector)
            return 0
        case .flush:
            try backend.flush()
            return 0
        case .identify:
            return identity.withUnsafeBytes { request.payload.copy(from: $0) }
        }
    }
}

extension VirtioFeatures {
    /// VIRTIO_BLK_F_SEG_MAX
    static let blockSegmentMaximum = VirtioFeatures(rawValue: 1 << 2)
    /// VIRTIO_BLK_F_RO
    static let blockReadOnly = VirtioFeatures(rawValue: 1 << 5)
    /// VIRTIO_BLK_F_FLUSH
    static let blockFlush = VirtioFeatures(rawValue: 1 << 9)
}
