import JobWire
import LinuxSystem
import Synchronization
import SystemPackage

/// What the vCPU thread has to say to the device loop, which alone talks to the outside: so the vCPU thread's filter
/// needs no call that sends. Bounded by the log limit.
final class VCPUMailbox: Sendable {
    enum Message: Sendable {
        case log([UInt8])
        /// The first message: the guest is about to run. Both in CLOCK_MONOTONIC nanoseconds.
        case entering(machineCreated: UInt64, now: UInt64)
        /// The last message; the vCPU does not run again.
        case ended(MachineEvent.EndCause, [UInt8])
        /// The guest's memory is to be saved: the device loop lets go of it and says so.
        case release(Handoff<Void>)
        /// Never posted by `swiftlet-vmm`: a test acts on the device loop.
        case probe(ProbeDevice, UInt64)
    }

    private let pending = Mutex<[Message]>([])
    private let event: EventFD

    init() throws(Errno) { event = try EventFD() }

    /// Readable when there is something to take.
    var descriptor: FileDescriptor { event.descriptor }

    func post(_ message: Message) {
        pending.withLock { $0.append(message) }
        event.signal()
    }

    func take() -> [Message] {
        event.drain()
        return pending.withLock { messages in
            defer { messages.removeAll() }
            return messages
        }
    }
}
