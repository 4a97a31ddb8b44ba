/// A Linux error number, positive, as `errno.h` names it on x86-64. What every kernel function throws.
struct Errno: Error, Equatable {
    let code: Int32

    static let notPermitted = Errno(code: 1)              // EPERM
    static let noSuchFile = Errno(code: 2)                // ENOENT
    static let noSuchProcess = Errno(code: 3)             // ESRCH
    static let interrupted = Errno(code: 4)               // EINTR
    static let ioError = Errno(code: 5)                   // EIO
    static let noSuchDeviceOrAddress = Errno(code: 6)     // ENXIO
    static let argumentListTooLong = Errno(code: 7)       // E2BIG
    static let notExecutable = Errno(code: 8)             // ENOEXEC
    static let badDescriptor = Errno(code: 9)             // EBADF
    static let noChild = Errno(code: 10)                  // ECHILD
    static let wouldBlock = Errno(code: 11)               // EAGAIN
    static let noMemory = Errno(code: 12)                 // ENOMEM
    static let accessDenied = Errno(code: 13)             // EACCES
    static let badAddress = Errno(code: 14)               // EFAULT
    static let busy = Errno(code: 16)                     // EBUSY
    static let exists = Errno(code: 17)                   // EEXIST
    static let crossDevice = Errno(code: 18)              // EXDEV
    static let noSuchDevice = Errno(code: 19)             // ENODEV
    static let notDirectory = Errno(code: 20)             // ENOTDIR
    static let isDirectory = Errno(code: 21)              // EISDIR
    static let invalidArgument = Errno(code: 22)          // EINVAL
    static let tooManyFilesInSystem = Errno(code: 23)     // ENFILE
    static let tooManyFiles = Errno(code: 24)             // EMFILE
    static let notTerminal = Errno(code: 25)              // ENOTTY
    static let textBusy = Errno(code: 26)                 // ETXTBSY
    static let fileTooLarge = Errno(code: 27)             // EFBIG
    static let noSpace = Errno(code: 28)                  // ENOSPC
    static let illegalSeek = Errno(code: 29)              // ESPIPE
    static let readOnlyFileSystem = Errno(code: 30)       // EROFS
    static let tooManyLinks = Errno(code: 31)             // EMLINK
    static let brokenPipe = Errno(code: 32)               // EPIPE
    static let outOfRange = Errno(code: 34)               // ERANGE
    static let deadlock = Errno(code: 35)                 // EDEADLK
    static let nameTooLong = Errno(code: 36)              // ENAMETOOLONG
    static let noLocks = Errno(code: 37)                  // ENOLCK
    static let noSystemCall = Errno(code: 38)             // ENOSYS
    static let directoryNotEmpty = Errno(code: 39)        // ENOTEMPTY
    static let tooManySymbolicLinks = Errno(code: 40)     // ELOOP
    static let noMessage = Errno(code: 42)                // ENOMSG
    static let identifierRemoved = Errno(code: 43)        // EIDRM
    static let noData = Errno(code: 61)                   // ENODATA
    static let overflow = Errno(code: 75)                 // EOVERFLOW
    static let badMessage = Errno(code: 74)               // EBADMSG
    static let notSocket = Errno(code: 88)                // ENOTSOCK
    static let notSupported = Errno(code: 95)             // EOPNOTSUPP
    static let addressFamilyNotSupported = Errno(code: 97) // EAFNOSUPPORT
    static let connectionReset = Errno(code: 104)         // ECONNRESET
    static let notConnected = Errno(code: 107)            // ENOTCONN
    static let timedOut = Errno(code: 110)                // ETIMEDOUT
    static let connectionRefused = Errno(code: 111)       // ECONNREFUSED
    static let corrupted = Errno(code: 117)               // EUCLEAN: a damaged file system

    /// Never seen by a program: the system call was interrupted by a signal before it did anything. The signal code turns
    /// it into a restart or into EINTR, by SA_RESTART (Linux's ERESTARTSYS).
    static let restart = Errno(code: 512)
    /// Never seen by a program: the same for calls that Linux restarts only when no handler ran, whatever SA_RESTART says;
    /// relative waits among them keep their deadline in `Thread.restartDeadline` (ERESTARTNOHAND, ERESTART_RESTARTBLOCK).
    static let restartWithoutHandler = Errno(code: 514)
}
