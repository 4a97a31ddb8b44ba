import CLinux
import Glibc
import LinuxSystem
import SystemPackage

/// A running `swiftlet-vmm`, known by its pidfd: a number that names no other process later.
public struct MachineProcess: ~Copyable {
    public let pidfd: OwnedDescriptor
    /// For /proc only.
    public let processID: Int32
    /// Its cgroup; nil: its launcher's.
    public let group: ControlGroup?

    /// The pool that started it and waits for its end; nil: this process.
    let keeper: MachineKeeper?

    public init(pidfd: consuming OwnedDescriptor, processID: Int32, group: ControlGroup? = nil) {
        self.pidfd = pidfd
        self.processID = processID
        self.group = group
        keeper = nil
    }

    /// One that another process started.
    init(pidfd: consuming OwnedDescriptor, processID: Int32, keeper: MachineKeeper) {
        self.pidfd = pidfd
        self.processID = processID
        self.keeper = keeper
        group = nil
    }

    /// Readable when the process has ended and `end` says how.
    var endDescriptor: FileDescriptor { keeper?.descriptor ?? pidfd.borrowed }

    var isKeeperGone: Bool { keeper?.isGone ?? false }
    var memoryKill: Observations.MemoryKill? { keeper?.memoryKill }
    var memoryEnforcement: MemoryEnforcement { keeper?.memoryEnforcement ?? MemoryEnforcement(group) }

    /// SIGKILL. Whether it was still there does not matter.
    public func kill() {
        _ = linux_pidfd_send_signal(pidfd.borrowed.rawValue, SIGKILL)
    }

    /// How it ended, or nil if it still runs. Reaps it.
    func end(waiting: Bool) -> Observations.ProcessEnd? {
        if let keeper { return keeper.end() }
        var raw = linux_process_end()
        guard linux_process_ended(pidfd.borrowed.rawValue, waiting ? 1 : 0, &raw) == 1 else { return nil }
        return Observations.ProcessEnd(signal: raw.signal, code: raw.code)
    }

    /// Processor time of all its threads so far, in nanoseconds, on the host's own clock; nil once it is reaped.
    func processorNanoseconds() -> UInt64? {
        var clock = clockid_t()
        var time = timespec()
        guard clock_getcpuclockid(processID, &clock) == 0, clock_gettime(clock, &time) == 0 else {
            return nil
        }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// The most memory it ever had resident, in KiB, as the host's kernel counts it: guest memory included.
    func peakResidentKiB() -> UInt64? {
        guard let file = try? OwnedDescriptor.open("/proc/\(processID)/status", flags: O_RDONLY),
            let bytes = try? file.borrowed.readAll(atMost: 64 * 1024)
        else { return nil }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        where line.hasPrefix("VmHWM:") {
            return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap {
                UInt64($0)
            }
        }
        return nil
    }
}

/// What a VMM is started with (docs/protocol.md §1): its arguments, and which of our descriptors becomes which of its.
public struct MachineStart: Sendable {
    public struct Descriptor: Sendable {
        public var source: FileDescriptor
        public var target: Int32
    }

    /// Without the program's name.
    public private(set) var arguments: [String] = []
    public private(set) var descriptors: [Descriptor] = []

    /// Of guest memory.
    var memoryBytes: UInt64 = 0

    /// 0, 1 and 2 stay free: the VMM has no use for them.
    private var nextTarget: Int32 = 3

    /// A machine of this shape; what connects it comes after.
    init(_ shape: MachineShape, kvm: FileDescriptor) {
        pass("--kvm", kvm)
        pass("--kernel", shape.kernel)
        for file in shape.initramfs { pass("--initramfs", file) }
        if shape.processors > 1 { pass("--cpus", "\(shape.processors)") }
        memoryBytes = shape.memoryBytes
        pass("--memory", "\(shape.memoryBytes)")
        pass("--root", shape.image)
        if shape.rootTransport != .pmem { pass("--root-transport", shape.rootTransport.rawValue) }
        switch shape.template {
        case .none: break
        case .making(let memory): pass("--save", memory)
        case .restoring(let file): pass("--restore", file)
        }
        let rootRates = shape.rootRates.argument
        if !rootRates.isEmpty { pass("--root-rates", rootRates) }
    }

    /// Hands over `source` and returns its number there.
    private mutating func hand(over source: FileDescriptor) -> Int32 {
        descriptors.append(Descriptor(source: source, target: nextTarget))
        defer { nextTarget += 1 }
        return nextTarget
    }

    mutating func pass(_ option: String, _ value: String) {
        arguments += [option, value]
    }

    mutating func pass(_ option: String, _ source: FileDescriptor) {
        pass(option, "\(hand(over: source))")
    }

    mutating func passDisk(_ source: FileDescriptor, rates: String) {
        let number = hand(over: source)
        pass("--disk", rates.isEmpty ? "\(number)" : "\(number),\(rates)")
    }

    mutating func passStream(_ port: UInt32, _ source: FileDescriptor, limit: UInt64?, rate: UInt64? = nil) {
        let suffix = (limit.map { ",limit=\($0)" } ?? "") + (rate.map { ",bps=\($0)" } ?? "")
        pass("--stream", "\(port)=\(hand(over: source))\(suffix)")
    }
}

/// Starts a VMM. The one real way is `Launcher.start`; tests put a double here.
public typealias MachineStarter = @Sendable (MachineStart) throws(LaunchError) -> MachineProcess
