import CSwiftletABI
import GuestMemory
import JobWire
import Synchronization

/// Log, panic and power off: what the guest kernel needs before and after it has virtio devices (docs/machine.md).
/// Write-only registers; a message is copied out of guest memory once and at most 1,024 bytes long.
final class PlatformDevice: MMIODevice {
    /// Bytes of address space: a page of its own.
    static let bytes: UInt64 = 4096

    private enum Register: UInt64 {
        case address = 0x00  // SWIFTLET_PLATFORM_ADDRESS, u64
        case length = 0x08  // SWIFTLET_PLATFORM_LENGTH, u32
        case command = 0x0C  // SWIFTLET_PLATFORM_COMMAND, u32
    }

    private enum Command: UInt64 {
        case log = 1
        case panic = 2
        case powerOff = 3
        case checkpoint = 4
    }

    private struct State {
        var address: UInt64 = 0
        var length: UInt64 = 0
        var logBytesLeft: Int
        var hasEnded = false
        var isCheckpointDue = false
    }

    // Only the vCPU thread calls in; with one vCPU the lock is never contended.
    private let state: Mutex<State>
    private let memory: GuestMemory
    private let mailbox: VCPUMailbox
    /// Whether the memory outlives the machine: then the guest may end with its checkpoint. Who keeps nothing but memory
    /// is saved by that; a Linux's machine has to be saved first.
    private let checkpoint: CheckpointUse

    enum CheckpointUse { case none, savesMemory, savesMachine }

    init(memory: GuestMemory, mailbox: VCPUMailbox, logLimit: Int, checkpoint: CheckpointUse = .none) {
        self.memory = memory
        self.checkpoint = checkpoint
        self.mailbox = mailbox
        state = Mutex(State(logBytesLeft: logLimit))
    }

    /// True once the guest has powered off or panicked: it is not to run again.
    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    /// True from the guest's checkpoint on, if its machine is to be saved.
    var isCheckpointDue: Bool { state.withLock { $0.isCheckpointDue } }

    func read(offset: UInt64, length: Int) -> UInt64 { 0 }

    func write(offset: UInt64, length: Int, value: UInt64) {
        guard let register = Register(rawValue: offset) else { return }
        state.withLock { state in
            switch register {
            case .address where length == 8: state.address = value
            case .length where length == 4: state.length = value
            case .command where length == 4: obey(value, &state)
            default: break
            }
        }
    }

    private func obey(_ value: UInt64, _ state: inout State) {
        switch Command(rawValue: value) {
        case .log:
            let text = message(state).prefix(state.logBytesLeft)
            guard !text.isEmpty else { return }
            state.logBytesLeft -= text.count
            mailbox.post(.log(Array(text)))
        case .panic:
            end(.guestPanic, message(state), &state)
        case .powerOff:
            end(.poweredOff, [], &state)
        case .checkpoint:
            switch checkpoint {
            case .none: break
            case .savesMemory: end(.checkpointed, [], &state)
            case .savesMachine: state.isCheckpointDue = true
            }
        case nil: break
        }
    }

    private func end(_ cause: MachineEvent.EndCause, _ message: [UInt8], _ state: inout State) {
        guard !state.hasEnded else { return }
        state.hasEnded = true
        mailbox.post(.ended(cause, message))
    }

    /// What the guest says its message is; none where it does not lie in RAM.
    private func message(_ state: State) -> [UInt8] {
        let count = min(state.length, UInt64(SWIFTLET_PLATFORM_MESSAGE_MAXIMUM))
        return (try? memory.bytes(at: GuestAddress(state.address), count: Int(count))) ?? []
    }
}
