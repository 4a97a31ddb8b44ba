import Glibc
import JobRunner
import JobWire
import LinuxSystem
import SystemPackage

extension RunCommand {
    /// What `-v` says after a job: where the time went, in milliseconds, and what the guest kernel logged.
    static func explain(_ result: JobResult) {
        let phases = Phases(result.timeline)
        var parts: [String] = []
        for (name, microseconds) in phases.all {
            parts.append("\(name) \(microseconds.map { milliseconds($0) } ?? "-")")
        }
        Terminal.say("swiftlet: \(parts.joined(separator: ", ")), wall \(milliseconds(phases.wall)) ms")
        for (number, count) in result.unsupported {
            let name = SystemCallNames.name(number) ?? "system call \(number)"
            Terminal.say("swiftlet: the kernel has no \(name), which was called \(count) times")
        }
        for (request, count) in result.unsupportedControls {
            let name = ControlRequestNames.describe(request)
            Terminal.say("swiftlet: the kernel has no ioctl \(name), which was tried \(count) times")
        }
        for (path, count) in result.missingFiles {
            Terminal.say("swiftlet: the kernel has no \(printable(path)), which was opened \(count) times")
        }
        for line in String(decoding: result.log, as: UTF8.self).split(separator: "\n") {
            Terminal.say("guest: \(printable(Array(line.utf8)))")
        }
    }

    private static func milliseconds(_ microseconds: UInt64) -> String {
        let hundredths = (microseconds + 5) / 10
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
        spawn = between(timeline.begun, timeline.machineMain)
        jail = between(timeline.machineMain, timeline.jailed)
        machineCreate = between(timeline.jailed, timeline.guestEntered)
        kernelBoot = timeline.guestBootDuration == 0 ? nil : timeline.guestBootDuration / 1000
        execute = between(timeline.guestBootDuration, timeline.guestStartDuration)
        // The guest names the instant of its first user instruction relative to its entry; never later than we heard.
        let (claimed, overflow) = timeline.guestEntered.addingReportingOverflow(timeline.guestStartDuration)
        let started = overflow ? timeline.startedReceived : min(claimed, timeline.startedReceived)
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
