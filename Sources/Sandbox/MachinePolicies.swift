import CLinux

// What the threads of swiftlet-vmm may call while the guest runs and after. A guest that has taken over the process can do
// this much and no more: it can open no file, make no process and no socket of its own, and map nothing executable.
//
// There is no further filter for the time after the guest's end, when the device loop only passes on what is left: to
// install one the running phase would have to allow seccomp(2), which hands an attacker BPF programs to feed the kernel
// with, while the phase it would narrow begins when no attacker can act any more.

extension SyscallPolicy {
    /// The thread in KVM_RUN.
    public static let vcpu = SyscallPolicy(
        thread: "vcpu", phase: "run",
        rules: [
            Rule(
                "ioctl", __NR_ioctl,
                [.request([kvm_request_run, kvm_request_get_regs, kvm_request_get_sregs], vcpuRequests)],
                why: "running the guest; and saying where it stood when it crashed"),
            Rule("write", __NR_write, why: "eventfds: to the device loop and, as notifications, to devices"),
            Rule("read", __NR_read, why: "blocking eventfds: a device's reset, and waiting for the end"),
            Rule(
                "futex", __NR_futex, [.lockOperations],
                why: "the locks shared with the device loop, when they are contended",
                unseen: "two threads must meet in one of them, which no job can arrange"),
            Rule(
                "brk", __NR_brk, why: "malloc, for messages to the device loop",
                unseen: "the heap that set-up leaves has always been enough"),
            Rule("gettid", __NR_gettid, why: "Synchronization.Mutex asks once a thread"),
            Rule(
                "clock_gettime", __NR_clock_gettime, why: "phases",
                unseen: "a call only where the vDSO has no clock: a host whose clock source is not the TSC"),
        ])

    /// The same where the machine of a Linux is to become a template: it reads what KVM has of it.
    public static let vcpuThatSaves: SyscallPolicy = {
        var policy = vcpu
        policy.rules[0] = Rule(
            "ioctl", __NR_ioctl,
            [
                .request(
                    [kvm_request_run, kvm_request_get_regs, kvm_request_get_sregs] + savedParts,
                    vcpuRequests + ", and what else reads a part of the machine (KVM_GET_MSRS, KVM_GET_LAPIC ...)")
            ],
            why: "running the guest; and reading what goes into its template")
        return policy
    }()

    /// Requests that read a part of a machine that is saved.
    static let savedParts: [kvm_request] = [
        kvm_request_get_msrs, kvm_request_get_mp_state, kvm_request_get_xsave, kvm_request_get_xcrs,
        kvm_request_get_debugregs, kvm_request_get_lapic, kvm_request_get_vcpu_events,
        kvm_request_get_irqchip, kvm_request_get_clock, kvm_request_get_tsc_khz,
    ]

    /// The thread in epoll_wait, which owns all devices and talks to the outside.
    public static let deviceLoop = SyscallPolicy(
        thread: "device loop", phase: "run",
        rules: [
            Rule("epoll_wait", __NR_epoll_wait, why: "waiting for the guest and for host descriptors"),
            Rule("read", __NR_read, why: "eventfds"),
            Rule("write", __NR_write, why: "eventfds (interrupts); messages on standard error"),
            Rule("readv", __NR_readv, why: "streams from files and terminals into the guest"),
            Rule("writev", __NR_writev, why: "streams from the guest into files and terminals"),
            Rule("preadv2", __NR_preadv2, why: "streams from pipes, without waiting"),
            Rule("pwritev2", __NR_pwritev2, why: "streams into pipes, without waiting"),
            Rule("recvmsg", __NR_recvmsg, why: "streams from sockets, without waiting"),
            Rule("sendmsg", __NR_sendmsg, why: "streams into sockets, without waiting"),
            Rule("sendto", __NR_sendto, [.noAddress], why: "events to the launcher, over a connected socket"),
            Rule(
                "epoll_ctl", __NR_epoll_ctl, [.watchOperations],
                why: "watching streams as they open, block and close"),
            Rule("poll", __NR_poll, why: "pipes and terminals on kernels without RWF_NOWAIT for them"),
            Rule(
                "futex", __NR_futex, [.lockOperations],
                why: "the locks shared with the vCPU thread, when they are contended",
                unseen: "two threads must meet in one of them, which no job can arrange"),
            Rule(
                "brk", __NR_brk, why: "malloc",
                unseen: "the heap that set-up leaves is enough, and large blocks are mapped"),
            Rule(
                "mmap", __NR_mmap, [.readWriteMemory, .privateMemory],
                why: "malloc of large blocks; never executable, never a file's"),
            Rule(
                "munmap", __NR_munmap, why: "free of large blocks",
                unseen: "only if a reader's backlog ends before its job, which not every run sees"),
            Rule("close", __NR_close, why: "a stream that has ended, so that its reader sees the end"),
            Rule(
                "shutdown", __NR_shutdown, why: "half-closing a socket when the guest half-closes",
                unseen: "our kernel closes both halves at once; Linux may not"),
            Rule("getrandom", __NR_getrandom, why: "the entropy device"),
            Rule("getrusage", __NR_getrusage, [.ownUsage], why: "the counters' memory figure"),
            Rule("gettid", __NR_gettid, why: "Synchronization.Mutex asks once a thread"),
            Rule(
                "clock_gettime", __NR_clock_gettime, why: "phases",
                unseen: "a call only where the vDSO has no clock: a host whose clock source is not the TSC"),
            Rule("exit_group", __NR_exit_group, why: "the end"),
        ])

    /// What `deviceLoop` lacks for disks.
    public static let disks: [Rule] = [
        Rule("preadv", __NR_preadv, why: "disk reads"),
        Rule("pwritev", __NR_pwritev, why: "disk writes"),
        Rule("fdatasync", __NR_fdatasync, why: "a disk flush"),
    ]

    /// What `deviceLoop` lacks for a Linux guest.
    public static let balloon: [Rule] = [
        Rule(
            "madvise", __NR_madvise, [.dontNeed], why: "memory that the guest reports as free goes back to the host",
            unseen: "only a Linux guest reports any, which the lab alone can run")
    ]

    /// What `deviceLoop` lacks for `--vsock-listen` and `--vsock-directory`.
    public static let unixSockets: [Rule] = [
        Rule("recvfrom", __NR_recvfrom, why: "a host program's first line", unseen: noCommandYet),
        Rule(
            "fcntl", __NR_fcntl, [.getStatusFlags], why: "what a new connection can do",
            unseen: noCommandYet),
        Rule(
            "newfstatat", __NR_newfstatat, why: "what kind of file a new connection is", unseen: noCommandYet),
        Rule("accept4", __NR_accept4, why: "a host program connects to the guest", unseen: noCommandYet),
        Rule(
            "socket", __NR_socket, [.unixFamily], why: "the guest connects to a host program",
            unseen: noCommandYet),
        Rule("connect", __NR_connect, why: "the guest connects to a host program", unseen: noCommandYet),
        Rule(
            "fchdir", __NR_fchdir, why: "into the directory of those sockets, the only one there is",
            unseen: noCommandYet),
    ]

    private static let noCommandYet =
        "swiftlet has no option for it in this version; Tests/VirtioTests runs the code"

    private static let vcpuRequests = "KVM_RUN, KVM_GET_REGS, KVM_GET_SREGS"
}

extension SyscallPolicy.Condition {
    static let lockOperations = Self(
        index: 1, values: [128, 129, 134, 135, 136],
        meaning: "FUTEX_WAIT, WAKE, LOCK_PI, UNLOCK_PI, TRYLOCK_PI, private")
    static let dontNeed = Self(index: 2, values: [4], meaning: "MADV_DONTNEED")
    static let noAddress = Self(index: 4, values: [0], meaning: "no address", isAddress: true)
    static let watchOperations = Self(index: 1, values: [1, 2, 3], meaning: "EPOLL_CTL_ADD, DEL, MOD")
    static let readWriteMemory = Self(index: 2, values: [3], meaning: "PROT_READ | PROT_WRITE")
    static let privateMemory = Self(index: 3, values: [0x22], meaning: "MAP_PRIVATE | MAP_ANONYMOUS")
    static let ownUsage = Self(index: 0, values: [0], meaning: "RUSAGE_SELF")
    static let getStatusFlags = Self(index: 1, values: [3], meaning: "F_GETFL")
    static let unixFamily = Self(index: 0, values: [1], meaning: "AF_UNIX")

    /// ioctl's second argument.
    static func request(_ requests: [kvm_request], _ meaning: String) -> Self {
        Self(index: 1, values: requests.map { UInt32(truncatingIfNeeded: $0.rawValue) }, meaning: meaning)
    }
}

extension SyscallPolicy.Rule {
    init(
        _ name: String, _ number: Int32, _ conditions: [SyscallPolicy.Condition] = [], why: String,
        unseen: String? = nil
    ) {
        self.init(
            name: name, number: UInt32(number), conditions: conditions, why: why, unseen: unseen)
    }
}
