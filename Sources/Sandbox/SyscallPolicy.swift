/// Which system calls a thread may make in one phase of its life, and why each. Everything else kills the process
/// (SECCOMP_RET_KILL_PROCESS). Filters add up: a call must pass every one that was ever installed.
public struct SyscallPolicy: Sendable {
    /// One allowed call.
    public struct Rule: Sendable {
        public let name: String
        public let number: UInt32
        /// What its arguments must be; empty: anything.
        public let conditions: [Condition]
        public let why: String
        /// Why no job makes it on the hosts these rules are tested on; nil: Tests/confinement/coverage sees it made.
        public let unseen: String?
    }

    /// The lower 32 bits of argument `index` (0…5) are one of `values`. The kernel looks at no more than those for the
    /// arguments checked here, all of them int or flags in the low bits, but for addresses.
    public struct Condition: Sendable {
        public let index: Int
        /// One or more.
        public let values: [UInt32]
        /// The values in words, for people: "KVM_RUN".
        public let meaning: String
        /// All 64 bits count, and the upper ones must be 0: an address of 4 GiB has none of the lower.
        public var isAddress = false
    }

    public let thread: String
    public let phase: String
    /// In the order of their frequency.
    public var rules: [Rule]
    /// Calls that fail with ENOSYS and do not kill: clone3, whose flags lie in memory, where a filter cannot look. glibc then
    /// uses clone.
    public var notImplemented: [UInt32]

    public init(thread: String, phase: String, rules: [Rule], notImplemented: [UInt32] = []) {
        self.thread = thread
        self.phase = phase
        self.rules = rules
        self.notImplemented = notImplemented
    }
}
