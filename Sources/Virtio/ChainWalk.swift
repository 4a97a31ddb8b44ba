import CLinux
import GuestMemory

/// Follows one descriptor chain and collects its buffers. It ends after at most as many steps as the queue
/// may have entries, whatever the tables say.
struct ChainWalk {
    private let queue: ValidatedQueue
    private let allowsIndirect: Bool
    private(set) var readable: GuestBuffers
    private(set) var writable: GuestBuffers
    private var sawWritable = false
    private var steps = 0

    init(_ queue: ValidatedQueue, allowsIndirect: Bool) {
        self.queue = queue
        self.allowsIndirect = allowsIndirect
        readable = GuestBuffers(in: queue.memory)
        writable = GuestBuffers(in: queue.memory)
    }

    mutating func run(from head: UInt16) throws(VirtioError) {
        if let table = try follow(
            queue.descriptorTable, entries: Int(queue.size), from: head, insideIndirect: false) {
            _ = try follow(table.slice, entries: table.entries, from: 0, insideIndirect: true)
        }
        guard readable.count + writable.count <= Int(UInt32.max) else { throw .chainTooLarge }
    }

    /// - Returns: the indirect table in which the chain goes on, if it does.
    private mutating func follow(
        _ table: GuestSlice, entries: Int, from first: UInt16, insideIndirect: Bool
    ) throws(VirtioError) -> (slice: GuestSlice, entries: Int)? {
        var index = first
        while true {
            guard Int(index) < entries else { throw .descriptorIndex(index, tableSize: entries) }
            // Copied once: what is checked is what is used, whatever the driver does to the table meanwhile.
            let descriptor = table.load(vring_desc.self, at: 16 * Int(index))
            if descriptor.flags & UInt16(VRING_DESC_F_INDIRECT) != 0 {
                return try indirectTable(descriptor, insideIndirect: insideIndirect)
            }
            // §2.7.5.3.1: a chain is no longer than the queue size; the device's maximum, because a driver
            // that uses a smaller ring may still size its indirect tables by what the device allows. The
            // descriptor that refers to such a table is no part of it: Linux's largest has the maximum inside.
            steps += 1
            guard steps <= Int(queue.maximumSize) else { throw .chainTooLong(limit: Int(queue.maximumSize)) }
            try append(descriptor)
            guard descriptor.flags & UInt16(VRING_DESC_F_NEXT) != 0 else { return nil }
            index = descriptor.next
        }
    }

    private mutating func append(_ descriptor: vring_desc) throws(VirtioError) {
        let address = GuestAddress(descriptor.addr)
        let isWritable = descriptor.flags & UInt16(VRING_DESC_F_WRITE) != 0
        if sawWritable && !isWritable { throw .readableAfterWritable }
        sawWritable = isWritable
        do throws(GuestMemoryError) {
            if isWritable {
                try writable.append(address, count: descriptor.len)
            } else {
                try readable.append(address, count: descriptor.len)
            }
        } catch {
            throw .memory(error)
        }
    }

    private func indirectTable(
        _ descriptor: vring_desc, insideIndirect: Bool
    ) throws(VirtioError) -> (slice: GuestSlice, entries: Int) {
        guard allowsIndirect else { throw .indirectTable("not negotiated") }
        guard !insideIndirect else { throw .indirectTable("inside another one") }
        guard descriptor.flags & UInt16(VRING_DESC_F_NEXT) == 0 else {
            throw .indirectTable("followed by another descriptor")
        }
        guard descriptor.len > 0, descriptor.len % 16 == 0 else {
            throw .indirectTable("\(descriptor.len) bytes are not whole descriptors")
        }
        do throws(GuestMemoryError) {
            let slice = try queue.memory.slice(
                at: GuestAddress(descriptor.addr), count: UInt64(descriptor.len))
            // A next field has 16 bits, so larger tables have a part that cannot be reached.
            return (slice, min(Int(descriptor.len / 16), Int(UInt16.max)))
        } catch {
            throw .memory(error)
        }
    }
}
