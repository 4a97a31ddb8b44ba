import CLinux
import Glibc
import JobRunner
import LinuxSystem
import SystemPackage

/// Runs evil kernels as jobs are run, one after another, each with an honest job in a VM of its own beside it.
final class AttackTrial {
    struct Outcome {
        let kernel: String
        /// Nil: it was not run, or there was nothing to judge.
        var verdict: Verdict?
        /// Why it cannot be run on this host.
        var skipped: String?
        /// What did not hold; empty if all did.
        var problems: [String] = []
    }

    private let image: BatchResources.Image
    private let honestKernel: BatchResources.Kernel
    private let kvm: OwnedDescriptor
    /// Never signalled: Ctrl-C ends this process, and its VMMs with it.
    private let cancellation: EventFD
    private let neighbour: BatchWorker
    private let completions: Mailbox<BatchWorker.Completion>
    private let reaper: Reaper
    private(set) var honestJobs = 0

    private static let memoryBytes: UInt64 = 64 << 20
    private static let diskBytes: UInt64 = 16 << 20
    private static let outputLimitBytes: UInt64 = 1 << 20
    /// What a VMM may hold beside its guest's memory: some 3 MiB of its own, and pages of the root image.
    private static let overheadBytes: UInt64 = 32 << 20
    /// Past its limit, on a busy host; and until a VM that was told to go has gone.
    private static let graceNanoseconds: UInt64 = 20_000_000_000
    /// Three processes and two pipes, and one right answer.
    private static let honestCommand = ["sh", "-c", "seq 1000 | sort -n | tail -n 1"]
    private static let honestOutput = Array("1000\n".utf8)

    init() throws(BatchFailure) {
        let resources = BatchResources()
        image = try resources.image("base")
        honestKernel = try resources.kernel(.tiny)
        let reaper = Reaper()
        self.reaper = reaper
        let launcher: Launcher
        do throws(LaunchError) {
            kvm = try JobRunner.openKVM()
            launcher = try Launcher(path: OwnFiles.machine, isVerbose: false, groups: .automatic)
        } catch {
            throw BatchFailure(error.description)
        }
        let runner = JobRunner(kvm: kvm.borrowed, reaper: reaper) { machine throws(LaunchError) in
            try launcher.start(machine)
        }
        do throws(Errno) {
            cancellation = try EventFD()
            completions = try Mailbox(blocking: true)
            neighbour = try BatchWorker(index: 0, runner: runner, completions: completions)
        } catch {
            throw BatchFailure("preparing the attacks: \(error)")
        }
    }

    /// - Parameter path: Of the evil kernel.
    func run(_ attack: Attack, _ name: String, at path: String) -> Outcome {
        let before = Leftovers.descriptors()
        neighbour.run(.init(request: honestRequest()))
        var outcome = Outcome(kernel: name)
        do throws(BatchFailure) {
            try self.attack(attack, path, &outcome)
        } catch {
            outcome.problems.append(error.text)
        }
        checkNeighbour(&outcome)
        let more = Leftovers.descriptors() - before
        if more > 0 { outcome.problems.append("\(more) descriptors are left open") }
        if Leftovers.hasChildren() { outcome.problems.append("a process is left") }
        let peak = linux_children_peak_kib() << 10
        if peak > Self.memoryBytes + Self.overheadBytes {
            outcome.problems.append("a VMM held \(peak >> 20) MiB for a guest of \(Self.memoryBytes >> 20)")
        }
        return outcome
    }

    private func attack(_ attack: Attack, _ path: String, _ outcome: inout Outcome) throws(BatchFailure) {
        let kernel = try BatchResources().kernel(.file(path))
        var request = request(kernel, ["true"], seconds: attack.limitSeconds)
        let begun = monotonicNanoseconds()
        let machine: AttackedMachine
        let verdict: Verdict
        do throws(LaunchError) {
            request.rootTransport = attack.disks == .none ? .pmem : .block
            if attack.disks == .imageAndScratch {
                let places = ScratchFile.directories(environment: Terminal.environment)
                do throws(LaunchError) {
                    request.disk = try ScratchFile(bytes: Self.diskBytes, in: places)
                } catch {
                    outcome.skipped = error.description
                    return
                }
            }
            machine = try AttackedMachine()
            let runner = JobRunner(kvm: kvm.borrowed) { [machine] start throws(LaunchError) in
                try machine.start(start)
            }
            verdict = try runner.run(request, begun: begun).verdict
        } catch {
            throw BatchFailure(error.description)
        }
        outcome.verdict = verdict
        if verdict.status == 0 { outcome.problems.append("it looks like success") }
        if !attack.verdicts.contains(verdict.reason) {
            let right = attack.verdicts.map(\.rawValue).joined(separator: " or ")
            let word = verdict.message.map { " (\($0))" } ?? ""
            outcome.problems.append("\(verdict.reason.rawValue) instead of \(right)\(word)")
        }
        if monotonicNanoseconds() - begun > attack.limitSeconds * 1_000_000_000 + Self.graceNanoseconds {
            outcome.problems.append("it went on past its limit of \(attack.limitSeconds) s")
        }
        if !machine.hasGone(within: Self.graceNanoseconds) {
            outcome.problems.append("its VMM is still there")
        }
    }

    // MARK: - The job beside it

    private func honestRequest() -> JobRequest {
        request(honestKernel, Self.honestCommand, seconds: Attack.patienceSeconds)
    }

    /// Waits for the honest job, and for the end of its VMM.
    private func checkNeighbour(_ outcome: inout Outcome) {
        var completed: [BatchWorker.Completion] = []
        while completed.isEmpty { completed = completions.take() }
        reaper.finish()
        honestJobs += 1
        for completion in completed {
            switch completion.outcome {
            case .failure(let error):
                outcome.problems.append("the honest job beside it did not start: \(error.description)")
            case .success(let result):
                let isRight =
                    result.verdict.status == 0 && result.standardOutput.captured == Self.honestOutput
                guard !isRight else { continue }
                outcome.problems.append(
                    "the honest job beside it ended as \(result.verdict.reason.rawValue), "
                        + "status \(result.verdict.status)")
            }
        }
    }

    private func request(
        _ kernel: BatchResources.Kernel, _ command: [String], seconds: UInt64
    ) -> JobRequest {
        var request = JobRequest(
            arguments: command.map { Array($0.utf8) }, kernel: kernel.file.borrowed,
            image: image.image.descriptor.borrowed, memoryBytes: Self.memoryBytes,
            standardOutput: .captured, standardError: .captured)
        request.environment = RunCommand.environment([]) { _ in nil }
        request.outputLimitBytes = Self.outputLimitBytes
        request.wallTimeLimitNanoseconds = seconds * 1_000_000_000
        request.cancellation = cancellation.descriptor
        return request
    }
}
