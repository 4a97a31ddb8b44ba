import CLinux
import Glibc
import SystemPackage

/// What a process does to lock itself in before it runs what it does not trust. Each step is fatal if it fails.
///
/// Namespaces come first: from `spawnJailed`, which makes the process number 1 of its pid namespace, or, for a VMM started
/// from a shell, by `makeOwnNamespaces`, which cannot give it a pid namespace of its own.
public enum Jail {
    /// One step: what it does, what for, and how.
    public struct Step {
        public let name: String
        public let why: String
        fileprivate let action: () -> CInt

        init(_ name: String, why: String, _ action: @escaping () -> CInt) {
            self.name = name
            self.why = why
            self.action = action
        }
    }

    /// Whether `spawnJailed` started this process.
    public static var isSpawned: Bool { getpid() == 1 }

    /// Namespaces for a process that was started without: user, mount, network, ipc, uts, cgroup; root becomes a user that
    /// nobody else is. Must be called before the process has a second thread. (unshare(2))
    public static func makeOwnNamespaces() throws(JailError) {
        try run([
            Step(
                "namespaces of our own (unshare)",
                why: "as those of spawnJailed, for a VMM started from a shell"
            ) {
                jail_make_own_namespaces(machineUserID())
            }
        ])
    }

    /// Nothing this thread or one that it starts does from here on can gain privileges, and no other process can read this
    /// one's memory. First, so that the vCPU's thread inherits it.
    public static func renouncePrivileges() throws(JailError) { try run(privilegeSteps) }

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
        try run(rootSteps(root))
        try run(
            limitSteps(maximumDescriptors: maximumDescriptors, maximumAddressSpace: maximumAddressSpace))
    }

    /// What every thread must do for itself, as the last step before its filter.
    public static func lockThread() throws(JailError) { try run(threadSteps) }

    // MARK: - The steps

    static var privilegeSteps: [Step] {
        [
            Step(
                "no new privileges (PR_SET_NO_NEW_PRIVS)",
                why: "no execve gives anything back, and filters need no privilege",
                jail_forbid_new_privileges),
            Step(
                "no core dumps and no tracers (PR_SET_DUMPABLE)",
                why: "guest memory is in this process: nobody of the same user reads it", jail_forbid_dumps),
            Step(
                "a core-scheduling group of its own (PR_SCHED_CORE), where the CPU has SMT",
                why: "no other process runs on the other thread of this one's core", jail_share_no_core),
        ]
    }

    static func rootSteps(_ root: CInt) -> [Step] {
        [
            Step(
                "private mounts", why: "what happens to the mounts in here is not seen outside",
                jail_make_mounts_private),
            Step(
                "attaching the empty root (move_mount)",
                why: "a tmpfs of one page, read-only: no path leads to a file"
            ) { jail_attach_root(root) },
            Step("entering the empty root (fchdir)", why: "for pivot_root") { jail_enter_directory(root) },
            Step(
                "leaving the old root (pivot_root, umount2)",
                why: "the host's files are not even mounted in here",
                leaveOldRoot),
        ]
    }

    static func limitSteps(maximumDescriptors: UInt64, maximumAddressSpace: UInt64) -> [Step] {
        func limit(_ resource: __rlimit_resource, _ value: UInt64) -> () -> CInt {
            { jail_limit(CInt(resource.rawValue), value) }
        }
        return [
            Step(
                "limit: descriptors (RLIMIT_NOFILE)",
                why: "a flood of vsock connections ends here, not in the host's table",
                limit(RLIMIT_NOFILE, maximumDescriptors)),
            Step(
                "limit: address space (RLIMIT_AS)",
                why: "guest RAM, image and a bound on the VMM's own memory",
                limit(RLIMIT_AS, maximumAddressSpace)),
            // Two are its own; KVM starts one in here with the first KVM_RUN (Linux 6.13), which fails with EAGAIN without.
            Step(
                "limit: processes and threads (RLIMIT_NPROC)", why: "two threads of its own and one of KVM's",
                limit(__RLIMIT_NPROC, 8)),
            Step(
                "limit: core files (RLIMIT_CORE)", why: "no guest memory on the host's disk",
                limit(RLIMIT_CORE, 0)),
            Step(
                "limit: locked memory (RLIMIT_MEMLOCK)", why: "memory the host cannot take back",
                limit(__RLIMIT_MEMLOCK, 0)),
            Step(
                "limit: message queues (RLIMIT_MSGQUEUE)", why: "kernel memory nobody needs",
                limit(__RLIMIT_MSGQUEUE, 0)),
            Step(
                "limit: queued signals (RLIMIT_SIGPENDING)", why: "kernel memory nobody needs",
                limit(__RLIMIT_SIGPENDING, 0)),
        ]
    }

    static var threadSteps: [Step] {
        [
            Step(
                "no file, no TCP port, no abstract socket, no signal (Landlock), where the kernel has it",
                why: "a second lock beside the empty root and the namespaces, by other code of the kernel",
                jail_restrict_by_landlock),
            Step(
                "no capabilities (capset)", why: "not even over its own namespaces", jail_drop_capabilities),
        ]
    }

    /// pivot_root where the root can be pivoted away. In an initramfs it cannot: there the empty root covers it, nothing
    /// but `..` out of a directory descriptor could reach below, and none is open.
    private static func leaveOldRoot() -> CInt {
        let result = jail_pivot()
        return result == -EINVAL ? jail_change_root_here() : result
    }

    private static func run(_ steps: [Step]) throws(JailError) {
        for step in steps { try check(step.action(), step.name) }
    }

    private static func check(_ result: CInt, _ name: String) throws(JailError) {
        if result < 0 { throw JailError(step: name, error: Errno(rawValue: -result)) }
    }
}
