#if !SWIFTLET_GUEST
/// How much of Linux's calls the kernel serves, for people: docs/abi.md is made from this and a test keeps both honest.
/// Not in the guest's kernel file. Who adds a call or a part of one changes its line here.
extension SystemCall {
    enum Support: Equatable {
        /// What programs use of it behaves as on Linux.
        case complete
        /// Served, but for what the text names.
        case partial(String)
        /// Refused with ENOSYS unless the text says otherwise, and counted for the job's result.
        case absent(String)
    }

    var support: Support {
        if let missing = Self.partial[self] { return .partial(missing) }
        for (reason, calls) in Self.absent where calls.contains(self) { return .absent(reason) }
        return .complete
    }

    /// What is missing of a call that is served.
    private static let partial: [SystemCall: String] = [
        .arch_prctl: "FS and GS bases only; ARCH_CPUID and ARCH_REQ_XCOMP_PERM are refused",
        .capset:
            "of a process, not of a thread; files' own capabilities (security.capability) are not looked at",
        .chroot: "root only, as on Linux; there are no mount namespaces behind it",
        .clock_settime: "the guest's own clock, root only",
        .clone: "no namespaces, no CLONE_PTRACE, no CLONE_IO",
        .clone3: "as clone; no CLONE_INTO_CGROUP, no set_tid",
        .fadvise64: "checked, without effect: the page cache is the host's",
        .fallocate: "holes and space; no collapse, insert or unshare",
        .futex: "no FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI, no priorities to inherit",
        .fsync: "nothing survives a job, so there is nothing to do",
        .fdatasync: "nothing survives a job, so there is nothing to do",
        .ioctl: "what the file knows; others are ENOTTY",
        .io_submit: "done before it returns; no IOCB_CMD_POLL",
        .io_cancel: "EINVAL: what was submitted is done",
        .kcmp: "no KCMP_EPOLL_TFD",
        .ioprio_set: "checked, without effect",
        .madvise: "no REMOVE; DONTNEED, FREE and POPULATE do what they say, hints have no effect",
        .membarrier: "one processor: every barrier has happened",
        .memfd_create: "no MFD_HUGETLB, no F_SEAL_EXEC",
        .mknod: "device nodes work for the devices there are",
        .mknodat: "as mknod",
        .mlock: "RLIMIT_MEMLOCK and VmLck count it; shmctl(SHM_LOCK) does not lock",
        .mlock2: "as mlock",
        .mlockall:
            "as mlock; a stack that grows and segments of shmat are not locked by MCL_FUTURE",
        .mmap:
            "MAP_HUGETLB is ENOMEM, as where no huge pages are set aside; no MAP_SYNC; the stack grows beyond RLIMIT_AS",
        .mremap: "no MREMAP_DONTUNMAP, no old size of 0",
        .munlock: "as mlock",
        .munlockall: "as mlock",
        .name_to_handle_at: "EOPNOTSUPP, as of file systems that have no handles",
        .personality: "kept, without effect: addresses stay random",
        .prctl: "no seccomp, no speculation control, no PR_SET_TSC, no PR_SET_MM",
        .readahead: "checked, without effect",
        .sched_setaffinity: "one processor",
        .sched_setscheduler: "policies are kept, SCHED_IDLE alone has an effect; no SCHED_DEADLINE",
        .sched_setattr: "as sched_setscheduler",
        .sched_setparam: "as sched_setscheduler",
        .msgrcv: "no MSG_COPY",
        .socket:
            "AF_UNIX, TCP and UDP on loopback, vsock inside the guest, NETLINK_ROUTE; others are refused",
        .splice: "between a pipe and a file; copies",
        .setxattr: "user, trusted and security; no access control lists",
        .lsetxattr: "as setxattr",
        .fsetxattr: "as setxattr",
        .sync_file_range: "checked, without effect",
        .syslog: "EPERM, as for a user without rights",
    ]

    /// Calls that are not served, by reason.
    private static let absent: [(reason: String, calls: [SystemCall])] = [
        (
            "gone from Linux itself",
            [
                ._sysctl, .afs_syscall, .create_module, .epoll_ctl_old, .epoll_wait_old, .get_kernel_syms,
                .get_thread_area, .getpmsg, .lookup_dcookie, .nfsservctl, .putpmsg, .query_module, .security,
                .set_thread_area, .sysfs, .tuxcall, .uselib, .ustat, .vserver,
            ]
        ),
        (
            "POSIX message queues",
            [
                .mq_getsetattr, .mq_notify, .mq_open, .mq_timedreceive, .mq_timedsend, .mq_unlink,
            ]
        ),
        (
            "asynchronous input and output",
            [
                .io_uring_enter, .io_uring_register, .io_uring_setup,
            ]
        ),
        (
            "mounts and namespaces: a job has its root, /proc, /sys, /dev and nothing to mount",
            [
                .fsconfig, .fsmount, .fsopen, .fspick, .listmount, .mount_setattr, .move_mount, .open_tree,
                .pivot_root, .setns, .statmount, .unshare,
            ]
        ),
        ("mounts: EPERM, for root too", [.mount, .umount2]),
        (
            "a machine's administration: modules, swap, quota, accounting, reboot, I/O ports, keys",
            [
                .acct, .add_key, .adjtimex, .clock_adjtime, .delete_module, .finit_module, .init_module,
                .ioperm, .iopl, .kexec_file_load, .kexec_load, .keyctl, .quotactl, .quotactl_fd, .reboot,
                .request_key, .settimeofday, .swapoff, .swapon, .vhangup,
            ]
        ),
        (
            "tracing and debugging of programs and kernel",
            [
                .bpf, .fanotify_init, .fanotify_mark, .perf_event_open, .ptrace,
                .userfaultfd,
            ]
        ),
        (
            "sandboxing inside the sandbox",
            [
                .landlock_add_rule, .landlock_create_ruleset, .landlock_restrict_self, .lsm_get_self_attr,
                .lsm_list_modules, .lsm_set_self_attr, .seccomp,
            ]
        ),
        (
            "several memory nodes",
            [
                .get_mempolicy, .mbind, .migrate_pages, .move_pages, .set_mempolicy, .set_mempolicy_home_node,
            ]
        ),
        ("16-bit and 32-bit segments", [.modify_ldt]),
        ("restartable sequences; the C library does without", [.rseq]),
        ("protection keys", [.pkey_alloc, .pkey_free, .pkey_mprotect]),
        ("file handles", [.open_by_handle_at]),
        (
            "newer than the programs of Debian 12",
            [
                .cachestat, .futex_requeue, .futex_wait, .futex_waitv, .futex_wake, .map_shadow_stack,
                .memfd_secret, .mseal, .process_madvise, .process_mrelease,
            ]
        ),
        ("superseded by mmap", [.remap_file_pages]),
        ("the kernel restarts calls without it; a program never calls it itself", [.restart_syscall]),
    ]
}
#endif
