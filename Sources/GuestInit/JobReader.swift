import JobWire

/// Why the job cannot run; becomes a `failed` frame.
struct JobFailure: Error {
    var stage: GuestMessage.FailureStage
    var errno: Errno
    var about: [UInt8]

    init(_ stage: GuestMessage.FailureStage, _ errno: Errno, about: [UInt8]) {
        self.stage = errno == .noMemory ? .outOfMemory : stage
        self.errno = errno
        self.about = about
    }
}

/// Reads the job from the control stream and makes its input files as they come.
struct JobReader: ~Copyable {
    private let control: ControlStream
    /// Whether the job goes on with a command that runs already.
    private let isResumption: Bool
    private(set) var specification = JobSpecification()
    private var hasBegun = false
    /// The file whose bytes are arriving.
    private var file: Descriptor?
    private var path: [UInt8] = []
    private var missing: UInt64 = 0

    init(_ control: ControlStream, isResumption: Bool = false) {
        self.control = control
        self.isResumption = isResumption
    }

    /// Takes messages until `start`.
    /// - Parameter onBegin: called once, as early as can be: the standard input may be connected meanwhile.
    mutating func read(onBegin: (HostMessage.Begin) -> Void) throws(JobFailure) {
        while true {
            switch control.next() {
            case .data(let bytes): try write(bytes)
            case .message(.start):
                requireBegun()
                let mayBeEmpty = isResumption || specification.makesEmptyTemplate
                if specification.arguments.isEmpty && !specification.isTooLong && !mayBeEmpty {
                    panic("protocol error: no command")
                }
                return
            case .message(.begin(let begin)):
                if hasBegun || begin.version != WireLimit.version {
                    panic("protocol error: begin twice, or of another version")
                }
                hasBegun = true
                specification.begin = begin
                onBegin(begin)
            case .message(let message):
                requireBegun()
                try take(message)
            }
        }
    }

    private func requireBegun() {
        if !hasBegun { panic("protocol error: the job does not start with begin") }
        if missing > 0 { panic("protocol error: a file ended before its size") }
    }

    private mutating func take(_ message: HostMessage) throws(JobFailure) {
        let owner = JobFiles(user: specification.begin.user, group: specification.begin.group)
        switch message {
        case .argument(let text): specification.add(argument: text)
        case .environment(let text): specification.add(variable: text)
        case .workingDirectory(let path): specification.workingDirectory = path
        case .windowSize(let size):
            if !specification.begin.isTerminal {
                panic("protocol error: a window size for a job without a terminal")
            }
            specification.windowSize = size
        case .output(let index, let path):
            if !specification.add(output: .init(index: index, path: path)) {
                panic("protocol error: too many output files")
            }
        case .directory(let mode, let path):
            try attempt(path) { () throws(Errno) in try owner.makeDirectories(path, mode: mode) }
        case .symlink(let target, let path):
            try attempt(path) { () throws(Errno) in try owner.makeSymbolicLink(path, to: target) }
        case .file(let mode, let size, let path):
            file = nil
            do throws(Errno) {
                let made = try owner.makeFile(path, mode: mode)
                if size > 0 { file = consume made }
            } catch {
                throw JobFailure(.inputFile, error, about: path)
            }
            self.path = path
            missing = size
        case .begin, .start: panic("protocol error: a message out of order")
        }
    }

    private mutating func write(_ bytes: UnsafeRawBufferPointer) throws(JobFailure) {
        guard UInt64(bytes.count) <= missing else { panic("protocol error: data that belongs to no file") }
        missing -= UInt64(bytes.count)
        do throws(Errno) {
            try file?.writeAll(bytes)
        } catch {
            throw JobFailure(.inputFile, error, about: path)
        }
        if missing == 0 { file = nil }
    }

    private func attempt(_ path: [UInt8], _ body: () throws(Errno) -> Void) throws(JobFailure) {
        do throws(Errno) {
            try body()
        } catch {
            throw JobFailure(.inputFile, error, about: path)
        }
    }
}
