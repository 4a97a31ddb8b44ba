import CLinux
import Glibc
import LinuxSystem
import Synchronization
import SystemPackage

/// A prepared machine in a pool, until it is taken or dies. Once.
final class Shell: Sendable {
    let identity: MachineShape.Identity
    /// On CLOCK_MONOTONIC in nanoseconds.
    let launched: UInt64
    private let machine: Mutex<PreparedMachine?>
    /// Seconds of the machine's control stream and pidfd, to look at while nobody has it.
    private let control: OwnedDescriptor
    let pidfd: OwnedDescriptor
    let group: ControlGroup?

    init(_ machine: consuming PreparedMachine, _ identity: MachineShape.Identity) throws(Errno) {
        control = try machine.channels.control.duplicate()
        pidfd = try machine.process.pidfd.duplicate()
        group = machine.process.group
        launched = machine.launched
        self.identity = identity
        self.machine = Mutex(machine)
    }

    var isAlive: Bool { (try? pidfd.borrowed.isReady(for: CInt(POLLIN))) == false }

    /// Its guest's kernel has said hello, which stays to be read by its job.
    var isReady: Bool {
        var byte: UInt8 = 0
        return linux_recv(control.borrowed.rawValue, &byte, 1, CInt(MSG_PEEK) | CInt(MSG_DONTWAIT)) == 1
    }

    /// For poll.
    var controlNumber: CInt { control.borrowed.rawValue }
    var processNumber: CInt { pidfd.borrowed.rawValue }

    /// The machine, the first time.
    func take() -> PreparedMachine? { machine.withLock { $0.take() } }
}
