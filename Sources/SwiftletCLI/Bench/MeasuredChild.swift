import CLinux
import Glibc
import LinuxSystem
import SystemPackage

/// One command, from its start to its exit status, and on until everything that it started has ended. No shell in between.
/// The caller is the subreaper of all it starts (`becomeReaper`), and runs one at a time.
struct MeasuredChild {
    /// Microseconds, all from one clock.
    struct Times: Equatable {
        /// From just before exec to the caller having the status.
        var whole: UInt64 = 0
        /// To the end of the last process it left behind.
        var gone: UInt64 = 0
        /// Processor time of all of them, a guest's own included.
        var processor: UInt64 = 0
    }

    struct Outcome {
        var times = Times()
        var status: CInt = 0
        /// The beginning of its standard output, and how much there was.
        var output: [UInt8] = []
        var outputBytes: UInt64 = 0
        /// The beginning of its standard error.
        var complaint: [UInt8] = []
    }

    let words: [String]
    /// Fed through a pipe as it is taken. Nil: standard input is empty.
    var input: [UInt8]?

    /// PR_SET_CHILD_SUBREAPER of linux/prctl.h, which is a macro that Swift does not import from here.
    private static let setChildSubreaper: CInt = 36
    /// Enough for a result as JSON.
    private static let keptOutput = 256 << 10
    private static let keptComplaint = 4 << 10

    /// What children leave behind becomes ours, so that its end can be waited for.
    static func becomeReaper() throws(Errno) {
        try checked(linux_prctl(setChildSubreaper, 1, 0, 0, 0))
    }

    func run() throws(Errno) -> Outcome {
        var outcome = Outcome()
        let output = try Pipe()
        let outputNumber = output.writing.borrowed
        let reading = output.reading
        var writing: OwnedDescriptor? = .some(output.writing)
        let errors = try OwnedDescriptor.memoryFile(name: "stderr")
        var feed = try Feed(input)
        let before = ProcessorTime.ofChildren()
        let begun = monotonicNanoseconds()
        let source = feed.remote
        let process = try SpawnedProcess.start(words, output: outputNumber, errors: errors.borrowed) {
            if let source {
                posix_spawn_file_actions_adddup2(&$0, source.rawValue, 0)
            } else {
                posix_spawn_file_actions_addopen(&$0, 0, "/dev/null", O_RDONLY, 0)
            }
        }
        if writing != nil { writing = nil }  // or the pipe would never end
        feed.begin()
        let ended = try Self.follow(process, reading.borrowed, &feed, &outcome)
        outcome.times.whole = (ended - begun) / 1000
        Self.reapAll()
        outcome.times.gone = (monotonicNanoseconds() - begun) / 1000
        outcome.times.processor = ProcessorTime.ofChildren() - before
        outcome.complaint = try errors.borrowed.read(at: 0, upTo: Self.keptComplaint)
        return outcome
    }

    /// Gives the input and takes the output as they come, until the process has ended and there is no more of it.
    ///
    /// - Returns: The instant at which the status was known.
    private static func follow(
        _ process: pid_t, _ output: FileDescriptor, _ feed: inout Feed, _ outcome: inout Outcome
    ) throws(Errno) -> UInt64 {
        let pidfd = try OwnedDescriptor(checking: linux_pidfd_open(process, 0))
        var ended: UInt64?
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        // A job may close its output and go on.
        var isOpen = true
        while true {
            if let ended, !isOpen { return ended }
            var entries = [
                pollfd(fd: isOpen ? output.rawValue : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: ended == nil ? pidfd.borrowed.rawValue : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: feed.rawValue, events: Int16(POLLOUT), revents: 0),
            ]
            let ready = linux_poll_many(&entries, 3, .max)
            if ready == -EINTR { continue }
            try checked(ready)
            if entries[1].revents != 0 { ended = try wait(process, &outcome) }
            if entries[2].revents != 0 { feed.give() }
            guard entries[0].revents != 0 else { continue }
            var count = 0
            var failure: Errno?
            buffer.withUnsafeMutableBytes { raw in
                do throws(Errno) { count = try output.read(into: raw) } catch { failure = error }
            }
            if let failure { throw failure }
            if count == 0 {
                isOpen = false
                continue
            }
            outcome.outputBytes += UInt64(count)
            let room = keptOutput - outcome.output.count
            if room > 0 { outcome.output += buffer[..<min(room, count)] }
        }
    }

    private static func wait(_ process: pid_t, _ outcome: inout Outcome) throws(Errno) -> UInt64 {
        var status: CInt = 0
        while waitpid(process, &status, 0) < 0 {
            if errno != EINTR { throw Errno(rawValue: errno) }
        }
        outcome.status = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + status & 0x7f
        return monotonicNanoseconds()
    }

    private static func reapAll() {
        var status: CInt = 0
        while waitpid(-1, &status, 0) >= 0 || errno == EINTR {}
    }
}

/// Standard input through a pipe, from memory: the same for every contender.
private struct Feed: ~Copyable {
    private let bytes: [UInt8]
    private var given = 0
    private var reading: OwnedDescriptor?
    private var writing: OwnedDescriptor?
    /// The job's end, until `begin`.
    private(set) var remote: FileDescriptor?
    /// Our end; -1: there is nothing to give.
    private(set) var rawValue: CInt = -1

    init(_ input: [UInt8]?) throws(Errno) {
        bytes = input ?? []
        guard input != nil else { return }
        let pipe = try Pipe()
        remote = pipe.reading.borrowed
        rawValue = pipe.writing.borrowed.rawValue
        // Our end only: the job may wait for its input.
        try checked(linux_set_status_flags(rawValue, O_NONBLOCK))
        reading = .some(pipe.reading)
        writing = .some(pipe.writing)
    }

    /// The job has its end now.
    mutating func begin() {
        reading = nil
        remote = nil
    }

    mutating func end() {
        writing = nil
        rawValue = -1
    }

    mutating func give() {
        var result = 0
        bytes.withUnsafeBytes { raw in
            let rest = raw[given...]
            let start = UnsafeRawBufferPointer(rebasing: rest).baseAddress
            result = Int(linux_write(rawValue, start, rest.count))
        }
        if result > 0 { given += result }
        let isLater = result == -Int(EAGAIN) || result == -Int(EINTR)
        // A job that reads no more of it is no failure; its status is its own.
        if given == bytes.count || (result < 0 && !isLater) { end() }
    }
}

/// posix_spawn(3), which the C library does without copying this process's memory.
enum SpawnedProcess {
    /// - Parameters:
    ///   - words: The program's path and its arguments. It has this process's environment.
    ///   - input: Says what descriptor 0 is.
    static func start(
        _ words: [String], output: FileDescriptor, errors: FileDescriptor,
        input: (inout posix_spawn_file_actions_t) -> Void
    ) throws(Errno) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        input(&actions)
        posix_spawn_file_actions_adddup2(&actions, output.rawValue, 1)
        posix_spawn_file_actions_adddup2(&actions, errors.rawValue, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // This process ignores SIGPIPE, and a child would inherit that.
        var broken = sigset_t()
        sigemptyset(&broken)
        sigaddset(&broken, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &broken)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        let argv = words.map { strdup($0) } + [nil]
        defer { argv.forEach { free($0) } }
        var process = pid_t()
        let result = posix_spawn(&process, words[0], &actions, &attributes, argv, environ)
        if result != 0 { throw Errno(rawValue: result) }
        return process
    }
}
