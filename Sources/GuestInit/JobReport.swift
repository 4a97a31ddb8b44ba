import CGuestInit
import JobWire

/// What the kernel knows of the job beside how it ended. Its files are opened before the job, which may mount over paths.
struct JobReport: ~Copyable {
    private let statistics: Descriptor
    private let memory: Descriptor
    private let processesBefore: UInt64
    private let memoryKillsBefore: UInt64

    /// Just before the command starts.
    static func begin() throws(Errno) -> JobReport {
        let statistics = try Descriptor.open("/proc/stat", OpenFlags.readOnly)
        let memory = try Descriptor.open("/proc/vmstat", OpenFlags.readOnly)
        return JobReport(statistics, memory)
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
        _ end: ProcessEnd, _ nonce: GuestMessage.Nonce, refused: UInt64
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
        report.processesRefused = refused
        return report
    }
}

extension linux_timeval {
    fileprivate var nanoseconds: UInt64 { UInt64(seconds) * 1_000_000_000 + UInt64(microseconds) * 1000 }
}
