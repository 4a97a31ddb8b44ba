import CLinux
import GuestMemory
import LinuxSystem
import Virtio

/// The split queue over plain memory: a driver that makes chains available, and the device that takes and completes them.
///
///     0x0000 descriptor table | 0x4000 available ring | 0x8000 used ring | 0x10000 buffers of 4 KiB
struct QueueBenchmark {
    private let memory: GuestMemory
    private let chainLength: UInt16

    private static let size: UInt16 = 256
    private static let nextFlag: UInt16 = 1
    private static let availableRing: UInt64 = 0x4000, usedRing: UInt64 = 0x8000, buffers: UInt64 = 0x10000

    /// The descriptors stay as they are; a driver that reuses them does the same.
    init(chainLength: UInt16) throws {
        memory = try GuestMemory(size: 4 << 20)
        self.chainLength = chainLength
        for index in 0..<Self.size {
            let isLast = index % chainLength == chainLength - 1
            try memory.store(
                vring_desc(
                    addr: Self.buffers + UInt64(index) * 4096, len: 4096, flags: isLast ? 0 : Self.nextFlag,
                    next: index + 1),
                at: GuestAddress(16 * UInt64(index)))
        }
    }

    /// Nanoseconds for each chain: made available (two stores), taken, completed, and asked whether to interrupt.
    ///
    /// - Parameter batch: So many chains are made available before the device looks.
    func nanosecondsPerChain(chains: Int, batch: Int) throws -> Double {
        var configuration = QueueConfiguration()
        configuration.size = UInt32(Self.size)
        configuration.descriptorTable = GuestAddress(0)
        configuration.availableRing = GuestAddress(Self.availableRing)
        configuration.usedRing = GuestAddress(Self.usedRing)
        try memory.store(0 as UInt16, at: GuestAddress(Self.availableRing + 2))
        try memory.store(0 as UInt16, at: GuestAddress(Self.usedRing + 2))
        var queue = SplitQueue(
            try configuration.validated(maximumSize: Self.size, in: memory), features: [.version1])
        var index: UInt16 = 0
        var interrupts = 0
        let begun = monotonicNanoseconds()
        for _ in 0..<(chains / batch) {
            for _ in 0..<batch {
                let slot = UInt64(index % Self.size)
                let head = index % (Self.size / chainLength) * chainLength
                try memory.store(head, at: GuestAddress(Self.availableRing + 4 + 2 * slot))
                index &+= 1
            }
            try memory.store(index, at: GuestAddress(Self.availableRing + 2))
            while let chain = try queue.next() { queue.complete(chain, written: 0) }
            if queue.shouldInterrupt() { interrupts += 1 }
        }
        let nanoseconds = monotonicNanoseconds() - begun
        let used: UInt16 = try memory.load(at: GuestAddress(Self.usedRing + 2))
        guard used == index, interrupts == chains / batch else { throw Wrong() }
        return Double(nanoseconds) / Double(chains / batch * batch)
    }

    /// The queue did something else than was to be measured.
    struct Wrong: Error {}
}
