import JobRunner
import LinuxSystem
import SystemPackage

/// A thread that runs one job after another. The kernel kills a VMM when the thread that started it ends, so it lives as
/// long as the batch.
final class BatchWorker: Sendable {
    struct Completion: Sendable {
        let worker: Int
        let outcome: Result<JobResult, LaunchError>
    }

    private let requests: Mailbox<JobRequest>

    /// - Parameters:
    ///   - index: Comes back in each completion.
    ///   - shells: Prepared machines for jobs of their shape.
    ///   - completions: Gets one message for each request.
    init(
        index: Int, runner: JobRunner, shells: ShellPool? = nil, completions: Mailbox<Completion>
    ) throws(Errno) {
        requests = try Mailbox(blocking: true)
        let requests = requests
        try Thread(name: "job \(index)", stackSize: 512 << 10) {
            while true {
                for request in requests.take() {
                    completions.post(Completion(worker: index, outcome: Self.run(request, runner, shells)))
                }
            }
        }.detach()
    }

    /// One at a time: the next after the completion of this one.
    func run(_ request: JobRequest) { requests.post(request) }

    private static func run(_ request: JobRequest, _ runner: JobRunner, _ shells: ShellPool?)
        -> Result<JobResult, LaunchError>
    {
        do throws(LaunchError) {
            return .success(try runner.run(request, begun: monotonicNanoseconds(), machines: shells))
        } catch {
            return .failure(error)
        }
    }
}
