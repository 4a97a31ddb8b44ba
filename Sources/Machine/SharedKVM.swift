import KVM
import LinuxSystem
import SystemPackage

/// `/dev/kvm` for both threads.
final class SharedKVM: Sendable {
    let system: KVMSystem

    init(_ descriptor: FileDescriptor) throws(KVMError) {
        system = try KVMSystem(owning: OwnedDescriptor(owning: descriptor))
    }

    /// What the guest's processors can.
    func cpuidForGuest() throws(MachineError) -> CPUIDTable {
        if let native = CPUIDTable.nativeIfDeprivileged() { return native }
        do throws(KVMError) { return try system.supportedCPUID() } catch { throw .kvm(error) }
    }
}

/// A VM for all the threads of its processors.
final class SharedMachine: Sendable {
    let vm: VirtualMachine

    init(_ vm: consuming VirtualMachine) { self.vm = vm }
}
