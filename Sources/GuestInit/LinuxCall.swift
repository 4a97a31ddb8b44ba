import CGuestInit

/// A Linux error number, positive, as `errno.h` names it on x86-64.
struct Errno: Error, Equatable {
    let code: Int32

    static let noSuchFile = Errno(code: 2)                // ENOENT
    static let ioError = Errno(code: 5)                   // EIO
    static let argumentListTooLong = Errno(code: 7)       // E2BIG
    static let noChild = Errno(code: 10)                  // ECHILD
    static let wouldBlock = Errno(code: 11)               // EAGAIN
    static let noMemory = Errno(code: 12)                 // ENOMEM
    static let accessDenied = Errno(code: 13)             // EACCES
    static let exists = Errno(code: 17)                   // EEXIST
    static let notDirectory = Errno(code: 20)             // ENOTDIR
    static let isDirectory = Errno(code: 21)              // EISDIR
    static let invalidArgument = Errno(code: 22)          // EINVAL
    static let brokenPipe = Errno(code: 32)               // EPIPE
    static let inProgress = Errno(code: 115)              // EINPROGRESS
}

/// The system calls that process 1 makes, by their x86-64 numbers. Nothing interrupts one: it blocks every signal.
enum LinuxCall: Int {
    case read = 0
    case write = 1
    case open = 2
    case close = 3
    case fstat = 5
    case mmap = 9
    case munmap = 11
    case rt_sigaction = 13
    case rt_sigprocmask = 14
    case ioctl = 16
    case pread64 = 17
    case dup2 = 33
    case socket = 41
    case connect = 42
    case sendto = 44
    case shutdown = 48
    case setsockopt = 54
    case getsockopt = 55
    case fork = 57
    case execve = 59
    case exit = 60
    case wait4 = 61
    case kill = 62
    case fcntl = 72
    case chdir = 80
    case rename = 82
    case mkdir = 83
    case unlink = 87
    case symlink = 88
    case chmod = 90
    case fchmod = 91
    case fchown = 93
    case lchown = 94
    case umask = 95
    case getrusage = 98
    case sysinfo = 99
    case setsid = 112
    case setgroups = 116
    case setresuid = 117
    case setresgid = 119
    case mknod = 133
    case statfs = 137
    case prctl = 157
    case chroot = 161
    case mount = 165
    case swapon = 167
    case reboot = 169
    case sethostname = 170
    case sched_getaffinity = 204
    case getdents64 = 217
    case clock_settime = 227
    case clock_gettime = 228
    case exit_group = 231
    case inotify_add_watch = 254
    case openat = 257
    case ppoll = 271
    case unshare = 272
    case signalfd4 = 289
    case pipe2 = 293
    case inotify_init1 = 294
    case prlimit64 = 302
    case finit_module = 313
    case getrandom = 318

    @discardableResult
    func callAsFunction(
        _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0, _ f: Int = 0
    ) throws(Errno) -> Int {
        let result = linux_call(rawValue, a, b, c, d, e, f)
        if result < 0 && result >= -4095 { throw Errno(code: Int32(-result)) }
        return result
    }
}

extension UnsafeMutableRawPointer {
    /// As a system call takes it.
    var argument: Int { Int(bitPattern: self) }
}

extension UnsafeRawPointer {
    var argument: Int { Int(bitPattern: self) }
}

/// Gives `body` the address of `value`, for a system call that reads or fills it.
@discardableResult
func withArgument<Value, Result>(
    of value: inout Value, _ body: (Int) throws(Errno) -> Result
) throws(Errno) -> Result {
    try withUnsafeMutablePointer(to: &value) { (pointer) throws(Errno) -> Result in
        try body(Int(bitPattern: pointer))
    }
}
