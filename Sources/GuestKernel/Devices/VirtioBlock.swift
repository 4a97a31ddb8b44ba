import GuestNucleus

/// A virtio-block disk (virtio 1.2 §5.2). A request is one chain:
///
///     | header 16 B, readable | frames, merged where they are neighbours | status 1 B, writable |
///
/// A request keeps a reference to each of its frames until the device has returned it, so a killed waiter can go.
final class VirtioBlock: BlockDevice {
    enum Operation: UInt32 {
        case read = 0, write = 1, flush = 4      // VIRTIO_BLK_T_IN, OUT, FLUSH
    }

    /// Frames in one request: with header and status they fill half the queue, so that two can be under way.
    static let framesPerRequest = Int(Virtqueue.size) / 2 - 2

    /// A chain in the device's hands. Named by its first descriptor.
    final class Request {
        var descriptors: [UInt16] = []
        var frames: [PhysicalAddress] = []
        var isDone = false
        var didSucceed = false
    }

    private let device: VirtioDevice
    private let queue: Virtqueue
    /// Header and status of the request whose first descriptor is i, at 32 × i.
    private let headers: PhysicalAddress
    private var freeDescriptors: [UInt16]
    private var underWay: [Request?]
    private var countUnderWay = 0
    /// Woken when a request is done and descriptors are free.
    private let progress = WaitQueue()

    init(number: Int, _ entry: swiftlet_device) throws(Errno) {
        let device = try VirtioDevice(
            number: number, entry, queueCount: 1, optional: [.blockReadOnly, .blockFlush])
        self.device = device
        queue = device.queues[0]
        headers = try Frames.allocate(forKernel: true)
        freeDescriptors = Array((0..<Virtqueue.size).reversed())
        underWay = Array(repeating: nil, count: Int(Virtqueue.size))
        super.init(sectorCount: device.configuration, isReadOnly: device.features.contains(.blockReadOnly))
    }

    func connectInterrupt() {
        Interrupts.connect(device: device.number, gsi: device.gsi) { [self] in _ = poll() }
    }

    // MARK: BlockDevice

    override func read(firstSector: UInt64, into frames: [PhysicalAddress]) throws(Errno) {
        guard firstSector < sectorCount || frames.isEmpty else { throw .ioError }
        try inRequests(.read, firstSector, frames)
    }

    override func write(firstSector: UInt64, from frames: [PhysicalAddress]) throws(Errno) {
        if isReadOnly { throw .readOnlyFileSystem }
        guard firstSector < sectorCount || frames.isEmpty else { throw .ioError }
        try inRequests(.write, firstSector, frames)
    }

    override func flush() throws(Errno) {
        guard device.features.contains(.blockFlush) else { return }
        try wait(for: try submit(.flush, sector: 0, frames: [], bytes: 0))
    }

    private func inRequests(
        _ operation: Operation, _ firstSector: UInt64, _ frames: [PhysicalAddress]
    ) throws(Errno) {
        var sector = firstSector
        var next = 0
        while next < frames.count {
            let count = min(frames.count - next, Self.framesPerRequest)
            let part = Array(frames[next..<(next + count)])
            let onDisk = min(UInt64(count) * Self.sectorsPerFrame, sectorCount - min(sector, sectorCount))
            if onDisk > 0 {
                let bytes = onDisk * Self.sectorBytes
                try wait(for: try submit(operation, sector: sector, frames: part, bytes: bytes))
            }
            if operation == .read { Self.clear(part, from: onDisk * Self.sectorBytes) }
            sector += UInt64(count) * Self.sectorsPerFrame
            next += count
        }
    }

    /// Zeroes what lies behind the end of the disk.
    private static func clear(_ frames: [PhysicalAddress], from start: UInt64) {
        var offset = start
        while offset < UInt64(frames.count) * pageSize {
            let inFrame = offset % pageSize
            wide_zero(PhysicalMemory.pointer(frames[Int(offset / pageSize)] + inFrame), pageSize - inFrame)
            offset += pageSize - inFrame
        }
    }

    // MARK: Requests

    /// Makes the chain and hands it to the device. Waits for descriptors if need be.
    func submit(
        _ operation: Operation, sector: UInt64, frames: [PhysicalAddress], bytes: UInt64
    ) throws(Errno) -> Request {
        while freeDescriptors.count < frames.count + 2 { try waitForProgress() }
        let request = Request()
        for frame in frames { Frames.retain(frame) }
        request.frames = frames

        let head = freeDescriptors.removeLast()
        let header = headers + UInt64(head) * 32
        let words = PhysicalMemory.pointer(header)
        words.storeBytes(of: operation.rawValue, as: UInt32.self)
        words.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self)
        words.storeBytes(of: sector, toByteOffset: 8, as: UInt64.self)
        words.storeBytes(of: 0xFF, toByteOffset: 16, as: UInt8.self)
        var chain = Chain(head: head, address: header, length: 16)
        let flags: Virtqueue.Flags = operation == .read ? .write : []
        var left = bytes
        for frame in frames where left > 0 {
            let size = min(left, pageSize)
            chain.append(frame, size, flags, queue, &freeDescriptors)
            left -= size
        }
        chain.append(header + 16, 1, .write, queue, &freeDescriptors)
        request.descriptors = chain.finish(queue)

        underWay[Int(head)] = request
        countUnderWay += 1
        queue.add(head: head)
        queue.publish()
        return request
    }

    /// A chain being built: one piece is held back, because what follows it may join it or must be linked to it.
    private struct Chain {
        private var descriptors: [UInt16]
        private var address: PhysicalAddress
        private var length: UInt64
        private var flags: Virtqueue.Flags = []

        init(head: UInt16, address: PhysicalAddress, length: UInt64) {
            descriptors = [head]
            self.address = address
            self.length = length
        }

        mutating func append(
            _ next: PhysicalAddress, _ size: UInt64, _ nextFlags: Virtqueue.Flags, _ queue: Virtqueue,
            _ free: inout [UInt16]
        ) {
            // The header never joins data: a device may insist on the 16 bytes of their own; nor does the status byte.
            if descriptors.count > 1, size > 1, flags == nextFlags, address + length == next {
                length += size
                return
            }
            let descriptor = free.removeLast()
            queue.setDescriptor(
                descriptors[descriptors.count - 1], address: address, length: UInt32(length),
                flags: flags.union(.next), next: descriptor)
            descriptors.append(descriptor)
            address = next
            length = size
            flags = nextFlags
        }

        func finish(_ queue: Virtqueue) -> [UInt16] {
            queue.setDescriptor(
                descriptors[descriptors.count - 1], address: address, length: UInt32(length), flags: flags)
            return descriptors
        }
    }

    private func wait(for request: Request) throws(Errno) {
        _ = poll()
        while !request.isDone { try waitForProgress() }
        if !request.didSucceed { throw .ioError }
    }

    private func waitForProgress() throws(Errno) {
        if poll() { return }
        if queue.requestInterrupt() { try progress.wait(interruptible: false) }
    }

    // MARK: Completion

    /// Whether somebody waits for an answer of the device.
    var isBusy: Bool { countUnderWay > 0 }
    var hasUsed: Bool { queue.hasUsed }

    /// Takes back what the device is done with.
    /// - Returns: whether there was anything.
    func poll() -> Bool {
        var didAnything = false
        while let (head, _) = queue.takeUsed() {
            guard let request = underWay[Int(head)] else {
                panic("virtio-block: a request came back that was not sent")
            }
            underWay[Int(head)] = nil
            countUnderWay -= 1
            let status = PhysicalMemory.pointer(headers + UInt64(head) * 32 + 16).load(as: UInt8.self)
            request.didSucceed = status == 0
            request.isDone = true
            for frame in request.frames { Frames.release(frame) }
            freeDescriptors.append(contentsOf: request.descriptors)
            didAnything = true
        }
        if didAnything {
            progress.wakeAll()
            if countUnderWay > 0 && !queue.requestInterrupt() { return poll() }
        }
        return didAnything
    }
}
