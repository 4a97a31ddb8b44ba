import Boot
import LinuxSystem
import Sandbox
import SystemPackage
import Virtio

/// What differs between the machines of the guest kernels there are. All else of a machine is the same for each.
protocol GuestKind: Sendable {
    /// From which guest-physical address on fresh memory may be in large pages.
    var hugePagesFrom: UInt64 { get }
    /// Devices that no other kind has, behind the others.
    func ownDevices() -> [any VirtioDevice]
    /// What the device loop calls for those.
    static var rules: [SyscallPolicy.Rule] { get }
    /// Whether the kernel knows the serial port.
    var hasSerialPort: Bool { get }
    /// What the guest's checkpoint does in a machine that becomes a template.
    var checkpoint: PlatformDevice.CheckpointUse { get }
    /// Whether a program needs most of what its template has saved, and at once.
    var needsWholeTemplate: Bool { get }

    /// Brings the kernel into memory, or finds it in a template's, and sets the devices up for it.
    func load(_ machine: MachinePlan, _ devices: DevicePlan) throws(MachineError) -> LoadedGuest
}

/// A guest that is ready but for the boot page.
struct LoadedGuest: Sendable {
    let kernel: LoadedKernel
    let devices: [BootDevice]
    /// What the machine goes on from; nil: it boots.
    var snapshot: MachineSnapshot?
}

extension GuestKernelFile {
    var kind: any GuestKind { isLinux ? LinuxGuest() : TinyGuest() }
}

extension GuestKind {
    /// What the device loop may call while this kind of guest runs.
    func policy(_ configuration: MachineConfiguration) -> SyscallPolicy {
        configuration.policy(guest: Self.rules)
    }
}

extension MachineConfiguration {
    /// What the device loop may call before the kernel's file has been read: what it may with any kind of guest.
    var policyOfAnyGuest: SyscallPolicy { policy(guest: TinyGuest.rules + LinuxGuest.rules) }

    fileprivate func policy(guest rules: [SyscallPolicy.Rule]) -> SyscallPolicy {
        var policy = SyscallPolicy.deviceLoop
        policy.rules += rules
        if hasDisks { policy.rules += SyscallPolicy.disks }
        if hasUnixSockets { policy.rules += SyscallPolicy.unixSockets }
        return policy
    }
}
