import Glibc
import JobWire

@testable import GuestInit

/// A job that init runs on this host: process 1 of namespaces of its own, with socket pairs in place of vsock. The
/// files are the host's, so no test here writes outside the directory it made.
struct JobOnHost {
    private(set) var messages: [GuestMessage] = []
    /// By output's index.
    private(set) var files: [UInt32: [UInt8]] = [:]
    private(set) var output: [UInt8] = []
    private(set) var error: [UInt8] = []
    /// As waitpid(2) gives it.
    private(set) var status: CInt = 0

    var text: String { String(decoding: output, as: UTF8.self) }
    var errorText: String { String(decoding: error, as: UTF8.self) }

    var report: GuestMessage.ExitReport? {
        for case .exited(let report) in messages { return report }
        return nil
    }

    /// What each of the host's ends does.
    struct Host {
        /// Of the standard input; nil: not connected.
        var input: [UInt8]?
        var isTerminal = false
        var windowSize: HostMessage.WindowSize?
        /// The host goes away from standard output after so many bytes.
        var outputLimit = Int.max
        /// Sent when the job's output contains this text.
        var later: (text: String, message: HostMessage)?
        /// Typed when the job's output contains this text; `input` is what is typed before.
        var typedLater: (text: String, bytes: [UInt8])?
        var openFiles: (soft: UInt32, hard: UInt32) = (0, 0)
        var makesTemplate = false
        /// A file in the place of /dev/checkpoint.
        var checkpoint: String?
    }

    /// - Parameter more: behind the arguments; the job runs as the superuser of its namespace.
    init(_ arguments: [String], _ more: [HostMessage] = [], data: [UInt8] = [], host: Host = Host()) throws {
        try self.init(arguments, more, data: data, host: host, then: nil)
    }

    /// A job that makes a template, and one that is restored from it.
    static func template(
        _ arguments: [String], host: Host = Host(), then restored: [String], _ more: [HostMessage] = [],
        restoredHost: Host = Host()
    ) throws -> (maker: JobOnHost, restored: JobOnHost) {
        var host = host
        host.makesTemplate = true
        var job = try JobOnHost(arguments, [], data: [], host: host, then: (restored, more, restoredHost))
        var second = job
        (second.messages, second.output, second.error) = job.restored
        job.restored = ([], [], [])
        second.restored = ([], [], [])
        return (job, second)
    }

    private typealias Plan = (arguments: [String], more: [HostMessage], host: Host)

    /// Of the restored machine.
    private var restored: (messages: [GuestMessage], output: [UInt8], error: [UInt8]) = ([], [], [])

    private init(
        _ arguments: [String], _ more: [HostMessage], data: [UInt8], host: Host, then next: Plan?
    ) throws {
        let pairs = try (0..<8).map { _ in try SocketPair() }
        let checkpoint = host.checkpoint ?? "/nowhere"
        let process = try Self.spawn(pairs.map { $0.guest }, checkpoint)
        for pair in pairs { close(pair.guest) }
        Self.send(Self.frames(arguments, more, data, host), to: pairs[0].host)
        try carry(
            control: pairs[0].host, output: pairs[1].host, error: pairs[2].host, input: pairs[3].host, host)
        if let next {
            let maker = (messages, output, error)
            (messages, output, error) = ([], [], [])
            Self.send(Self.frames(next.arguments, next.more, [], next.host), to: pairs[4].host)
            try carry(
                control: pairs[4].host, output: pairs[5].host, error: pairs[6].host, input: pairs[7].host,
                next.host)
            restored = (messages, output, error)
            (messages, output, error) = maker
        }
        for pair in pairs { close(pair.host) }
        waitpid(process, &status, 0)
    }

    /// A whole job as the host sends it.
    private static func frames(
        _ arguments: [String], _ more: [HostMessage], _ data: [UInt8], _ host: Host
    ) -> [UInt8] {
        var frames: [UInt8] = []
        let begin = HostMessage.Begin(
            isInputConnected: host.input != nil, isTerminal: host.isTerminal,
            makesTemplate: host.makesTemplate, user: 0, group: 0,
            openFiles: host.openFiles.soft, openFilesHard: host.openFiles.hard)
        HostMessage.begin(begin).encode(to: &frames)
        if let size = host.windowSize { HostMessage.windowSize(size).encode(to: &frames) }
        for argument in arguments { HostMessage.argument(Array(argument.utf8)).encode(to: &frames) }
        HostMessage.environment(Array("PATH=/usr/bin:/bin".utf8)).encode(to: &frames)
        for message in more {
            message.encode(to: &frames)
            if case .file = message, !data.isEmpty {
                DataFrame.appendHeader(count: data.count, to: &frames)
                frames += data
            }
        }
        HostMessage.start.encode(to: &frames)
        HostMessage.powerOff.encode(to: &frames)
        return frames
    }

    private struct SocketPair {
        let host: CInt
        let guest: CInt

        init() throws {
            var ends: [CInt] = [0, 0]
            let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
            guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
                throw Failure(what: "socketpair")
            }
            (host, guest) = (ends[0], ends[1])
        }
    }

    struct Failure: Error { let what: String }

    private static func spawn(_ descriptors: [CInt], _ checkpoint: String) throws -> pid_t {
        var path = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &path, 4095)
        let own = String(decoding: path.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let program = own.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/guest-init-on-host"
        let arguments = [
            "unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc", program,
            "3", "4", "5", "6", "7", "8", "9", "10", checkpoint,
        ]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (index, descriptor) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, CInt(1003 + index))
        }
        // In two steps, so that none is written over.
        for index in descriptors.indices {
            posix_spawn_file_actions_adddup2(&actions, CInt(1003 + index), CInt(3 + index))
        }
        let vector: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for text in vector { free(text) } }
        var process: pid_t = 0
        guard posix_spawnp(&process, "unshare", &actions, nil, vector, environ) == 0 else {
            throw Failure(what: "posix_spawn of unshare")
        }
        return process
    }

    private static func send(_ bytes: [UInt8], to socket: CInt) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Plays the host until every stream has ended.
    private mutating func carry(
        control: CInt, output: CInt, error: CInt, input: CInt, _ host: Host
    ) throws {
        var reader = FrameDecoder<GuestMessage>()
        var current: UInt32 = 0
        var open: Set<CInt> = [control, output, error]
        var left = host.input?[...] ?? []
        var later = host.later
        var typedLater = host.typedLater
        var isInputOpen = host.input != nil
        while !open.isEmpty {
            var polled = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            if isInputOpen { polled.append(pollfd(fd: input, events: Int16(POLLOUT), revents: 0)) }
            poll(&polled, nfds_t(polled.count), -1)
            for event in polled where event.revents != 0 {
                if event.fd == input {
                    isInputOpen = Self.feed(&left, to: input, goesOn: typedLater != nil)
                    continue
                }
                var buffer = [UInt8](repeating: 0, count: 65536)
                let count = read(event.fd, &buffer, buffer.count)
                if count <= 0 {
                    open.remove(event.fd)
                } else if event.fd == output {
                    self.output += buffer.prefix(count)
                    if self.output.count >= host.outputLimit {
                        shutdown(output, CInt(SHUT_RDWR))
                        open.remove(output)
                    }
                    if let (word, message) = later, text.contains(word) {
                        var frame: [UInt8] = []
                        message.encode(to: &frame)
                        Self.send(frame, to: control)
                        later = nil
                    }
                    if let (word, bytes) = typedLater, text.contains(word) {
                        Self.send(bytes, to: input)
                        typedLater = nil
                    }
                } else if event.fd == error {
                    self.error += buffer.prefix(count)
                } else {
                    try take(Array(buffer.prefix(count)), &reader, &current)
                }
            }
        }
    }

    /// - Returns: false when all is in, or nobody wants it.
    private static func feed(_ left: inout ArraySlice<UInt8>, to input: CInt, goesOn: Bool) -> Bool {
        let flags = CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT)
        let count = left.withUnsafeBytes { Glibc.send(input, $0.baseAddress, $0.count, flags) }
        if count < 0 && errno == EAGAIN { return true }
        left = left.dropFirst(max(count, 0))
        if count < 0 || left.isEmpty && !goesOn {
            shutdown(input, CInt(SHUT_WR))
            return false
        }
        return !left.isEmpty
    }

    private mutating func take(
        _ bytes: [UInt8], _ reader: inout FrameDecoder<GuestMessage>, _ current: inout UInt32
    ) throws {
        var offset = 0
        while let event = try reader.next(in: bytes.span, from: &offset) {
            switch event {
            case .message(let message):
                messages.append(message)
                if case .outputFile(let index, _, _) = message {
                    current = index
                    files[index] = []
                }
            case .data(let range): files[current, default: []] += bytes[range]
            }
        }
    }
}
