import CLinux
import Glibc
import Testing

@testable import Sandbox

/// Runs a filter as the kernel's BPF interpreter would, for the three kinds of instruction that `SyscallFilter` emits.
private func verdict(
    _ filter: SyscallFilter, number: UInt32, arguments: [UInt64] = [], architecture: UInt32 = 0xC000_003E
) -> UInt32? {
    var data: [UInt32] = [number, architecture, 0, 0]
    for index in 0..<6 {
        let argument = index < arguments.count ? arguments[index] : 0
        data += [UInt32(truncatingIfNeeded: argument), UInt32(truncatingIfNeeded: argument >> 32)]
    }
    var accumulator: UInt32 = 0
    var next = 0
    while next < filter.program.count {
        let instruction = filter.program[next]
        next += 1
        switch CInt(instruction.code) {
        case BPF_LD | BPF_W | BPF_ABS: accumulator = data[Int(instruction.k) / 4]
        case BPF_JMP | BPF_JEQ | BPF_K:
            next += Int(accumulator == instruction.k ? instruction.jt : instruction.jf)
        case BPF_RET | BPF_K: return instruction.k
        default: return nil
        }
    }
    return nil
}

private let allow = UInt32(SECCOMP_RET_ALLOW)
private let kill = UInt32(SECCOMP_RET_KILL_PROCESS)

/// Arguments with which the rule allows its call.
private func permitted(_ rule: SyscallPolicy.Rule) -> [UInt64] {
    var arguments = [UInt64](repeating: 0, count: 6)
    for condition in rule.conditions { arguments[condition.index] = UInt64(condition.values[0]) }
    return arguments
}

/// Everything the device loop may ever be allowed.
private var everything: SyscallPolicy {
    var policy = SyscallPolicy.deviceLoop
    policy.rules += SyscallPolicy.disks + SyscallPolicy.unixSockets + SyscallPolicy.balloon
    return policy
}

extension SyscallPolicy: CustomTestStringConvertible {
    public var testDescription: String { "\(thread), \(phase)" }
}

@Suite struct SyscallFilterTests {
    @Test("HOSTILE 35: an address that may not be given is looked at whole: one of 4 GiB and more kills")
    func wholeAddress() {
        let filter = SyscallFilter(.deviceLoop)
        let rules = SyscallPolicy.deviceLoop.rules.filter { $0.conditions.contains(where: \.isAddress) }
        #expect(!rules.isEmpty)
        for rule in rules {
            for condition in rule.conditions where condition.isAddress {
                for bit in [32, 33, 47, 63] {
                    var arguments = permitted(rule)
                    arguments[condition.index] = 1 << bit
                    #expect(verdict(filter, number: rule.number, arguments: arguments) == kill, "\(rule.name)")
                }
            }
        }
    }

    @Test(
        "HOSTILE 21: each listed call passes and every other number kills",
        arguments: [SyscallPolicy.vcpu, everything])
    func allNumbers(policy: SyscallPolicy) {
        let filter = SyscallFilter(policy)
        let rules = Dictionary(uniqueKeysWithValues: policy.rules.map { ($0.number, $0) })
        for number in 0..<UInt32(1024) {
            guard let rule = rules[number] else {
                #expect(verdict(filter, number: number) == kill, "system call \(number)")
                continue
            }
            let listed = permitted(rule)
            #expect(verdict(filter, number: number, arguments: listed) == allow, "\(rule.name)")
            for condition in rule.conditions {
                for value in condition.values {
                    var arguments = listed
                    arguments[condition.index] = UInt64(value)
                    #expect(
                        verdict(filter, number: number, arguments: arguments) == allow,
                        "\(rule.name) \(value)")
                    arguments[condition.index] = UInt64(value) + 1
                    let isListed = condition.values.contains(value + 1)
                    #expect(
                        verdict(filter, number: number, arguments: arguments) == (isListed ? allow : kill),
                        "\(rule.name) \(value + 1)")
                }
            }
        }
    }

    @Test("HOSTILE 21: calls of another architecture and x32 calls kill")
    func otherArchitectures() {
        let filter = SyscallFilter(.deviceLoop)
        #expect(verdict(filter, number: UInt32(__NR_read), architecture: 0x4000_0003) == kill)
        #expect(verdict(filter, number: UInt32(__NR_read) | 0x4000_0000) == kill)
    }

    @Test("HOSTILE 21: the vCPU has at most 8 calls, the device loop at most 25; each rule says why")
    func small() {
        #expect(SyscallPolicy.vcpu.rules.count <= 8)
        #expect(SyscallPolicy.deviceLoop.rules.count <= 25)
        let setUp = SyscallPolicy.setUp(before: everything.rules)
        for rule in SyscallPolicy.vcpu.rules + everything.rules + setUp.rules {
            #expect(rule.why.count > 3, "\(rule.name)")
        }
    }

    @Test("the filters of set-up let through what those of the run do")
    func phases() {
        let setUp = SyscallFilter(.setUp(before: everything.rules))
        for rule in everything.rules + SyscallPolicy.vcpu.rules {
            for condition in rule.conditions {
                for value in condition.values {
                    var arguments = permitted(rule)
                    arguments[condition.index] = UInt64(value)
                    #expect(
                        verdict(setUp, number: rule.number, arguments: arguments) == allow,
                        "\(rule.name) \(value)")
                }
            }
            #expect(verdict(setUp, number: rule.number, arguments: permitted(rule)) == allow, "\(rule.name)")
        }
    }

    @Test("even while it is set up the machine can make threads and no process, and execute nothing")
    func setUp() {
        let filter = SyscallFilter(.setUp(before: everything.rules))
        for number in [
            __NR_open, __NR_openat, __NR_execve, __NR_execveat, __NR_fork, __NR_vfork, __NR_ptrace, __NR_kill,
            __NR_tgkill, __NR_bpf, __NR_io_uring_setup, __NR_process_vm_writev, __NR_setns, __NR_unshare,
        ] { #expect(verdict(filter, number: UInt32(number)) == kill, "\(number)") }
        #expect(verdict(filter, number: UInt32(__NR_clone), arguments: [UInt64(SIGCHLD)]) == kill)
        #expect(
            verdict(filter, number: UInt32(__NR_clone3)) == UInt32(SECCOMP_RET_ERRNO) | UInt32(ENOSYS))
        for protection in [PROT_EXEC, PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC] {
            let arguments = [0, 4096, UInt64(protection)]
            #expect(verdict(filter, number: UInt32(__NR_mmap), arguments: arguments) == kill)
            #expect(verdict(filter, number: UInt32(__NR_mprotect), arguments: arguments) == kill)
        }
    }

    @Test("HOSTILE 21: nobody may open, execute, fork, trace, or map executable memory")
    func neverAllowed() {
        let never = [
            __NR_open, __NR_openat, __NR_openat2, __NR_execve, __NR_execveat, __NR_fork, __NR_vfork,
            __NR_clone,
            __NR_clone3, __NR_ptrace, __NR_mprotect, __NR_process_vm_writev, __NR_unshare, __NR_setns,
            __NR_mount, __NR_kill, __NR_io_uring_setup, __NR_bpf, __NR_prctl,
        ]
        for policy in [SyscallPolicy.vcpu, everything] {
            let filter = SyscallFilter(policy)
            for number in never { #expect(verdict(filter, number: UInt32(number)) == kill, "\(number)") }
            let executable = UInt64(PROT_READ | PROT_EXEC)
            #expect(verdict(filter, number: UInt32(__NR_mmap), arguments: [0, 4096, executable]) == kill)
        }
    }

    @Test("HOSTILE 21: an installed filter lets the thread write, and kills the process for a call it does not list")
    func installed() async {
        await #expect(processExitsWith: .exitCode(7)) {
            _ = jail_forbid_new_privileges()
            try SyscallFilter(.deviceLoop).install()
            _exit(7)
        }
        await #expect(processExitsWith: .signal(SIGSYS)) {
            _ = jail_forbid_new_privileges()
            try SyscallFilter(.vcpu).install()
            _ = Glibc.open("/etc/passwd", O_RDONLY)
            _exit(0)
        }
        await #expect(processExitsWith: .signal(SIGSYS)) {
            _ = jail_forbid_new_privileges()
            try SyscallFilter(.deviceLoop).install()
            _ = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
            _exit(0)
        }
    }
}
