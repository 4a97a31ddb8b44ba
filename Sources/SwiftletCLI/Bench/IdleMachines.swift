import CLinux
import Glibc
import LinuxSystem
import SystemPackage

/// Many machines at once, each with a job that waits for a line: what memory each holds, and whether each still does its job.
struct IdleMachines {
    let count: Int

    private static let guestMemory: UInt64 = 64 << 20
    private static let job = ["sh", "-c", "echo ready; read line; echo \"$line\""]
    /// A guard only: so long may a machine take to be ready, or to answer.
    private static let patienceNanoseconds: UInt64 = 120_000_000_000

    /// One `swiftlet run`, and both ends of what it says and is told.
    private struct Machine: ~Copyable {
        let process: pid_t
        var input: OwnedDescriptor?
        let output: OwnedDescriptor
    }

    /// A class, because an array holds no noncopyable things.
    private final class Slot {
        let machine: pid_t
        private var input: OwnedDescriptor?
        private let output: OwnedDescriptor

        init(_ machine: consuming Machine) {
            self.machine = machine.process
            input = machine.input.take()
            output = machine.output
        }

        func answer() throws(Errno) -> [UInt8] {
            var entry = pollfd(fd: output.borrowed.rawValue, events: Int16(POLLIN), revents: 0)
            while true {
                let ready = linux_poll_many(&entry, 1, IdleMachines.patienceNanoseconds)
                if ready == -EINTR, BenchRun.stopped == nil { continue }
                if try checked(ready) == 0 { throw .timedOut }
                return try output.borrowed.read(upTo: 256)
            }
        }

        func tell(_ text: String) throws(Errno) {
            try input?.borrowed.write(all: Array(text.utf8))
            input = nil
        }
    }

    func run(_ progress: ProgressLine) throws(BenchFailure) -> IdleResult {
        var result = IdleResult(wanted: count)
        Self.raiseDescriptorLimit()
        var slots: [Slot] = []
        let own = try Contender.ownProgram()
        let words = [own, "run", "-q", "-m", "\(Self.guestMemory)", "-i", "--"] + Self.job
        let before = Self.availableKiB()
        let begun = monotonicNanoseconds()
        do throws(BenchFailure) {
            for index in 0..<count {
                try BenchRun.checkStopped()
                progress.update("idle", "\(index) of \(count) machines")
                let slot = try BenchPlaces.attempting("starting machine", "\(index + 1)") {
                    () throws(Errno) in try Self.start(words)
                }
                slots.append(slot)
                guard try Self.answer(slot, index) == Array("ready\n".utf8) else {
                    throw BenchFailure("machine \(index + 1) did not start")
                }
                result.ready += 1
            }
        } catch {
            // Those that are there are measured and finished all the same.
            result.failure = error.text
        }
        result.startMilliseconds = (monotonicNanoseconds() - begun) / 1_000_000
        let after = Self.availableKiB()
        if let before, let after, result.ready > 0, before > after {
            result.hostKiB = (before - after) / UInt64(result.ready)
        }
        measure(slots.map(\.machine), &result)
        finish(slots, &result)
        progress.clear()
        return result
    }

    private static func start(_ words: [String]) throws(Errno) -> Slot {
        let toJob = try Pipe()
        let fromJob = try Pipe()
        let null = try OwnedDescriptor.open("/dev/null", flags: O_WRONLY)
        let (reading, writing) = (toJob.reading.borrowed, fromJob.writing.borrowed)
        let process = try SpawnedProcess.start(words, output: writing, errors: null.borrowed) {
            posix_spawn_file_actions_adddup2(&$0, reading.rawValue, 0)
        }
        return Slot(Machine(process: process, input: .some(toJob.writing), output: fromJob.reading))
    }

    private static func answer(_ slot: Slot, _ index: Int) throws(BenchFailure) -> [UInt8] {
        try BenchPlaces.attempting("waiting for machine", "\(index + 1)") { () throws(Errno) in
            try slot.answer()
        }
    }

    /// The job of each: it echoes the line that it was told.
    private func finish(_ slots: [Slot], _ result: inout IdleResult) {
        for (index, slot) in slots.enumerated() {
            try? slot.tell("line \(index)\n")
            let answer = (try? slot.answer()) ?? []
            var status: CInt = 0
            while waitpid(slot.machine, &status, 0) < 0, errno == EINTR {}
            if status == 0, answer == Array("line \(index)\n".utf8) { result.finished += 1 }
        }
        var status: CInt = 0
        while waitpid(-1, &status, 0) >= 0 || errno == EINTR {}
        if result.finished < result.ready, result.failure == nil {
            result.failure = "\(result.ready - result.finished) jobs did not end as they should"
        }
    }

    // MARK: - What they hold

    private func measure(_ launchers: [pid_t], _ result: inout IdleResult) {
        let children = ProcessMemory.children()
        var machines: [ProcessMemory] = []
        var commands: [ProcessMemory] = []
        for launcher in launchers {
            if let memory = ProcessMemory(of: launcher, guestBytes: .max) { commands.append(memory) }
            for child in children[launcher] ?? [] {
                guard let memory = ProcessMemory(of: child, guestBytes: Self.guestMemory) else { continue }
                // The launcher's other child removes cgroups; it shares the launcher's memory.
                if memory.guestKiB > 0 { machines.append(memory) }
            }
        }
        result.machineKiB = Quantiles(machines.map { $0.totalKiB - $0.guestKiB })
        result.guestKiB = Quantiles(machines.map(\.guestKiB))
        result.launcherKiB = Quantiles(commands.map(\.totalKiB))
    }

    private static func availableKiB() -> UInt64? {
        let bytes = BatchResources.availableMemory(otherwise: 0)
        return bytes == 0 ? nil : bytes >> 10
    }

    /// Two pipes for each machine.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
