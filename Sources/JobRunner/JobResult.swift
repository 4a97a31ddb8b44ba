import JobWire

/// Why a job ended, decided on the host.
public enum Reason: String, Sendable {
    case exited
    case signaled
    case wallTimeout = "wall_timeout"
    case cpuTimeout = "cpu_timeout"
    case outOfMemory = "out_of_memory"
    case pidsLimit = "pids_limit"
    case diskFull = "disk_full"
    case outputLimit = "output_limit"
    case guestPanic = "guest_panic"
    case guestHang = "guest_hang"
    case protocolError = "protocol_error"
    case vmmError = "vmm_error"
    case seccomp
    case cancelled
    case startFailed = "start_failed"
    /// Of the making of a template, never of a job.
    case checkpointed
}

/// The limit that decided a verdict, and what was measured against it.
public struct Evidence: Equatable, Sendable {
    public enum Limit: String, Sendable {
        case timeout
        case cpuTime = "cpu_time"
        case memory
        /// Of the VMM's cgroup, or of one around it.
        case hostMemory = "host_memory"
        case pids
        case disk
        case maximumOutput = "max_output"
        case boot
    }

    public enum Unit: String, Sendable {
        case microseconds = "us"
        case bytes
        /// How often the guest refused something because of the limit.
        case refusals
    }

    public var limit: Limit
    /// Microseconds, bytes, or a number of processes.
    public var value: UInt64
    public var measured: UInt64
    public var unit: Unit
    /// Whether `measured` is the guest's word, which the host cannot check.
    public var isGuestsWord: Bool
}

/// The verdict on a job.
public struct Verdict: Equatable, Sendable {
    public var reason: Reason
    /// The job's own exit code; nil unless it exited.
    public var exitCode: UInt32?
    /// The signal that ended the job; nil unless one did.
    public var signal: UInt32?
    /// What swiftlet exits with. Never 0 unless the job reported exit code 0 and everything asked for was delivered.
    public var status: Int32
    /// One line for the user; nil when the status is the job's own and speaks for itself.
    public var message: String?
    /// For the reasons that are a limit's.
    public var evidence: Evidence?

    public init(
        _ reason: Reason, exitCode: UInt32? = nil, signal: UInt32? = nil, status: Int32,
        message: String? = nil, evidence: Evidence? = nil
    ) {
        self.evidence = evidence
        self.reason = reason
        self.exitCode = exitCode
        self.signal = signal
        self.status = status
        self.message = message
    }
}

/// One of the job's output streams, as the host saw it.
public struct StreamResult: Equatable, Sendable {
    /// Bytes that reached their destination.
    public var bytes: UInt64 = 0
    /// Bytes dropped because of the output limit.
    public var dropped: UInt64 = 0
    /// Why writing to the destination failed (EPIPE, ENOSPC …), or 0.
    public var errno: Int32 = 0
    /// Whether the VMM reported the stream's end.
    public var isClosed = false
    /// The content of a captured stream.
    public var captured: [UInt8]?
    /// There was more than the limit, of which nobody knows how much.
    public var isCut = false
    /// Whether `bytes` is what reached its destination; a machine that was stopped may not have said it.
    public var isCounted = false

    public var isTruncated: Bool { dropped > 0 || isCut }
    /// Nil: nobody knows.
    public var deliveredBytes: UInt64? { captured.map { UInt64($0.count) } ?? (isCounted ? bytes : nil) }
}

/// One output file, as it came back.
public struct OutputFileResult: Equatable, Sendable {
    public var guestPath: [UInt8]
    public var hostPath: [UInt8]
    /// Bytes; nil if it did not come back.
    public var size: UInt64?
    public var problem: String?
}

/// Instants on CLOCK_MONOTONIC in nanoseconds; 0: not reached.
public struct Timeline: Equatable, Sendable {
    public var begun: UInt64 = 0
    /// When the start of the VMM began; before `begun` if the machine was prepared beforehand.
    public var launched: UInt64 = 0
    /// The machine was there before the job: `machineMain` to `guestEntered` and the boot are its past, not the job's time.
    public var isPrepared = false
    public var machineMain: UInt64 = 0
    public var jailed: UInt64 = 0
    public var machineCreated: UInt64 = 0
    public var guestEntered: UInt64 = 0
    public var helloReceived: UInt64 = 0
    public var startedReceived: UInt64 = 0
    public var exitReceived: UInt64 = 0
    public var finished: UInt64 = 0
    /// The guest's own measure, from kernel entry: a claim. Nanoseconds; 0: not reported.
    public var guestBootDuration: UInt64 = 0
    public var guestStartDuration: UInt64 = 0

    public init() {}
}

/// What keeps a VMM as a whole, guest memory included, within its memory.
public struct MemoryEnforcement: Equatable, Sendable {
    public enum Enforcer: String, Sendable {
        case firstControlGroup = "cgroup_v1"
        case secondControlGroup = "cgroup_v2"
        /// RLIMIT_AS, which holds beside a cgroup too.
        case resourceLimit = "rlimit"
    }

    /// Nil: the VMM's own reckoning, which the launcher does not know.
    public var bytes: UInt64?
    public var enforcer: Enforcer

    init(bytes: UInt64?, _ enforcer: Enforcer) {
        self.bytes = bytes
        self.enforcer = enforcer
    }

    init(_ group: ControlGroup?) {
        bytes = group?.memoryBytes
        enforcer =
            switch group?.version {
            case .v1: .firstControlGroup
            case .v2: .secondControlGroup
            case nil: .resourceLimit
            }
    }
}

/// Everything there is to say about a job that was run.
public struct JobResult: Sendable {
    public var verdict: Verdict
    public var standardOutput = StreamResult()
    public var standardError = StreamResult()
    public var outputFiles: [OutputFileResult] = []
    /// What the guest claims about the job; nil if it reported no exit.
    public var report: GuestMessage.ExitReport?
    /// What a template can be made of; nil: nothing was saved.
    public var checkpoint: GuestMessage.Checkpoint?
    /// By system call number, sorted.
    public var unsupported: [(systemCall: UInt32, count: UInt64)] = []
    /// By ioctl request, sorted.
    public var unsupportedControls: [(request: UInt32, count: UInt64)] = []
    /// Files of /proc and /sys the job looked for in vain, sorted. The paths are the guest's words.
    public var missingFiles: [(path: [UInt8], count: UInt64)] = []
    /// The memory limit of the VMM as a whole, and what enforces it besides.
    public var machineMemory: MemoryEnforcement?
    public var counters: [MachineEvent.Counter] = []
    /// Processor time of the job's machine from the guest's first instruction on, as the host's kernel counts it;
    /// nil: the guest never ran.
    public var processorNanoseconds: UInt64?
    public var timeline = Timeline()
    /// The guest's log, bounded by the VMM.
    public var log: [UInt8] = []

    public init(verdict: Verdict) {
        self.verdict = verdict
    }
}
