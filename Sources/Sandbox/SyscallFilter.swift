import CLinux
import Glibc

/// A policy as a classic BPF program for seccomp(2).
///
///     load arch; not x86-64 → kill
///     load number
///     for each rule: number equal? → (check its arguments, or kill) → allow
///     kill
///
/// Compiled here and not by libseccomp because that takes 0.6 ms a process, a third of a VM's whole start; this takes
/// microseconds (docs/decisions.md). Rules come in the order of their frequency, so that the usual call is decided first.
public struct SyscallFilter: Sendable {
    public let program: [sock_filter]

    public init(_ policy: SyscallPolicy) {
        var program: [sock_filter] = [
            Self.load(offset: 4),  // seccomp_data.arch
            Self.jump(ifEqual: Self.x86_64, then: 1, else: 0),
            Self.end(UInt32(SECCOMP_RET_KILL_PROCESS)),
            Self.load(offset: 0),  // seccomp_data.nr; x32 calls have bit 30 set and match no rule
        ]
        for rule in policy.rules { program += Self.instructions(for: rule) }
        for number in policy.notImplemented {
            program += [
                Self.jump(ifEqual: number, then: 0, else: 1),
                Self.end(UInt32(SECCOMP_RET_ERRNO) | UInt32(ENOSYS)),
            ]
        }
        program.append(Self.end(UInt32(SECCOMP_RET_KILL_PROCESS)))
        self.program = program
    }

    /// Applies to the calling thread from here on, and cannot be undone. Needs no_new_privs.
    public func install() throws(JailError) {
        let result = program.withUnsafeBufferPointer {
            jail_install_filter($0.baseAddress, UInt16($0.count))
        }
        if result < 0 {
            throw JailError(step: "system-call filter (seccomp)", error: .init(rawValue: -result))
        }
    }

    /// A block that is jumped over as a whole for any other number. The accumulator holds the number on the way in.
    private static func instructions(for rule: SyscallPolicy.Rule) -> [sock_filter] {
        var body: [sock_filter] = []
        for condition in rule.conditions {
            if condition.isAddress {
                body.append(load(offset: UInt32(16 + 8 * condition.index + 4)))
                body.append(jump(ifEqual: 0, then: 1, else: 0))
                body.append(end(UInt32(SECCOMP_RET_KILL_PROCESS)))
            }
            // seccomp_data.args[index], its low half: x86 is little-endian.
            body.append(load(offset: UInt32(16 + 8 * condition.index)))
            for (index, value) in condition.values.enumerated() {
                // To behind this condition's kill: over the comparisons that are left and the kill itself.
                body.append(jump(ifEqual: value, then: UInt8(condition.values.count - index), else: 0))
            }
            body.append(end(UInt32(SECCOMP_RET_KILL_PROCESS)))
        }
        body.append(end(UInt32(SECCOMP_RET_ALLOW)))
        return [jump(ifEqual: rule.number, then: 0, else: UInt8(body.count))] + body
    }

    private static let x86_64: UInt32 = 0xC000_003E  // AUDIT_ARCH_X86_64

    private static func load(offset: UInt32) -> sock_filter {
        sock_filter(code: UInt16(BPF_LD | BPF_W | BPF_ABS), jt: 0, jf: 0, k: offset)
    }

    private static func jump(ifEqual value: UInt32, then: UInt8, else otherwise: UInt8) -> sock_filter {
        sock_filter(code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: then, jf: otherwise, k: value)
    }

    private static func end(_ verdict: UInt32) -> sock_filter {
        sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: verdict)
    }
}
