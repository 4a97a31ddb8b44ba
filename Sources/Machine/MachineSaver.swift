import CLinux
import Glibc
import JobWire
import KVM
import LinuxSystem
import SystemPackage
import Virtio

/// Saves a Linux's machine at its checkpoint: on the thread of its first vCPU, which has come out of the guest for that and
/// does not go in again. The guest has taken the others offline; what one does that it has not, its template does not have.
struct MachineSaver: Sendable {
    let machine: SharedMachine
    let transports: [MMIOTransport]
    let area: SnapshotArea
    let mailbox: VCPUMailbox

    /// - Returns: why it could not be saved; nil: it is.
    func save(_ vcpu: borrowing VCPU) -> String? {
        do throws(KVMError) {
            try vcpu.finishExit()
            mailbox.post(.release(area.released))
            area.released.take()
            let snapshot = MachineSnapshot(
                processor: try vcpu.save(), controllers: try machine.vm.save(),
                devices: transports.map(\.driverState))
            return area.store(snapshot.encoded()) ? nil : "the machine's state does not fit behind its memory"
        } catch {
            return "saving the machine: \(error.description)"
        }
    }
}

/// Where a machine's snapshot goes: behind the guest's memory, in the same file of the launcher's.
final class SnapshotArea: Sendable {
    /// Of every template of a Linux. The launcher knows the same number (TemplateHeader.stateBytes).
    static let bytes = 64 << 10

    /// From the device loop: it has taken what the guest gave, and does not touch guest memory any more.
    let released: Handoff<Void>
    private let mapping: Mapping

    /// - Parameter offset: Where it begins, a multiple of 4096.
    init(in file: FileDescriptor, at offset: UInt64) throws(Errno) {
        guard try file.status().size >= offset + UInt64(Self.bytes) else { throw .invalidArgument }
        released = try Handoff()
        mapping = try Mapping(
            file: file, count: Self.bytes, offset: Int64(offset), protection: PROT_READ | PROT_WRITE,
            flags: MAP_SHARED)
    }

    /// - Returns: false if there is no room.
    func store(_ bytes: [UInt8]) -> Bool {
        guard bytes.count <= Self.bytes else { return false }
        // SAFETY: the mapping has `Self.bytes` bytes, and one thread writes to it, once.
        UnsafeMutableRawBufferPointer(start: mapping.baseAddress, count: Self.bytes).copyBytes(from: bytes)
        return true
    }
}
