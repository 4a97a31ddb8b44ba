/// Which system calls a thread may make, and why each. Everything else kills the process (SECCOMP_RET_KILL_PROCESS).
public struct SyscallPolicy: Sendable {
    /// One allowed call.
    public struct Rule: Sendable {
        public let name: String
        public let number: UInt32
        /// Which argument must have which value; nil: any arguments.
        public let condition: Condition?
        public let why: String
    }

    /// The lower 32 bits of argument `index` (0…5) are one of `values`. The kernel looks at no more than those for the
    /// arguments checked here (ioctl request numbers, prctl options).
    public struct Condition: Sendable {
        public let index: Int
        public let values: [UInt32]
    }

    public let thread: String
    /// In the order of their frequency.
    public var rules: [Rule]

    public init(thread: String, rules: [Rule]) {
        self.thread = thread
        self.rules = rules
    }
}
