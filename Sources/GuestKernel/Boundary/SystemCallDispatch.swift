/// Who serves each of Linux's calls.
extension SystemCall {
    /// A part of the kernel, in a folder or file of its own.
    enum Part {
        case file, path, descriptor, asynchronous, events, memory, process, signal, time, scheduling,
            identity, futex
        case socket, systemV
        /// Nobody: ENOSYS, and counted for the job's report. SystemCallSupport.swift says why.
        case absent
    }

    /// There is no `default`: a call that stands nowhere here does not compile.
    var part: Part {
        switch self {
        case .read, .write, .open, .close, .stat, .fstat, .lstat, .poll, .lseek, .ioctl, .pread64,
            .pwrite64, .readv, .writev:
            return .file
        case .access, .truncate, .getcwd, .chdir, .rename, .mkdir, .rmdir, .creat, .link, .unlink, .symlink,
            .readlink, .chmod, .chown, .lchown, .utime, .mknod, .statfs, .chroot, .setxattr, .lsetxattr,
            .fsetxattr, .getxattr, .lgetxattr, .fgetxattr, .listxattr, .llistxattr, .flistxattr,
            .removexattr, .lremovexattr, .fremovexattr, .utimes, .openat, .mkdirat, .mknodat, .fchownat,
            .futimesat, .newfstatat, .unlinkat, .renameat, .linkat, .symlinkat, .readlinkat, .fchmodat,
            .faccessat, .utimensat, .renameat2, .statx, .openat2, .faccessat2, .fchmodat2:
            return .path
        case .pipe, .dup, .dup2, .sendfile, .fcntl, .flock, .fsync, .fdatasync, .ftruncate, .fchdir,
            .fchmod, .fchown, .umask, .fstatfs, .sync, .mount, .umount2, .readahead, .getdents, .getdents64,
            .fadvise64, .splice, .tee, .sync_file_range, .vmsplice, .fallocate, .dup3, .pipe2, .preadv,
            .pwritev, .name_to_handle_at, .syncfs, .memfd_create, .copy_file_range, .preadv2, .pwritev2,
            .close_range:
            return .descriptor
        case .io_setup, .io_destroy, .io_getevents, .io_submit, .io_cancel, .io_pgetevents:
            return .asynchronous
        case .select, .epoll_create, .epoll_wait, .epoll_ctl, .inotify_init, .inotify_add_watch,
            .inotify_rm_watch, .pselect6, .ppoll, .epoll_pwait, .eventfd, .eventfd2, .epoll_create1,
            .inotify_init1, .epoll_pwait2:
            return .events
        case .mmap, .mprotect, .munmap, .brk, .mremap, .msync, .mincore, .madvise, .mlock, .munlock,
            .mlockall, .munlockall, .mlock2:
            return .memory
        case .clone, .fork, .vfork, .execve, .exit, .wait4, .setpgid, .getpgrp, .setsid, .getpgid, .getsid,
            .prctl, .exit_group, .waitid, .signalfd, .signalfd4, .process_vm_readv, .process_vm_writev,
            .getrandom, .execveat, .pidfd_open, .pidfd_getfd, .kcmp, .clone3:
            return .process
        case .rt_sigaction, .rt_sigprocmask, .rt_sigreturn, .pause, .kill, .rt_sigpending, .rt_sigtimedwait,
            .rt_sigqueueinfo, .rt_sigsuspend, .sigaltstack, .tkill, .tgkill, .rt_tgsigqueueinfo,
            .pidfd_send_signal:
            return .signal
        case .sched_yield, .nanosleep, .getitimer, .alarm, .setitimer, .gettimeofday, .times, .time,
            .timer_create, .timer_settime, .timer_gettime, .timer_getoverrun, .timer_delete, .clock_settime,
            .clock_gettime, .clock_getres, .clock_nanosleep, .timerfd_create, .timerfd_settime,
            .timerfd_gettime:
            return .time
        case .getpriority, .setpriority, .sched_setparam, .sched_getparam, .sched_setscheduler,
            .sched_getscheduler, .sched_get_priority_max, .sched_get_priority_min, .sched_rr_get_interval,
            .sched_setaffinity, .sched_getaffinity, .ioprio_set, .ioprio_get, .getcpu, .sched_setattr,
            .sched_getattr:
            return .scheduling
        case .getpid, .uname, .getrlimit, .getrusage, .sysinfo, .getuid, .syslog, .getgid, .setuid, .setgid,
            .geteuid, .getegid, .getppid, .setreuid, .setregid, .getgroups, .setgroups, .setresuid,
            .getresuid, .setresgid, .getresgid, .setfsuid, .setfsgid, .capget, .capset, .personality,
            .arch_prctl, .setrlimit, .sethostname, .setdomainname, .gettid, .set_tid_address, .prlimit64:
            return .identity
        case .futex, .set_robust_list, .get_robust_list, .membarrier, .rseq:
            return .futex
        case .socket, .connect, .accept, .sendto, .recvfrom, .sendmsg, .recvmsg, .shutdown, .bind, .listen,
            .getsockname, .getpeername, .socketpair, .setsockopt, .getsockopt, .accept4, .recvmmsg,
            .sendmmsg:
            return .socket
        case .shmget, .shmat, .shmctl, .semget, .semop, .semctl, .shmdt, .msgget, .msgsnd, .msgrcv, .msgctl,
            .semtimedop:
            return .systemV
        case .ptrace, .uselib, .ustat, .sysfs, .vhangup, .modify_ldt, .pivot_root, ._sysctl,
            .adjtimex, .acct, .settimeofday, .swapon, .swapoff, .reboot, .iopl, .ioperm, .create_module,
            .init_module, .delete_module, .get_kernel_syms, .query_module, .quotactl, .nfsservctl, .getpmsg,
            .putpmsg, .afs_syscall, .tuxcall, .security, .set_thread_area, .get_thread_area, .lookup_dcookie,
            .epoll_ctl_old,
            .epoll_wait_old, .remap_file_pages, .restart_syscall, .vserver, .mbind, .set_mempolicy,
            .get_mempolicy, .mq_open, .mq_unlink, .mq_timedsend, .mq_timedreceive, .mq_notify,
            .mq_getsetattr, .kexec_load, .add_key, .request_key, .keyctl, .migrate_pages, .unshare,
            .move_pages, .perf_event_open, .fanotify_init, .fanotify_mark, .open_by_handle_at,
            .clock_adjtime, .setns, .finit_module, .seccomp, .kexec_file_load, .bpf, .userfaultfd,
            .pkey_mprotect, .pkey_alloc, .pkey_free, .io_uring_setup, .io_uring_enter,
            .io_uring_register, .open_tree, .move_mount, .fsopen, .fsconfig, .fsmount, .fspick,
            .process_madvise, .mount_setattr, .quotactl_fd, .landlock_create_ruleset,
            .landlock_add_rule, .landlock_restrict_self, .memfd_secret, .process_mrelease, .futex_waitv,
            .set_mempolicy_home_node, .cachestat, .map_shadow_stack, .futex_wake, .futex_wait,
            .futex_requeue, .statmount, .listmount, .lsm_get_self_attr, .lsm_set_self_attr,
            .lsm_list_modules, .mseal:
            return .absent
        }
    }
}

extension SystemCalls {
    /// - Returns: nil for a call that is absent.
    static func dispatch(
        _ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread
    ) throws(Errno) -> Int? {
        switch call.part {
        case .file: try FileCall(arguments: arguments, thread: thread).serveCommon(call)
        case .path: try FileCall(arguments: arguments, thread: thread).servePath(call)
        case .descriptor: try FileCall(arguments: arguments, thread: thread).serveDescriptor(call)
        case .asynchronous: try FileCall(arguments: arguments, thread: thread).serveAsynchronous(call)
        case .events: try FileCall(arguments: arguments, thread: thread).serveEvents(call)
        case .memory: try memorySystemCall(call, arguments, thread)
        case .process: try processSystemCall(call, arguments, thread)
        case .signal: try signalSystemCall(call, arguments, thread)
        case .time: try timeSystemCall(call, arguments, thread)
        case .scheduling: try schedulingCall(call, arguments, thread)
        case .identity: try identitySystemCall(call, arguments, thread)
        case .futex: try futexSystemCall(call, arguments, thread)
        case .socket: try socketSystemCall(call, arguments, thread)
        case .systemV: try systemVCall(call, arguments, thread)
        case .absent: nil
        }
    }
}
