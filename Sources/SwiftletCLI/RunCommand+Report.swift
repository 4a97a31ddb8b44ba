import Glibc
import JobRunner
import JobWire
import LinuxSystem
import SystemPackage

extension RunCommand {
    /// What `-v` says after a job: its ledger, what the guest kernel lacked, and what it logged.
    static func explain(_ result: JobResult) {
        for line in Ledger(result).lines { Terminal.say(line) }
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
}
