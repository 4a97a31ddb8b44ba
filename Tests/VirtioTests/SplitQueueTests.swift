import CLinux
import GuestMemory
import Testing
import Virtio

@Suite struct SplitQueueTests {
    let memory: GuestMemory
    let driver: GuestDriverQueue

    init() throws {
        memory = try GuestMemory(size: 1 << 20)
        driver = GuestDriverQueue(memory, at: 0x4000)
    }

    // MARK: Correct drivers

    @Test("a chain arrives with its readable and writable parts and returns with its length")
    func roundTrip() throws {
        let queue = try driver.deviceQueue()
        try memory.store(bytes: [1, 2, 3, 4], at: GuestAddress(0x10000))
        let head = try driver.add([.readable(0x10000, 4), .writable(0x11000, 100), .writable(0x12000, 50)])
        let chain = try queue.take()
        #expect(chain.readable.bytes() == [1, 2, 3, 4])
        #expect(chain.writable.count == 150)
        queue.complete(chain, written: 120)
        let used = try driver.takeUsed()
        #expect(used.map(\.head) == [UInt32(head)])
        #expect(used.map(\.written) == [120])
        #expect(try queue.pending() == 0)
    }

    @Test("a chain that was put back comes again")
    func putBack() throws {
        let queue = try driver.deviceQueue()
        try driver.add([.readable(0x10000, 4)])
        queue.putBack(try queue.take())
        let chain = try queue.take()
        #expect(chain.head == 0)
        queue.complete(chain, written: 0)
        #expect(try driver.takeUsed().count == 1)
    }

    @Test("indices wrap at 2^16 and the ring goes on")
    func wrap() throws {
        let queue = try driver.deviceQueue([.version1, .eventIndex])
        for round in 0..<70_000 {
            try driver.makeAvailable(0)
            try driver.setDescriptor(0, address: 0x10000, count: UInt32(round), flags: 2)
            let chain = try queue.take()
            queue.complete(chain, written: round)
            #expect(try driver.takeUsed().map(\.written) == [UInt32(round)])
        }
    }

    @Test("an indirect table is followed, alone or at the end of a chain (§2.7.5.3)")
    func indirect() throws {
        let queue = try driver.deviceQueue([.version1, .indirectDescriptors])
        try memory.store(vring_desc(addr: 0x10000, len: 8, flags: 1, next: 2), at: GuestAddress(0x8001))
        try memory.store(vring_desc(addr: 0x30000, len: 3, flags: 2, next: 0), at: GuestAddress(0x8001 + 32))
        try driver.setDescriptor(0, address: 0x8001, count: 48, flags: 4)
        try driver.makeAvailable(0)
        let alone = try queue.take()
        #expect((alone.readable.count, alone.writable.count) == (8, 3))
        queue.complete(alone, written: 0)

        try driver.setDescriptor(1, address: 0x20000, count: 5, flags: 1, next: 0)
        try driver.makeAvailable(1)
        let last = try queue.take()
        #expect((last.readable.count, last.writable.count) == (13, 3))
        queue.complete(last, written: 0)
    }

    // MARK: Suppression

    @Test(
        "HOSTILE 7: with event indices the driver is interrupted when its used_event is passed, and only then (§2.7.10)")
    func usedEvent() throws {
        let queue = try driver.deviceQueue([.version1, .eventIndex])
        func completeOne() throws -> Bool {
            try driver.add([.writable(0x10000, 1)])
            queue.complete(try queue.take(), written: 1)
            return queue.shouldInterrupt()
        }
        try driver.setUsedEvent(0)
        #expect(try completeOne())
        #expect(try !completeOne())  // used_event still 0: asked for the first only
        try driver.setUsedEvent(3)
        #expect(try !completeOne())
        #expect(try completeOne())  // entry 3
        #expect(!queue.shouldInterrupt())  // nothing new
    }

    @Test(
        "HOSTILE 7: whatever used_event was, the next sensible one is heeded",
        arguments: [0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff] as [UInt16])
    func usedEventExtremes(_ event: UInt16) throws {
        let queue = try driver.deviceQueue([.version1, .eventIndex])
        try driver.setUsedEvent(event)
        try driver.add([.writable(0x10000, 1)])
        queue.complete(try queue.take(), written: 1)
        _ = queue.shouldInterrupt()
        try driver.setUsedEvent(1)
        try driver.add([.writable(0x10000, 1)])
        queue.complete(try queue.take(), written: 1)
        #expect(queue.shouldInterrupt())
    }

    @Test("without event indices the driver's NO_INTERRUPT flag is heeded, and ours is set while we work")
    func flags() throws {
        let queue = try driver.deviceQueue()
        queue.disableNotifications()
        #expect(try driver.usedFlags() == 1)
        #expect(try !queue.enableNotifications())
        #expect(try driver.usedFlags() == 0)
        try driver.setAvailableFlags(1)
        try driver.add([.writable(0x10000, 1)])
        queue.complete(try queue.take(), written: 1)
        #expect(!queue.shouldInterrupt())
        try driver.setAvailableFlags(0)
        try driver.add([.writable(0x10000, 1)])
        queue.complete(try queue.take(), written: 1)
        #expect(queue.shouldInterrupt())
    }

    @Test("enabling notifications asks for the next chain and sees one that slipped in")
    func availableEvent() throws {
        let queue = try driver.deviceQueue([.version1, .eventIndex])
        try driver.add([.writable(0x10000, 1)])
        queue.complete(try queue.take(), written: 1)
        #expect(try !queue.enableNotifications())
        #expect(try driver.availableEvent() == 1)
        try driver.add([.writable(0x10000, 1)])
        #expect(try queue.enableNotifications())
    }

    @Test("an indirect table may have as many descriptors as the queue may be long: the largest request of Linux")
    func fullIndirectTable() throws {
        let queue = try driver.deviceQueue([.version1, .indirectDescriptors])
        for index in 0..<256 {
            try memory.store(
                vring_desc(addr: 0x10000, len: 1, flags: index < 255 ? 1 : 0, next: UInt16(index + 1) % 256),
                at: GuestAddress(0x8000 + 16 * UInt64(index)))
        }
        try driver.setDescriptor(0, address: 0x8000, count: 16 * 256, flags: GuestDriverQueue.indirect)
        try driver.makeAvailable(0)
        let chain = try queue.take()
        #expect(chain.readable.count == 256)
        queue.complete(chain, written: 0)
    }

    // MARK: Hostile drivers

    private func expectError(
        _ expected: VirtioError, features: VirtioFeatures = [.version1, .indirectDescriptors],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let queue = try driver.deviceQueue(features)
        var thrown: VirtioError?
        do throws(VirtioError) {
            if let chain = try queue.next() { chain.abandon() }
        } catch {
            thrown = error
        }
        #expect(thrown == expected, sourceLocation: sourceLocation)
    }

    @Test("HOSTILE 4: an available index further ahead than the queue is long is refused")
    func availableLeap() throws {
        try driver.setAvailableIndex(17)
        try expectError(.availableIndex(17, next: 0, size: 16))
        try driver.setAvailableIndex(0xffff)
        try expectError(.availableIndex(0xffff, next: 0, size: 16))
    }

    @Test("HOSTILE 4: a head and a next field outside the table are refused")
    func indexOutOfTable() throws {
        try driver.makeAvailable(16)
        try expectError(.descriptorIndex(16, tableSize: 16))
        try driver.setAvailableIndex(0)
        try driver.setDescriptor(0, address: 0x10000, count: 1, flags: GuestDriverQueue.next, next: 0xffff)
        try driver.makeAvailable(0)
        try expectError(.descriptorIndex(0xffff, tableSize: 16))
    }

    @Test("HOSTILE 4: a chain that loops ends after as many steps as the device allows")
    func loop() throws {
        try driver.setDescriptor(0, address: 0x10000, count: 1, flags: GuestDriverQueue.next, next: 1)
        try driver.setDescriptor(1, address: 0x10000, count: 1, flags: GuestDriverQueue.next, next: 0)
        try driver.makeAvailable(0)
        try expectError(.chainTooLong(limit: 256))
    }

    @Test("HOSTILE 4: an indirect table that loops, or is longer than the queue may be, ends too")
    func indirectLoop() throws {
        try memory.store(vring_desc(addr: 0x10000, len: 1, flags: 1, next: 0), at: GuestAddress(0x8000))
        try driver.setDescriptor(0, address: 0x8000, count: 16, flags: GuestDriverQueue.indirect)
        try driver.makeAvailable(0)
        try expectError(.chainTooLong(limit: 256))
        for index in 0..<300 {
            try memory.store(
                vring_desc(addr: 0x10000, len: 1, flags: 1, next: UInt16(index + 1)),
                at: GuestAddress(0x8000 + 16 * UInt64(index)))
        }
        try driver.setDescriptor(0, address: 0x8000, count: 16 * 300, flags: GuestDriverQueue.indirect)
        try expectError(.chainTooLong(limit: 256))
    }

    @Test("HOSTILE 4: indirect tables that were not negotiated, are nested, empty or of odd size are refused")
    func badIndirect() throws {
        try driver.setDescriptor(0, address: 0x8000, count: 16, flags: GuestDriverQueue.indirect)
        try driver.makeAvailable(0)
        try expectError(.indirectTable("not negotiated"), features: [.version1])
        try memory.store(vring_desc(addr: 0x8000, len: 16, flags: 4, next: 0), at: GuestAddress(0x8000))
        try expectError(.indirectTable("inside another one"))
        try driver.setDescriptor(0, address: 0x8000, count: 0, flags: GuestDriverQueue.indirect)
        try expectError(.indirectTable("0 bytes are not whole descriptors"))
        try driver.setDescriptor(0, address: 0x8000, count: 17, flags: GuestDriverQueue.indirect)
        try expectError(.indirectTable("17 bytes are not whole descriptors"))
        try driver.setDescriptor(0, address: 0x8000, count: 16, flags: 5, next: 0)
        try expectError(.indirectTable("followed by another descriptor"))
        try driver.setDescriptor(0, address: .max - 15, count: 16, flags: GuestDriverQueue.indirect)
        try expectError(.memory(.outsideRAM(GuestAddress(.max - 15), count: 16)))
    }

    @Test("HOSTILE 4: a readable buffer after a writable one is refused, even an empty one")
    func order() throws {
        try driver.add([.writable(0x10000, 0), .readable(0x10000, 1)])
        try expectError(.readableAfterWritable)
    }

    @Test("HOSTILE 4: zero-length buffers are allowed and add nothing")
    func zeroLength() throws {
        try driver.add([.readable(0x10000, 0), .readable(0x10000, 4), .writable(0x20000, 0)])
        let queue = try driver.deviceQueue()
        let chain = try queue.take()
        #expect((chain.readable.count, chain.readable.vectorCount, chain.writable.count) == (4, 1, 0))
        queue.complete(chain, written: 0)
    }

    @Test(
        "HOSTILE 5: buffers past the end of RAM, beyond 2^64 and in the hole are refused, wherever in the chain"
    )
    func badAddresses() throws {
        let end: UInt64 = 1 << 20
        for (address, count) in [
            (end - 3, UInt32(4)), (end, 1), (UInt64.max, 1), (0xD000_0000, 4), (8, .max),
        ] {
            try driver.setAvailableIndex(0)
            try driver.setDescriptor(0, address: 0x10000, count: 1, flags: GuestDriverQueue.next, next: 1)
            try driver.setDescriptor(1, address: address, count: count, flags: GuestDriverQueue.write)
            try driver.makeAvailable(0)
            try expectError(.memory(.outsideRAM(GuestAddress(address), count: UInt64(count))))
        }
        try driver.setAvailableIndex(0)
        try driver.setDescriptor(0, address: end - 4, count: 4, flags: GuestDriverQueue.write)
        try driver.makeAvailable(0)
        let queue = try driver.deviceQueue()
        let chain = try queue.take()
        #expect(chain.writable.count == 4)
        queue.complete(chain, written: 4)
    }

    @Test("HOSTILE 6: a device buffer over the rings themselves harms only the driver")
    func buffersOverRings() throws {
        let queue = try driver.deviceQueue()
        try driver.add([.writable(0x4000, 0x2000)])
        let chain = try queue.take()
        let ones = [UInt8](repeating: 0xff, count: 0x2000)
        ones.withUnsafeBytes { _ = chain.writable.copy(from: $0) }
        queue.complete(chain, written: 0x2000)
        #expect(throws: VirtioError.self) { _ = try queue.pending() }
    }

    @Test("HOSTILE 6: descriptors rewritten after they were taken change nothing")
    func timeOfUse() throws {
        let queue = try driver.deviceQueue()
        try driver.add([.writable(0x10000, 4)])
        let chain = try queue.take()
        try driver.setDescriptor(0, address: .max, count: .max, flags: 0xffff, next: 0xffff)
        #expect([1, 2, 3, 4].withUnsafeBytes { chain.writable.copy(from: $0) } == 4)
        queue.complete(chain, written: 4)
        #expect(try driver.takeUsed().map(\.head) == [0])
    }

    @Test(
        "HOSTILE 1: queue sizes of 0, not a power of two, or above the maximum are refused",
        arguments: [0, 3, 17, 255, 512, 0x8000_0000, .max] as [UInt32])
    func sizes(_ size: UInt32) {
        var configuration = driver.configuration
        configuration.size = size
        #expect(throws: VirtioError.queueSize(size, maximum: 256)) {
            _ = try configuration.validated(maximumSize: 256, in: memory)
        }
    }

    @Test("HOSTILE 6: rings that are misaligned or leave RAM are refused; one that just fits is taken")
    func ringAddresses() throws {
        let end: UInt64 = 1 << 20
        func fits(_ change: (inout QueueConfiguration) -> Void) -> Bool {
            var configuration = driver.configuration
            change(&configuration)
            return (try? configuration.validated(maximumSize: 256, in: memory)) != nil
        }
        // 16 entries: table 256 B, available ring 38 B, used ring 134 B.
        #expect(fits { configuration in configuration.descriptorTable = GuestAddress(end - 256) })
        #expect(!fits { configuration in configuration.descriptorTable = GuestAddress(end - 240) })
        #expect(!fits { configuration in configuration.descriptorTable = GuestAddress(0x8008) })
        #expect(fits { configuration in configuration.availableRing = GuestAddress(end - 38) })
        #expect(!fits { configuration in configuration.availableRing = GuestAddress(end - 36) })
        #expect(!fits { configuration in configuration.availableRing = GuestAddress(0x8001) })
        #expect(fits { configuration in configuration.usedRing = GuestAddress(end - 136) })
        #expect(!fits { configuration in configuration.usedRing = GuestAddress(end - 132) })
        #expect(!fits { configuration in configuration.usedRing = GuestAddress(0x8002) })
        #expect(!fits { configuration in configuration.usedRing = GuestAddress(.max - 3) })
    }
}
