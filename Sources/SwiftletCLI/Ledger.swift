import JobRunner
import JobWire

/// Where a job's time went and what it took, as the small table that `-v` prints:
///
///     phase          ms
///     spawn        2.02  ##########
///     …
///     wall         7.91
///     guest        16 system calls, 3 page faults, 1 process
///     exits        1 (1 MMIO), 8 notifications, 2 interrupts
struct Ledger {
    private let result: JobResult

    init(_ result: JobResult) { self.result = result }

    var lines: [String] {
        let phases = Phases(result.timeline)
        var lines = ["phase          ms"]
        for (name, microseconds) in phases.all {
            guard let microseconds else {
                lines.append(Self.row(name, "-"))
                continue
            }
            let bar = String(repeating: "#", count: Self.barLength(microseconds, of: phases.wall))
            lines.append(Self.row(name, Self.milliseconds(microseconds)) + (bar.isEmpty ? "" : "  " + bar))
        }
        lines.append(Self.row("wall", Self.milliseconds(phases.wall)))
        if let report = result.report {
            lines.append(
                Self.label("guest")
                    + [
                        Self.count(report.systemCalls, "system call"),
                        Self.count(report.pageFaults, "page fault"),
                        Self.count(report.processesCreated, "process", "processes"),
                    ].joined(separator: ", "))
        }
        if let exits = counter(.exits) { lines.append(Self.label("exits") + exitsText(exits)) }
        return lines
    }

    private func exitsText(_ exits: UInt64) -> String {
        let kinds: [(MachineEvent.CounterID, String)] = [
            (.mmioExits, "MMIO"), (.portExits, "port"), (.haltExits, "halt"),
            (.interruptedRuns, "interrupted"),
        ]
        let parts = kinds.compactMap { id, name in counter(id).flatMap { $0 > 0 ? "\($0) \(name)" : nil } }
        return "\(exits)" + (parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))") + ", "
            + Self.count(counter(.queueNotifications) ?? 0, "notification") + ", "
            + Self.count(counter(.interruptsRaised) ?? 0, "interrupt")
    }

    private func counter(_ id: MachineEvent.CounterID) -> UInt64? {
        result.counters.first { $0.id == id.rawValue }?.value
    }

    /// Characters of the longest bar there can be: one phase that took all the time.
    private static let longestBar: UInt64 = 40

    /// Rounded; what took any time to speak of has a bar.
    private static func barLength(_ part: UInt64, of whole: UInt64) -> Int {
        guard whole > 0 else { return 0 }
        let part = min(part, whole)
        let (product, overflow) = part.multipliedReportingOverflow(by: longestBar)
        return Int(overflow ? longestBar : (product + whole / 2) / whole)
    }

    private static func label(_ name: String) -> String {
        name + String(repeating: " ", count: max(1, 13 - name.count))
    }

    private static func row(_ name: String, _ value: String) -> String {
        name + String(repeating: " ", count: max(1, 17 - name.count - value.count)) + value
    }

    private static func count(_ number: UInt64, _ singular: String, _ plural: String? = nil) -> String {
        "\(number) \(number == 1 ? singular : plural ?? singular + "s")"
    }

    static func milliseconds(_ microseconds: UInt64) -> String {
        let (rounded, _) = microseconds.addingReportingOverflow(5)
        let hundredths = rounded / 10
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }
}

/// How long each phase of a job took, in microseconds; nil: it was not reached.
struct Phases {
    let spawn: UInt64?
    let jail: UInt64?
    let machineCreate: UInt64?
    let kernelBoot: UInt64?
    let execute: UInt64?
    let run: UInt64?
    let drain: UInt64?
    let wall: UInt64

    init(_ timeline: Timeline) {
        func between(_ from: UInt64, _ to: UInt64) -> UInt64? {
            from == 0 || to < from ? nil : (to - from) / 1000
        }
        // Of a machine that was prepared: what they took before the job.
        spawn = between(
            timeline.isPrepared ? timeline.launched : timeline.begun, timeline.machineMain)
        jail = between(timeline.machineMain, timeline.jailed)
        machineCreate = between(timeline.jailed, timeline.guestEntered)
        kernelBoot = timeline.guestBootDuration == 0 ? nil : timeline.guestBootDuration / 1000
        // The guest names the instant of its first user instruction relative to its entry; never later than we heard.
        let (claimed, overflow) = timeline.guestEntered.addingReportingOverflow(timeline.guestStartDuration)
        let started = overflow ? timeline.startedReceived : min(claimed, timeline.startedReceived)
        execute =
            timeline.isPrepared
            ? between(timeline.begun, started)
            : between(timeline.guestBootDuration, timeline.guestStartDuration)
        run = timeline.startedReceived == 0 ? nil : between(started, timeline.exitReceived)
        drain = between(timeline.exitReceived, timeline.finished)
        wall = between(timeline.begun, timeline.finished) ?? 0
    }

    var all: [(name: String, microseconds: UInt64?)] {
        [
            ("spawn", spawn), ("jail", jail), ("vm_create", machineCreate), ("kernel_boot", kernelBoot),
            ("exec", execute), ("run", run), ("drain", drain),
        ]
    }
}
