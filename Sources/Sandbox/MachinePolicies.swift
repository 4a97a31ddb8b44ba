import CLinux

// The two policies of swiftlet-vmm. A guest that has taken over the process can do this much and no more: it can open no
// file, make no process and no socket of its own.

extension SyscallPolicy {
    /// The thread in KVM_RUN.
    public static let vcpu = SyscallPolicy(
        thread: "vcpu",
        rules: [
            Rule(
                "ioctl", __NR_ioctl, argument: 1,
                [kvm_request_run, kvm_request_get_regs, kvm_request_get_sregs],
                why: "running the guest; and saying where it stood when it crashed"),
            Rule("write", __NR_write, why: "eventfds: to the device loop and, as notifications, to devices"),
            Rule("read", __NR_read, why: "blocking eventfds: a device's reset, and waiting for the end"),
            Rule("futex", __NR_futex, why: "the locks shared with the device loop, when they are contended"),
            Rule("brk", __NR_brk, why: "malloc, for messages to the device loop"),
            Rule("gettid", __NR_gettid, why: "Synchronization.Mutex asks once a thread"),
            Rule("clock_gettime", __NR_clock_gettime, why: "phases; a call only where the vDSO has no clock"),
        ])

    /// The thread in epoll_wait, which owns all devices and talks to the outside.
    public static let deviceLoop = SyscallPolicy(
        thread: "device loop",
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
            Rule("sendto", __NR_sendto, why: "events to the launcher"),
            Rule("epoll_ctl", __NR_epoll_ctl, why: "watching streams as they open, block and close"),
            Rule("poll", __NR_poll, why: "pipes and terminals on kernels without RWF_NOWAIT for them"),
            Rule("futex", __NR_futex, why: "the locks shared with the vCPU thread, when they are contended"),
            Rule("brk", __NR_brk, why: "malloc"),
            Rule(
                "mmap", __NR_mmap, argument: 2, [readWrite], why: "malloc of large blocks; never executable"),
            Rule("munmap", __NR_munmap, why: "free of large blocks"),
            Rule("mremap", __NR_mremap, why: "realloc of large blocks"),
            Rule("close", __NR_close, why: "a stream that has ended, so that its reader sees the end"),
            Rule("shutdown", __NR_shutdown, why: "half-closing a socket when the guest half-closes"),
            Rule("getrandom", __NR_getrandom, why: "the entropy device"),
            Rule("getrusage", __NR_getrusage, why: "the counters' memory figure"),
            Rule("gettid", __NR_gettid, why: "Synchronization.Mutex asks once a thread"),
            Rule("clock_gettime", __NR_clock_gettime, why: "phases; a call only where the vDSO has no clock"),
            Rule("exit_group", __NR_exit_group, why: "the end"),
        ])

    /// What `deviceLoop` lacks for disks.
    public static let disks: [Rule] = [
        Rule("preadv", __NR_preadv, why: "disk reads"),
        Rule("pwritev", __NR_pwritev, why: "disk writes"),
        Rule("fdatasync", __NR_fdatasync, why: "a disk flush"),
    ]

    /// What `deviceLoop` lacks for `--vsock-listen` and `--vsock-directory`.
    public static let unixSockets: [Rule] = [
        Rule("recvfrom", __NR_recvfrom, why: "a host program's first line"),
        Rule("fcntl", __NR_fcntl, argument: 1, [getStatusFlags], why: "what a new connection can do"),
        Rule("newfstatat", __NR_newfstatat, why: "what kind of file a new connection is"),
        Rule("accept4", __NR_accept4, why: "a host program connects to the guest"),
        Rule("socket", __NR_socket, argument: 0, [unixFamily], why: "the guest connects to a host program"),
        Rule("connect", __NR_connect, why: "the guest connects to a host program"),
        Rule("fchdir", __NR_fchdir, why: "into the directory of those sockets, the only one there is"),
    ]

    private static let readWrite: UInt32 = 3  // PROT_READ | PROT_WRITE
    private static let getStatusFlags: UInt32 = 3  // F_GETFL
    private static let unixFamily: UInt32 = 1  // AF_UNIX
}

extension SyscallPolicy.Rule {
    init(_ name: String, _ number: Int32, why: String) {
        self.init(name: name, number: UInt32(number), condition: nil, why: why)
    }

    init(_ name: String, _ number: Int32, argument: Int, _ values: [UInt32], why: String) {
        self.init(
            name: name, number: UInt32(number), condition: .init(index: argument, values: values), why: why)
    }
}
