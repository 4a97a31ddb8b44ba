import CLinux
import Glibc
import SystemPackage

/// What a process does to lock itself in before it runs what it does not trust. Each step is fatal if it fails.
///
/// Namespaces come first: from `spawnJailed`, which makes the process number 1 of its pid namespace, or, for a VMM started
/// from a shell, by `makeOwnNamespaces`, which cannot give it a pid namespace of its own.
public enum Jail {
    /// One step: what it is for, and how.
    private struct Step {
        let name: String
        let action: () -> CInt

        init(_ name: String, _ action: @escaping () -> CInt) {
            self.name = name
            self.action = action
        }
    }

    /// Whether `spawnJailed` started this process.
    public static var isSpawned: Bool { getpid() == 1 }

    /// Namespaces for a process that was started without: user, mount, network, ipc, uts; root becomes a user that nobody
    /// else is. Must be called before the process has a second thread. (unshare(2))
    public static func makeOwnNamespaces() throws(JailError) {
        try run([Step("namespaces of our own (unshare)", { jail_make_own_namespaces(machineUserID()) })])
    }

    /// No system call made from here on by this thread or a thread it starts can gain privileges, and no other process
    /// can read this one's memory. First, so that the vCPU's thread inherits it.
    public static func renouncePrivileges() throws(JailError) {
        try run([
            Step("no new privileges (PR_SET_NO_NEW_PRIVS)", jail_forbid_new_privileges),
            Step("no core dumps and no tracers (PR_SET_DUMPABLE)", jail_forbid_dumps),
        ])
    }

    /// Replaces the root directory by an empty one that cannot be written, and sets the limits of the whole process.
    ///
    /// - Parameters:
    ///   - maximumDescriptors: Highest descriptor number, plus one, that the process may use.
    ///   - maximumAddressSpace: Bytes of address space, mapped files included.
    public static func close(
        maximumDescriptors: UInt64, maximumAddressSpace: UInt64
    ) throws(JailError) {
        let root = jail_make_empty_root()
        try check(root, "an empty root (fsopen, fsmount)")
        defer { Glibc.close(root) }
        try run([
            // Or what happens to the mounts in here would be seen outside.
            Step("private mounts", jail_make_mounts_private),
            Step("attaching the empty root (move_mount)", { jail_attach_root(root) }),
            Step("entering the empty root (fchdir)", { jail_enter_directory(root) }),
            Step("leaving the old root (pivot_root)", leaveOldRoot),
            Step("limit: descriptors", { jail_limit(limit(RLIMIT_NOFILE), maximumDescriptors) }),
            Step("limit: address space", { jail_limit(limit(RLIMIT_AS), maximumAddressSpace) }),
            // Two are its own; KVM starts one in here with the first KVM_RUN (Linux 6.13), which fails with EAGAIN without.
            Step("limit: threads", { jail_limit(limit(__RLIMIT_NPROC), 8) }),
            Step("limit: core files", { jail_limit(limit(RLIMIT_CORE), 0) }),
            Step("limit: locked memory", { jail_limit(limit(__RLIMIT_MEMLOCK), 0) }),
            Step("limit: message queues", { jail_limit(limit(__RLIMIT_MSGQUEUE), 0) }),
        ])
    }

    /// Drops all capabilities of the calling thread; every thread has its own. The last step before its filter.
    public static func dropCapabilities() throws(JailError) {
        try run([Step("dropping capabilities (capset)", jail_drop_capabilities)])
    }

    /// pivot_root where the root can be pivoted away. In an initramfs it cannot: there the empty root covers it, nothing
    /// but `..` out of a directory descriptor could reach below, and none is open.
    private static func leaveOldRoot() -> CInt {
        let result = jail_pivot()
        return result == -EINVAL ? jail_change_root_here() : result
    }

    private static func limit(_ resource: __rlimit_resource) -> CInt { CInt(resource.rawValue) }

    private static func run(_ steps: [Step]) throws(JailError) {
        for step in steps { try check(step.action(), step.name) }
    }

    private static func check(_ result: CInt, _ name: String) throws(JailError) {
        if result < 0 { throw JailError(step: name, error: Errno(rawValue: -result)) }
    }
}
