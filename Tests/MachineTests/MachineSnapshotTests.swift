import GuestMemory
import KVM
import Testing
import Virtio

@testable import Machine

@Suite("the state of a saved machine")
struct MachineSnapshotTests {
    private static func parts(_ kinds: Range<UInt32>) -> [MachinePart] {
        kinds.compactMap { kind in
            let bytes = (0..<MachinePart.byteCount(kind)).map { UInt8(truncatingIfNeeded: $0 &+ Int(kind)) }
            return MachinePart(kind: kind, bytes: bytes)
        }
    }

    static var snapshot: MachineSnapshot {
        var queue = QueueConfiguration()
        queue.size = 128
        queue.descriptorTable = GuestAddress(0x1000)
        queue.availableRing = GuestAddress(0x2000)
        queue.usedRing = GuestAddress(0x1_0000_3000)
        return MachineSnapshot(
            processor: SavedProcessor(
                parts: parts(MachinePart.ofProcessor), msrs: [.init(index: 0x174, value: .max)],
                timeStamp: 12345, frequency: 2_000_000_000),
            controllers: parts(MachinePart.ofMachine),
            devices: [
                DriverState(
                    device: .vsock, status: [.acknowledge, .driver, .featuresOK, .driverOK],
                    features: .ofTransport, queues: [queue, nil, queue])
            ])
    }

    @Test("what is written is read back")
    func roundTrip() {
        let bytes = Self.snapshot.encoded()
        #expect(bytes.count < SnapshotArea.bytes)
        #expect(MachineSnapshot(parsing: bytes + [0, 0, 0]) == Self.snapshot)
    }

    @Test("cut anywhere, it is refused")
    func truncation() {
        let bytes = Self.snapshot.encoded()
        for count in 0..<bytes.count { #expect(MachineSnapshot(parsing: Array(bytes[..<count])) == nil) }
    }

    @Test("a register that no template has, a part of another size, or a queue with a place and no size is refused")
    func foreign() {
        var other = Self.snapshot
        other.processor.msrs[0].index = 0xC000_0080
        #expect(MachineSnapshot(parsing: other.encoded()) == nil)
        other = Self.snapshot
        other.controllers.removeLast()
        #expect(MachineSnapshot(parsing: other.encoded()) == nil)
        other = Self.snapshot
        other.devices[0].queues = [QueueConfiguration()]
        let sizeless = other.encoded()
        #expect(MachineSnapshot(parsing: sizeless)?.devices[0].queues == [nil])
        #expect(MachineSnapshot(parsing: sizeless.dropLast() + [1]) == nil)
        #expect(MachinePart(kind: 0, bytes: []) == nil)
        #expect(MachinePart(kind: 99, bytes: [0]) == nil)
        #expect(MachinePart(kind: 1, bytes: [0]) == nil)
    }
}
