import CLinux
import GuestMemory
import Testing
import Virtio

/// Every small queue there is: what ours makes of each is what the specification says, told in another way.
@Suite struct QueueModelTests {
    let memory: GuestMemory

    init() throws { memory = try GuestMemory(size: 1 << 20) }

    /// One descriptor, of the few kinds that differ for a walk.
    struct Descriptor {
        var address: UInt64
        var count: UInt32
        var isWritable: Bool
        /// Nil: the chain ends here.
        var next: UInt16?
    }

    enum Outcome: Equatable {
        case refused
        case chain(readable: Int, writable: Int)
    }

    /// In and outside RAM; ends, or leads to each entry of the table and to one behind it.
    private func kinds(size: UInt16, counts: [UInt32]) -> [Descriptor] {
        var kinds: [Descriptor] = []
        for (address, count) in counts.map({ (UInt64(0x10000), $0) }) + [(0xF_FFFF, 2)] {
            for isWritable in [false, true] {
                kinds.append(Descriptor(address: address, count: count, isWritable: isWritable, next: nil))
                for next in 0...size {
                    kinds.append(
                        Descriptor(address: address, count: count, isWritable: isWritable, next: next))
                }
            }
        }
        return kinds
    }

    /// §2.7.4 and §2.7.5, told of the chain as a list: as many entries as the table has at most, none outside, what may be
    /// written behind all that may be read, and all of it in RAM.
    private func outcome(_ table: [Descriptor], from head: UInt16) -> Outcome {
        var chain: [Descriptor] = []
        var index: UInt16? = head
        while let at = index {
            guard Int(at) < table.count, chain.count < table.count else { return .refused }
            chain.append(table[Int(at)])
            index = table[Int(at)].next
        }
        let readable = chain.prefix { !$0.isWritable }
        let writable = chain.dropFirst(readable.count)
        guard writable.allSatisfy(\.isWritable),
            chain.allSatisfy({ $0.address + UInt64($0.count) <= 1 << 20 })
        else { return .refused }
        return .chain(
            readable: readable.reduce(0) { $0 + Int($1.count) },
            writable: writable.reduce(0) { $0 + Int($1.count) })
    }

    private func store(_ descriptor: Descriptor, at index: Int, _ driver: GuestDriverQueue) throws {
        let flags =
            (descriptor.isWritable ? GuestDriverQueue.write : 0)
            | (descriptor.next == nil ? 0 : GuestDriverQueue.next)
        try driver.setDescriptor(
            UInt16(index), address: descriptor.address, count: descriptor.count, flags: flags,
            next: descriptor.next ?? 0)
    }

    /// A fresh queue's answer to one chain that begins at `head`.
    private func answer(_ driver: GuestDriverQueue, from head: UInt16) throws -> Outcome {
        let validated = try driver.configuration.validated(maximumSize: driver.size, in: memory)
        let queue = DeviceSide(SplitQueue(validated, features: [.version1]))
        try driver.setAvailableIndex(0)
        try driver.makeAvailable(head)
        do throws(VirtioError) {
            guard let chain = try queue.next() else { return .refused }
            let found = Outcome.chain(readable: chain.readable.count, writable: chain.writable.count)
            chain.abandon()
            return found
        } catch {
            return .refused
        }
    }

    @Test(
        "HOSTILE 4: every table of 1, 2 and 4 descriptors is, from every head, the specified chain or refused",
        arguments: [(1, [0, 1, 0xFFFF_FFFF]), (2, [0, 3]), (4, [1])] as [(UInt16, [UInt32])])
    func everyTable(size: UInt16, counts: [UInt32]) throws {
        let driver = GuestDriverQueue(memory, at: 0x4000, size: size)
        // Of four descriptors those are left out that only lead out of the table or of RAM: two show it as well.
        let kinds = kinds(size: size, counts: counts).filter {
            size < 4 || $0.address == 0x10000 && $0.next != size
        }
        var digits = [Int](repeating: 0, count: Int(size))
        for (index, digit) in digits.enumerated() { try store(kinds[digit], at: index, driver) }
        var tables = 0
        while true {
            let table = digits.map { kinds[$0] }
            for head in 0...size {
                let found = try answer(driver, from: head)
                let expected = outcome(table, from: head)
                if found != expected { Issue.record("\(table) from \(head): \(found), not \(expected)") }
            }
            tables += 1
            // The next table: count up by one, and store what has changed.
            guard let place = digits.lastIndex(where: { $0 < kinds.count - 1 }) else { break }
            digits[place] += 1
            for i in place + 1..<digits.count { digits[i] = 0 }
            for i in place..<digits.count { try store(kinds[digits[i]], at: i, driver) }
        }
        #expect(tables == (0..<Int(size)).reduce(1) { product, _ in product * kinds.count })
    }

    @Test(
        "HOSTILE 4: of all 65,536 available indices those up to a queue's size ahead are taken"
    )
    func everyIndex() throws {
        for size: UInt16 in [1, 2, 4] {
            let driver = GuestDriverQueue(memory, at: 0x4000, size: size)
            let queue = try driver.deviceQueue()
            try driver.setDescriptor(0, address: 0x10000, count: 1, flags: 0)
            for position: UInt16 in 0...(2 * size) {
                var taken: [UInt16] = []
                for index in UInt16.min...UInt16.max {
                    try driver.setAvailableIndex(index)
                    if let pending = try? queue.pending() {
                        if pending != index &- position {
                            Issue.record("\(index) at \(position): \(pending)")
                        }
                        taken.append(index)
                    }
                }
                #expect(Set(taken) == Set((0...size).map { position &+ $0 }))
                try driver.setAvailableIndex(position)
                try driver.makeAvailable(0)
                queue.complete(try queue.take(), written: 0)
            }
        }
    }

    @Test(
        "HOSTILE 7: for all 65,536 used_event, an interrupt comes if the entry that it names is among those just given back"
    )
    func everyEvent() throws {
        let size: UInt16 = 4
        let driver = GuestDriverQueue(memory, at: 0x4000, size: size)
        let queue = try driver.deviceQueue([.version1, .eventIndex])
        try driver.setDescriptor(0, address: 0x10000, count: 1, flags: 0)
        var used: UInt16 = 0
        for event in UInt16.min...UInt16.max {
            for completed in 1...size {
                // Near the ring's position now and then, or hardly one would be among them.
                let named = event & 1 == 0 ? event : used &+ event % 8 &- 2
                try driver.setUsedEvent(named)
                for _ in 0..<completed {
                    try driver.makeAvailable(0)
                    queue.complete(try queue.take(), written: 0)
                }
                let isAmong = (0..<completed).contains { used &+ $0 == named }
                used &+= completed
                if queue.shouldInterrupt() != isAmong {
                    Issue.record("\(completed) up to \(used), used_event \(named): not \(isAmong)")
                }
            }
        }
    }
}
