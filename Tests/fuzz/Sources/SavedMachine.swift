import GuestMemory
import KVM
import Virtio

@testable import Machine

/// The state behind the memory of a Linux's template: the input alone, or behind whole structs of KVM's, which chance does
/// not make. What parses is encoded to the same bytes, and each of its devices is set up, over memory that is the input too.
///
///     input: | begins 1 B: 0 at the start, 1 behind the vCPU's structs, 2 behind all of KVM's | the state |
func fuzzSavedMachine(_ input: [UInt8]) {
    guard let kind = input.first else { return }
    let state = input.dropFirst()
    let bytes =
        switch kind % 3 {
        case 0: Array(state)
        case 1: processorPart + state
        default: processorPart + [UInt8](repeating: 0, count: 20) + controllerPart + state
        }
    guard let snapshot = MachineSnapshot(parsing: bytes) else { return }
    precondition(bytes.starts(with: snapshot.encoded()), "\(snapshot) is written differently")
    for device in snapshot.devices { setUpFresh(as: device, over: state) }
}

/// All up to the time stamp.
private let processorPart = MachineSnapshot.magic + encoded(MachinePart.ofProcessor)
/// From the parts of the VM on; before it are time stamp, frequency and no registers.
private let controllerPart = encoded(MachinePart.ofMachine)

private func encoded(_ kinds: Range<UInt32>) -> [UInt8] {
    func number(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    return number(UInt32(kinds.count))
        + kinds.flatMap { number($0) + [UInt8](repeating: 0, count: MachinePart.byteCount($0)) }
}

/// States that begin behind KVM's structs: a device as a driver leaves it, and one that nobody has touched.
func savedMachineSeeds() -> [[UInt8]] {
    var queue = QueueConfiguration()
    queue.size = 16
    queue.descriptorTable = GuestAddress(0x1000)
    queue.availableRing = GuestAddress(0x2000)
    queue.usedRing = GuestAddress(0x3000)
    let status: DeviceStatus = [.acknowledge, .driver, .featuresOK, .driverOK]
    return [([queue, nil], status), ([nil, nil], [])].map { queues, status in
        let device = DriverState(device: .block, status: status, features: .ofTransport, queues: queues)
        let snapshot = MachineSnapshot(
            processor: SavedProcessor(parts: [], msrs: [], timeStamp: 0, frequency: 0), controllers: [],
            devices: [device])
        // Without magic, counts of parts, time stamp, frequency and count of registers.
        return [2] + snapshot.encoded().dropFirst(8 + 4 + 8 + 8 + 4 + 4)
    }
}
