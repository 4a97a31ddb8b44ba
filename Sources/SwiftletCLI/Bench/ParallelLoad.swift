import Glibc
import LinuxSystem
import SystemPackage

/// The same command many times, so many at a time; what each ends with, and how long they take together.
struct ParallelLoad {
    let words: [String]
    let jobs: Int
    let inFlight: Int

    struct Outcome {
        /// From the first start to the last status.
        var nanoseconds: UInt64 = 0
        var processorMicroseconds: UInt64 = 0
        var failed = 0
    }

    func run() throws(Errno) -> Outcome {
        let null = try OwnedDescriptor.open("/dev/null", flags: O_RDWR)
        var outcome = Outcome()
        var running: Set<pid_t> = []
        var started = 0
        let before = ProcessorTime.ofChildren()
        let begun = monotonicNanoseconds()
        while started < jobs || !running.isEmpty {
            while started < jobs, running.count < inFlight {
                let process = try SpawnedProcess.start(words, output: null.borrowed, errors: null.borrowed) {
                    posix_spawn_file_actions_addopen(&$0, 0, "/dev/null", O_RDONLY, 0)
                }
                running.insert(process)
                started += 1
            }
            var status: CInt = 0
            let ended = waitpid(-1, &status, 0)
            if ended < 0, errno != EINTR { throw Errno(rawValue: errno) }
            // Others are what jobs left behind: their VMMs on the way out.
            if running.remove(ended) != nil {
                outcome.nanoseconds = monotonicNanoseconds() - begun
                if status != 0 { outcome.failed += 1 }
            }
        }
        var status: CInt = 0
        while waitpid(-1, &status, 0) >= 0 || errno == EINTR {}
        outcome.processorMicroseconds = ProcessorTime.ofChildren() - before
        return outcome
    }
}

enum ProcessorTime {
    /// Of all descendants that have ended and been waited for, in microseconds.
    static func ofChildren() -> UInt64 {
        var usage = rusage()
        getrusage(RUSAGE_CHILDREN.rawValue, &usage)
        return UInt64(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1_000_000
            + UInt64(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
    }
}
