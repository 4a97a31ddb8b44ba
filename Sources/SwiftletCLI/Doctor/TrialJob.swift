import Images
import JobRunner
import LinuxSystem
import SystemPackage

/// A few jobs `true`, as `swiftlet run` would run them.
enum TrialJob {
    private static let count = 5

    static func finding() -> Finding {
        do throws(BatchFailure) {
            var walls: [UInt64] = []
            for _ in 0..<count { walls.append(try wallMicroseconds()) }
            walls.sort()
            let (least, median) = (walls[0], walls[count / 2])
            return Finding(
                .ok, "a job",
                "\(count) jobs ran, each in a VM of its own: \(tenths(median)) ms at the median, \(tenths(least)) at best"
            )
        } catch {
            return Finding(.problem, "a job", error.text)
        }
    }

    private static func tenths(_ microseconds: UInt64) -> String {
        BatchSummary.decimal(Double(microseconds) / 1000)
    }

    private static func wallMicroseconds() throws(BatchFailure) -> UInt64 {
        let begun = monotonicNanoseconds()
        let resources = BatchResources()
        let image = try resources.image("base")
        let kernel = try resources.kernel(.tiny)
        var options = RunOptions()
        options.printsJSON = true
        options.timeoutNanoseconds = 60_000_000_000
        let command = RunCommand(options, command: [Array("true".utf8)], begun: begun)
        let request = command.request(
            kernel: kernel.kernel, image: image.image.descriptor.borrowed, RunCommand.Paths())
        let result: JobResult
        do throws(LaunchError) {
            let kvm = try JobRunner.openKVM()
            let launcher = try Launcher(path: OwnFiles.machine, isVerbose: false, groups: .automatic)
            let reaper = Reaper()
            let runner = JobRunner(kvm: kvm.borrowed, reaper: reaper) { machine throws(LaunchError) in
                try launcher.start(machine)
            }
            result = try runner.run(request, begun: begun)
            reaper.finish()
        } catch {
            throw BatchFailure(error.description)
        }
        guard result.verdict.reason == .exited, result.verdict.status == 0 else {
            throw BatchFailure("\(result.verdict.reason.rawValue): \(result.verdict.message ?? "no word")")
        }
        return Phases(result.timeline).wall
    }
}
