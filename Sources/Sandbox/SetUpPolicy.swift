import CLinux

extension SyscallPolicy {
    /// Both threads of swiftlet-vmm from the start of `main` until their own filters are in: while it reads the kernel's
    /// file, creates the VM and locks itself in. Nothing can be executed, no process made, no socket, nobody signalled or
    /// traced.
    ///
    /// - Parameter run: What the phases after it may call, because filters add up.
    public static func setUp(before run: [Rule]) -> SyscallPolicy {
        let own = Set(setUpRules.map(\.number))
        return SyscallPolicy(
            thread: "both", phase: "set-up", rules: setUpRules + run.filter { !own.contains($0.number) },
            notImplemented: [UInt32(__NR_clone3)])
    }

    private static let setUpRules: [Rule] = [
        Rule(
            "ioctl", __NR_ioctl,
            [
                .request(
                    requests + SyscallPolicy.savedParts, "the KVM requests of CLinux/kvm_calls.h, BLKGETSIZE64")
            ],
            why: "the VM; a disk's size"),
        Rule("eventfd2", __NR_eventfd2, why: "between the threads, and between KVM and the devices"),
        Rule("epoll_create1", __NR_epoll_create1, why: "the device loop"),
        Rule(
            "mmap", __NR_mmap, [.anyButExecutable], why: "guest RAM, the kernel, the root image, kvm_run, a stack"),
        Rule(
            "mprotect", __NR_mprotect, [.anyButExecutable], why: "the guard page of the vCPU thread's stack"),
        Rule("lseek", __NR_lseek, why: "where a template has holes"),
        Rule(
            "madvise", __NR_madvise, [.advice],
            why: "large pages for a Linux; a template's pages, taken over at once"),
        Rule(
            "munmap", __NR_munmap, why: "what lies beside a Linux's RAM; free of large blocks",
            unseen: "no Linux here, and no block is that large yet"),
        Rule("newfstatat", __NR_newfstatat, why: "what kind of file each descriptor is"),
        Rule("fcntl", __NR_fcntl, [.getStatusFlags], why: "what each descriptor can do"),
        Rule("pread64", __NR_pread64, why: "the kernel's ELF header"),
        Rule("preadv", __NR_preadv, why: "the kernel's data"),
        Rule("clone", __NR_clone, [.threadFlags], why: "the vCPU thread; never a process"),
        Rule("rseq", __NR_rseq, why: "the C library, in a new thread"),
        Rule("set_robust_list", __NR_set_robust_list, why: "the C library, in a new thread"),
        Rule("rt_sigaction", __NR_rt_sigaction, why: "SIGPIPE is ignored; the C library's thread signals"),
        Rule("rt_sigprocmask", __NR_rt_sigprocmask, why: "the C library, around the new thread"),
        Rule(
            "sched_getaffinity", __NR_sched_getaffinity, why: "the C library's malloc", unseen: "asked before"
        ),
        Rule("prctl", __NR_prctl, [.jailOptions], why: "the thread's name; steps of the jail"),
        Rule("fsopen", __NR_fsopen, why: "the empty root"),
        Rule("fsconfig", __NR_fsconfig, why: "the empty root"),
        Rule("fsmount", __NR_fsmount, why: "the empty root"),
        Rule("mount", __NR_mount, why: "private mounts"),
        Rule("move_mount", __NR_move_mount, why: "the empty root"),
        Rule("fchdir", __NR_fchdir, why: "into the empty root"),
        Rule("pivot_root", __NR_pivot_root, why: "the empty root"),
        Rule("umount2", __NR_umount2, why: "the old root is gone"),
        Rule(
            "chroot", __NR_chroot, why: "in an initramfs",
            unseen: "only where the root is an initramfs: the lab"),
        Rule("prlimit64", __NR_prlimit64, why: "limits"),
        Rule("capset", __NR_capset, why: "no capabilities"),
        Rule(
            "landlock_create_ruleset", __NR_landlock_create_ruleset, why: "no files, no network"),
        Rule(
            "landlock_restrict_self", __NR_landlock_restrict_self, why: "no files, no network",
            unseen: "only on kernels with Landlock"),
        Rule("seccomp", __NR_seccomp, why: "the filters of the next phase"),
    ]

    private static let requests: [kvm_request] = [
        kvm_request_run, kvm_request_get_regs, kvm_request_get_sregs, kvm_request_get_api_version,
        kvm_request_create_vm, kvm_request_check_extension, kvm_request_get_vcpu_mmap_size,
        kvm_request_get_supported_cpuid, kvm_request_set_user_memory_region, kvm_request_set_tss_addr,
        kvm_request_set_identity_map_addr, kvm_request_create_irqchip, kvm_request_get_irqchip,
        kvm_request_set_irqchip, kvm_request_create_vcpu, kvm_request_ioeventfd, kvm_request_irqfd,
        kvm_request_set_regs, kvm_request_set_sregs, kvm_request_set_xcrs, kvm_request_set_msrs,
        kvm_request_set_cpuid2, kvm_request_get_tsc_khz, kvm_request_disk_size, kvm_request_set_device_attr,
        kvm_request_set_mp_state, kvm_request_set_xsave, kvm_request_set_debugregs, kvm_request_set_lapic,
        kvm_request_set_vcpu_events, kvm_request_set_clock,
    ]
}

extension SyscallPolicy.Condition {
    fileprivate static let anyButExecutable = Self(
        index: 2, values: [0, 1, 3], meaning: "PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE")
    /// What pthread_create passes (clone(2)).
    fileprivate static let threadFlags = Self(
        index: 0, values: [0x3D_0F00],
        meaning: "CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID, CHILD_CLEARTID")
    fileprivate static let advice = Self(index: 2, values: [4, 14, 23], meaning: "MADV_DONTNEED, HUGEPAGE, POPULATE_WRITE")
    fileprivate static let jailOptions = Self(
        index: 0, values: [15, 47], meaning: "PR_SET_NAME, PR_CAP_AMBIENT")
}
