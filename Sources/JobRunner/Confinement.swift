import CLinux
import Sandbox

/// What `swiftlet doctor` tells of the VMM's system-call filters.
public enum Confinement {
    /// How many system calls each thread may make while the guest runs, and how many more with disks.
    public static let allowedCalls: [(thread: String, calls: Int)] = [
        (SyscallPolicy.vcpu.thread, SyscallPolicy.vcpu.rules.count),
        (SyscallPolicy.deviceLoop.thread, SyscallPolicy.deviceLoop.rules.count),
        ("device loop, with disks", SyscallPolicy.deviceLoop.rules.count + SyscallPolicy.disks.count),
    ]

    /// The ABI of the host kernel's Landlock; nil where it has none or it is switched off.
    public static var landlockVersion: Int? {
        let version = jail_landlock_version()
        return version > 0 ? Int(version) : nil
    }
}
