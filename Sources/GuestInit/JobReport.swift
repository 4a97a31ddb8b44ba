import CGuestInit
import JobWire

/// What the kernel knows of the job beside how it ended. Its files are opened before the job, which may mount over paths.
struct JobReport: ~Copyable {
    private let statistics: Descriptor
    private let memory: Descriptor
    private var processesBefore: UInt64
    private var memoryKillsBefore: UInt64
    private var refusedBefore: UInt64 = 0
    /// In a restored machine: what was used, and the faults of all processes, before the job was.
    private var restored: (time: (user: UInt64, system: UInt64)?, pageFaults: UInt64)?

    /// Just before the command starts.
    static func begin() throws(Errno) -> JobReport {
        let statistics = try Descriptor.open("/proc/stat", OpenFlags.readOnly)
        let memory = try Descriptor.open("/proc/vmstat", OpenFlags.readOnly)
        return JobReport(statistics, memory)
    }

    /// In a restored machine: the job begins here, and what its template's maker has used is not its own.
    mutating func restart(_ groups: borrowing ControlGroups) {
        processesBefore = Self.count("processes", in: statistics)
        memoryKillsBefore = Self.count("oom_kill", in: memory)
        refusedBefore = groups.refused()
        restored = (groups.processorTime(), Self.count("pgfault", in: memory))
    }

    private init(_ statistics: consuming Descriptor, _ memory: consuming Descriptor) {
        self.statistics = statistics
        self.memory = memory
        processesBefore = Self.count("processes", in: self.statistics)
        memoryKillsBefore = Self.count("oom_kill", in: self.memory)
    }

    private static func count(_ name: StaticString, in file: borrowing Descriptor) -> UInt64 {
        Text.number(named: name, in: (try? file.contents()) ?? []) ?? 0
    }

    /// When all of the job has ended and is reaped.
    borrowing func make(
        _ end: ProcessEnd, _ nonce: GuestMessage.Nonce, _ groups: borrowing ControlGroups
    ) -> GuestMessage.ExitReport {
        var report: GuestMessage.ExitReport
        if let signal = end.signal {
            let isMemoryKill = Int(signal) == Signals.kill
                && Self.count("oom_kill", in: memory) > memoryKillsBefore
            report = .init(nonce: nonce, kind: isMemoryKill ? .outOfMemory : .signaled, code: signal)
        } else {
            report = .init(nonce: nonce, kind: .exited, code: end.code)
        }
        var usage = linux_rusage()
        _ = try? withArgument(of: &usage) { (usage) throws(Errno) in
            try LinuxCall.getrusage(-1, usage)      // RUSAGE_CHILDREN
        }
        report.userNanoseconds = usage.user.nanoseconds
        report.systemNanoseconds = usage.system.nanoseconds
        report.maximumResidentBytes = UInt64(usage.maximum_resident_kib) << 10
        report.pageFaults = UInt64(usage.minor_faults + usage.major_faults)
        report.processesCreated = Self.count("processes", in: statistics) - processesBefore
        report.processesRefused = groups.refused() &- refusedBefore
        if let restored {
            // Who was reaped has used most of it before: the group and the machine know what came since.
            if let before = restored.time, let now = groups.processorTime() {
                report.userNanoseconds = now.user &- before.user
                report.systemNanoseconds = now.system &- before.system
            }
            report.pageFaults = Self.count("pgfault", in: memory) &- restored.pageFaults
        }
        return report
    }
}

extension linux_timeval {
    fileprivate var nanoseconds: UInt64 { UInt64(seconds) * 1_000_000_000 + UInt64(microseconds) * 1000 }
}
