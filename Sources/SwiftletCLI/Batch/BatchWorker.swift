import JobRunner
import LinuxSystem
import SystemPackage

/// A thread that runs one job after another. The kernel kills a VMM when the thread that started it ends, so it lives as
/// long as the batch.
final class BatchWorker: Sendable {
    struct Work: Sendable {
        let request: JobRequest
        /// The result's line. Done here, where nobody waits for it but its own job. Nil: none is wanted.
        var encode: (@Sendable (JobResult) -> [UInt8])?
    }

    struct Completion: Sendable {
        let worker: Int
        /// Without the job's output if that is in the line.
        let outcome: Result<JobResult, LaunchError>
        let line: [UInt8]
    }

    private let works: Mailbox<Work>

    /// - Parameters:
    ///   - index: Comes back in each completion.
    ///   - shells: Prepared machines for jobs of their shape.
    ///   - completions: Gets one message for each request.
    init(
        index: Int, runner: JobRunner, shells: ShellPool? = nil, completions: Mailbox<Completion>
    ) throws(Errno) {
        works = try Mailbox(blocking: true)
        let works = works
        try Thread(name: "job \(index)", stackSize: 512 << 10) {
            while true {
                for work in works.take() {
                    completions.post(Self.run(work, as: index, runner, shells))
                }
            }
        }.detach()
    }

    /// One at a time: the next after the completion of this one.
    func run(_ work: Work) { works.post(work) }

    private static func run(
        _ work: Work, as index: Int, _ runner: JobRunner, _ shells: ShellPool?
    ) -> Completion {
        do throws(LaunchError) {
            var result = try runner.run(work.request, begun: monotonicNanoseconds(), machines: shells)
            guard let encode = work.encode else {
                return Completion(worker: index, outcome: .success(result), line: [])
            }
            let line = encode(result)
            result.standardOutput.captured = nil
            result.standardError.captured = nil
            return Completion(worker: index, outcome: .success(result), line: line)
        } catch {
            return Completion(worker: index, outcome: .failure(error), line: [])
        }
    }
}
