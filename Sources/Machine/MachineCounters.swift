import JobWire
import Synchronization

/// How often the vCPU came out of the guest, by kind (docs/protocol.md §2, `counters`). Written by the vCPU thread, read
/// by the device loop, which may be a little late.
final class MachineCounters: Sendable {
    let exits = Atomic<UInt64>(0)
    let mmioExits = Atomic<UInt64>(0)
    let portExits = Atomic<UInt64>(0)
    let haltExits = Atomic<UInt64>(0)
    let interruptedRuns = Atomic<UInt64>(0)

    /// The `counters` event as of now.
    func event(
        queueNotifications: UInt64, interruptsRaised: UInt64, maximumResidentKiB: UInt64
    ) -> MachineEvent {
        func now(_ id: MachineEvent.CounterID, _ counter: borrowing Atomic<UInt64>) -> MachineEvent.Counter {
            MachineEvent.Counter(id, counter.load(ordering: .relaxed))
        }
        return .counters([
            now(.exits, exits), now(.mmioExits, mmioExits), now(.portExits, portExits),
            now(.haltExits, haltExits), now(.interruptedRuns, interruptedRuns),
            MachineEvent.Counter(.queueNotifications, queueNotifications),
            MachineEvent.Counter(.interruptsRaised, interruptsRaised),
            MachineEvent.Counter(.maximumResidentKiB, maximumResidentKiB),
        ])
    }
}

extension Atomic where Value == UInt64 {
    func count() { wrappingAdd(1, ordering: .relaxed) }
}
