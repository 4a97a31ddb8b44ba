import CLinux
import Glibc
import JobWire
import LinuxSystem
import Synchronization
import SystemPackage

@testable import JobRunner

/// A VMM and guest of words only: a thread that follows a script over the real channels, and a real process (sleep) that
/// stands for the VMM's, so that killing it and its own end are real too.
final class FakeMachine: @unchecked Sendable {
    // SAFETY: the thread of `script` uses these after `start` has set them, and nobody else does.
    private var control: CInt = -1
    private var events: CInt = -1
    private(set) var output: CInt = -1
    private(set) var error: CInt = -1
    private(set) var arguments: [String] = []
    /// Inode numbers of the archives that it got; 0: its descriptor was closed.
    private(set) var archives: [UInt64] = []
    private(set) var processID: pid_t = 0
    /// As the arguments have it.
    private(set) var nonce = GuestMessage.Nonce(low: 0, high: 0)

    private let jobs = Atomic(0)
    var jobCount: Int { jobs.load(ordering: .relaxed) }

    private let script: @Sendable (FakeMachine) -> Void

    init(_ script: @escaping @Sendable (FakeMachine) -> Void) {
        self.script = script
    }

    // MARK: What scripts say

    func send(_ messages: GuestMessage...) {
        var bytes: [UInt8] = []
        for message in messages { message.encode(to: &bytes) }
        send(bytes)
    }

    func send(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { linux_send(control, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
    }

    func sendData(_ bytes: [UInt8]) {
        var frame: [UInt8] = []
        DataFrame.appendHeader(count: bytes.count, to: &frame)
        send(frame + bytes)
    }

    func hello() {
        send(
            .hello(version: 1, nonce: nonce, sinceEntryNanoseconds: 1000),
            .started(sinceEntryNanoseconds: 2000))
    }

    func event(_ event: MachineEvent) { self.event(bytes: event.encoded()) }

    func event(bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { linux_send(events, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
    }

    func exit(_ kind: GuestMessage.ExitReport.Kind = .exited, code: UInt32, outputBytes: UInt64 = 0) {
        var report = GuestMessage.ExitReport(nonce: nonce, kind: kind, code: code)
        report.standardOutputBytes = outputBytes
        send(.exited(report))
    }

    /// Both streams are where they belong.
    func closeStreams(outputBytes: UInt64 = 0, dropped: UInt64 = 0, errno: Int32 = 0) {
        event(
            .streamClosed(port: JobPort.standardOutput, passed: outputBytes, dropped: dropped, errno: errno))
        event(.streamClosed(port: JobPort.standardError, passed: 0, dropped: 0, errno: 0))
    }

    func succeed() {
        hello()
        exit(code: 0)
        send(.finished)
        closeStreams()
    }

    /// Says hello, and waits for a job as a prepared machine does. - Returns: Whether one came; its program runs then.
    func waitForJob() -> Bool {
        send(.hello(version: 1, nonce: nonce, sinceEntryNanoseconds: 1000))
        guard receiveJob().messages.last == .powerOff else { return false }
        jobs.add(1, ordering: .relaxed)
        send(.started(sinceEntryNanoseconds: 2000))
        return true
    }

    /// All output is written, and so is the report.
    func finish(outputBytes: UInt64, errno: Int32 = 0) {
        close(&output)
        close(&error)
        exit(code: 0, outputBytes: outputBytes)
        send(.finished)
        closeStreams(outputBytes: outputBytes, errno: errno)
    }

    func succeedWhenAsked() {
        if waitForJob() { finish(outputBytes: 0) }
    }

    /// To the job's standard output. - Returns: false if nobody reads it any more.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        (try? FileDescriptor(rawValue: output).write(all: bytes)) != nil
    }

    /// Reads the host's messages until `powerOff`; the file contents are returned joined.
    func receiveJob() -> (messages: [HostMessage], data: [UInt8]) {
        var decoder = FrameDecoder<HostMessage>()
        var messages: [HostMessage] = []
        var data: [UInt8] = []
        while messages.last != .powerOff {
            guard let input = try? FileDescriptor(rawValue: control).read(upTo: 65536), !input.isEmpty else {
                break
            }
            var offset = 0
            while let event = try? decoder.next(in: input.span, from: &offset) {
                switch event {
                case .message(let message): messages.append(message)
                case .data(let range): data += input[range]
                }
            }
        }
        return (messages, data)
    }

    /// Whether the host sends anything within so many milliseconds.
    func hasInput(within milliseconds: Int32) -> Bool {
        var descriptor = pollfd(fd: control, events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, milliseconds) == 1
    }

    func closeControl() { close(&control) }
    func closeEvents() { close(&events) }

    /// The VMM's process ends, as if killed from outside.
    func die(_ signal: CInt) { kill(processID, signal) }

    private func close(_ descriptor: inout CInt) {
        if descriptor >= 0 { _ = linux_close(descriptor) }
        descriptor = -1
    }

    // MARK: The starter

    private static func nonce(_ text: String) -> GuestMessage.Nonce {
        let halves = [text.prefix(16), text.suffix(16)].map { UInt64($0, radix: 16)?.byteSwapped ?? 0 }
        return GuestMessage.Nonce(low: halves[0], high: halves[1])
    }

    /// For `JobRunner`: takes the descriptors a VMM would get and begins the script.
    func start(_ machine: MachineStart) throws(LaunchError) -> MachineProcess {
        arguments = machine.arguments
        func take(_ target: Substring?) -> CInt {
            guard let target, let number = Int32(target),
                let entry = machine.descriptors.first(where: { $0.target == number })
            else { return -1 }
            return linux_dup_cloexec(entry.source.rawValue, 3)
        }
        for (option, value) in zip(arguments, arguments.dropFirst()) {
            if option == "--events" { events = take(value[...]) }
            if option == "--initramfs" {
                var archive = take(value[...])
                archives.append((try? FileDescriptor(rawValue: archive).status().inode) ?? 0)
                close(&archive)
            }
            if option == "--nonce" { nonce = Self.nonce(value) }
            guard option == "--stream" else { continue }
            let parts = value.split(whereSeparator: { $0 == "=" || $0 == "," })
            switch UInt32(parts[0]) {
            case JobPort.control: control = take(parts[1])
            case JobPort.standardOutput: output = take(parts[1])
            case JobPort.standardError: error = take(parts[1])
            default: break
            }
        }
        let argv: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("1000"), nil]
        defer { argv.forEach { free($0) } }
        guard posix_spawn(&processID, "/bin/sleep", nil, nil, argv, nil) == 0 else { throw .jail("no sleep") }
        let pidfd = linux_pidfd_open(processID, 0)
        do throws(Errno) {
            let thread = try Thread(name: "fake machine") { [self] in
                script(self)
                close(&control)
                close(&output)
                close(&error)
                close(&events)
            }
            thread.detach()
            return MachineProcess(pidfd: try OwnedDescriptor(checking: pidfd), processID: processID)
        } catch {
            throw .system(doing: "starting the fake machine", errno: error)
        }
    }
}

/// Runs one job on a fake machine. A limit of 20 s guards against a hang, which would show as `wall_timeout`.
func run(
    limit: UInt64 = 20_000_000_000, _ script: @escaping @Sendable (FakeMachine) -> Void,
    preparing: (inout JobRequest) -> Void = { _ in }
) throws -> JobResult {
    let null = try OwnedDescriptor.open("/dev/null", flags: O_RDWR)
    var request = JobRequest(
        arguments: [Array("true".utf8)], kernel: null.borrowed, image: null.borrowed,
        standardOutput: .descriptor(null.borrowed), standardError: .descriptor(null.borrowed))
    request.wallTimeLimitNanoseconds = limit
    preparing(&request)
    let machine = FakeMachine(script)
    let runner = JobRunner(kvm: null.borrowed) { start throws(LaunchError) in try machine.start(start) }
    defer {
        var status: CInt = 0
        if machine.processID > 0 {
            kill(machine.processID, SIGKILL)
            waitpid(machine.processID, &status, 0)
        }
    }
    return try runner.run(request, begun: monotonicNanoseconds())
}

/// A directory of one test, removed at its end.
final class TemporaryDirectory {
    let path = "/tmp/swiftlet-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"

    init() throws { try makeDirectoryAndParents(Array(path.utf8)) }

    func write(_ name: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws -> [UInt8] {
        let file = Array("\(path)/\(name)".utf8)
        let descriptor = try OwnedDescriptor.open(
            path: file, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
        try descriptor.borrowed.write(all: bytes)
        try descriptor.borrowed.setMode(mode)
        return file
    }

    func read(_ name: String) throws -> [UInt8] {
        let descriptor = try OwnedDescriptor.open("\(path)/\(name)", flags: O_RDONLY)
        return try descriptor.borrowed.readAll(atMost: 64 << 20)
    }

    func names() throws -> [String] {
        try listDirectory(Array(path.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    deinit {
        for name in (try? listDirectory(Array(path.utf8))) ?? [] {
            try? unlinkFile(Array("\(path)/".utf8) + name)
        }
        try? removeEmptyDirectory(Array(path.utf8))
    }
}
