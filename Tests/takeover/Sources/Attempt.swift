import CTakeover
import Glibc

/// What the attacker tries. A command is a system call's number, or `named` plus an index into `attempts`.
enum Attempt {
    static let named: UInt64 = 0x1000

    static func act(_ command: UInt64) -> Int64 {
        guard command >= named else { return plain(Int(command)) }
        let index = Int(command - named)
        return index < attempts.count ? Int64(attempts[index].action()) : Int64(-EINVAL)
    }

    /// The call with arguments that no object answers to, except where a filter looks: there, what it lets through. So an
    /// allowed call fails or does nothing, and a forbidden one kills.
    private static func plain(_ number: Int) -> Int64 {
        let nothing = -1
        switch Int32(number) {
        case __NR_ioctl: return call(number, nothing, request_run)
        case __NR_futex: return call(number, nothing, 128)
        case __NR_sendto: return call(number, nothing, 0, 0, 0, 0, 0)
        case __NR_epoll_ctl: return call(number, nothing, 1, nothing, nothing)
        case __NR_mmap: return call(number, 0, 4096, 3, 0x22, nothing, 0)
        case __NR_getrusage: return call(number, 0, nothing)
        case __NR_fcntl: return call(number, nothing, 3)
        case __NR_socket: return call(number, 1, nothing, nothing)
        default: return call(number, nothing, nothing, nothing, nothing, nothing, nothing)
        }
    }

    private static func call(
        _ number: Int, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0, _ f: Int = 0
    ) -> Int64 {
        Int64(raw_call(number, a, b, c, d, e, f))
    }

    // MARK: - The named ones

    /// - Returns: what the call that matters returned.
    private struct Named: Sendable {
        let action: @Sendable () -> Int

        init(_ action: @escaping @Sendable () -> Int) { self.action = action }
    }

    /// In the order of Tests/takeover/run, which has their names.
    private static let attempts: [Named] = [
        Named { path("/etc/passwd") { Int(call(Int(__NR_openat), Int(AT_FDCWD), $0, 0)) } },
        Named { listRoot() },
        Named { path("/new") { Int(call(Int(__NR_mkdir), $0, 0o755)) } },
        Named { connect(toInternet: [2, 0, 0, 22, 127, 0, 0, 1] + [UInt8](repeating: 0, count: 8)) },
        Named { connect(toUnix: [1, 0] + Array("/run/systemd/private".utf8) + [0]) },
        Named { connect(toUnix: [1, 0, 0] + Array("/tmp/.X11-unix/X0".utf8)) },
        Named { Int(call(Int(__NR_clone), Int(SIGCHLD))) },
        Named { Int(call(Int(__NR_vfork))) },
        Named {
            path("/bin/sh") { Int(call(Int(__NR_execve), $0, 0, 0)) }
        },
        Named { Int(call(Int(__NR_kill), -1, 0)) },
        Named { Int(call(Int(__NR_kill), 7, 0)) },
        Named { Int(call(Int(__NR_pidfd_open), 7, 0)) },
        Named { Int(call(Int(__NR_ptrace), 16, 7, 0, 0)) },
        Named { writeIntoAnotherProcess() },
        Named { Int(call(Int(__NR_mmap), 0, 4096, 7, 0x22, -1, 0)) },
        Named { Int(call(Int(__NR_mmap), 0, 4096, 1, Int(MAP_SHARED), 3, 0)) },
        Named { Int(call(Int(__NR_mprotect), 0x400000, 4096, 7)) },
        Named {
            Int(call(Int(__NR_ioctl), 3, request_create_vm, 0))
        },
        Named {
            Int(call(Int(__NR_ioctl), 17, request_set_memory, 0))
        },
        Named { Int(call(Int(__NR_ioctl), 2, Int(TIOCSTI), 0)) },
        Named { Int(call(Int(__NR_prctl), 4, 1)) },
        Named { path("tmpfs") { Int(call(Int(__NR_mount), $0, $0, $0, 0, 0)) } },
        Named { Int(call(Int(__NR_setuid), 1)) },
        Named { path("/device") { Int(call(Int(__NR_mknod), $0, 0o60600, 0x801)) } },
        Named { Int(call(Int(__NR_clock_settime), 0, -1)) },
        Named { Int(call(Int(__NR_reboot), 0xFEE1_DEAD, 0, 0)) },
        Named { path("..") { Int(call(Int(__NR_chroot), $0)) } },
    ]

    private static func path(_ text: String, _ body: (Int) -> Int) -> Int {
        text.withCString { body(Int(bitPattern: $0)) }
    }

    private static func writeIntoAnotherProcess() -> Int {
        var word = 0
        return withUnsafeMutableBytes(of: &word) { bytes in
            var piece = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
            return withUnsafeMutablePointer(to: &piece) { piece in
                let vector = Int(bitPattern: piece)
                return Int(call(Int(__NR_process_vm_writev), 7, vector, 1, vector, 1, 0))
            }
        }
    }

    /// How many names the root directory has beside `.` and `..`; negative when it cannot be read.
    private static func listRoot() -> Int {
        let directory = path("/") { Int(call(Int(__NR_openat), Int(AT_FDCWD), $0, Int(O_DIRECTORY))) }
        guard directory >= 0 else { return directory }
        var entries = [UInt8](repeating: 0, count: 4096)
        let count = entries.withUnsafeMutableBytes {
            Int(call(Int(__NR_getdents64), directory, Int(bitPattern: $0.baseAddress), $0.count))
        }
        // Two entries of 24 bytes are the empty directory; nothing got through then.
        return count <= 48 ? -Int(ENOENT) : count
    }

    private static func connect(toInternet address: [UInt8]) -> Int { connect(family: 2, address) }
    private static func connect(toUnix address: [UInt8]) -> Int { connect(family: 1, address) }

    private static func connect(family: Int, _ address: [UInt8]) -> Int {
        let socket = Int(call(Int(__NR_socket), family, 1, 0))
        guard socket >= 0 else { return socket }
        return address.withUnsafeBytes {
            Int(call(Int(__NR_connect), socket, Int(bitPattern: $0.baseAddress), $0.count))
        }
    }
}
