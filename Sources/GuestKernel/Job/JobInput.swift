import JobWire

/// Reads the job from the control stream and puts its input files into the file system as they come.
struct JobInput {
    /// Why the job cannot run; becomes a `failed` frame.
    struct Failure: Error {
        var stage: GuestMessage.FailureStage
        var errno: Errno
        var about: [UInt8]
    }

    private let control: JobControl
    /// Whether a program that is there already goes on, so that no command is needed.
    private let isResumption: Bool
    private(set) var specification = JobSpecification()
    private var hasBegun = false
    /// The file whose bytes are arriving.
    private var file: File?
    private var path: [UInt8] = []
    private var missing: UInt64 = 0

    init(_ control: JobControl, isResumption: Bool = false) {
        self.control = control
        self.isResumption = isResumption
    }

    /// Takes messages until `start`.
    /// - Parameter onBegin: called once, as early as can be: the standard input may be connected meanwhile.
    mutating func read(onBegin: (HostMessage.Begin) -> Void) throws(Failure) {
        while true {
            let event: JobControl.Event
            do throws(Errno) {
                event = try control.next()
            } catch {
                protocolError("the control stream failed")
            }
            switch event {
            case .data(let bytes): try write(bytes)
            case .message(.start):
                try requireBegun()
                let needsCommand = !isResumption && !specification.begin.makesTemplate
                if needsCommand && specification.arguments.isEmpty && !specification.isTooLong {
                    protocolError("no command")
                }
                return
            case .message(.begin(let begin)):
                if hasBegun || begin.version != WireLimit.version {
                    protocolError("begin twice, or of another version")
                }
                hasBegun = true
                specification.begin = begin
                onBegin(begin)
            case .message(let message):
                try requireBegun()
                try take(message)
            }
        }
    }

    private func requireBegun() throws(Failure) {
        if !hasBegun { protocolError("the job does not start with begin") }
        if missing > 0 { protocolError("a file ended before its size") }
    }

    private mutating func take(_ message: HostMessage) throws(Failure) {
        let begin = specification.begin
        switch message {
        case .argument(let text): specification.add(argument: text)
        case .environment(let text): specification.add(variable: text)
        case .workingDirectory(let path): specification.workingDirectory = path
        case .windowSize(let size):
            if !begin.isTerminal { protocolError("a window size for a job without a terminal") }
            specification.windowSize = size
        case .output(let index, let path):
            if !specification.add(output: .init(index: index, path: path)) {
                protocolError("too many output files")
            }
        case .directory(let mode, let path):
            try attempt(path) { () throws(Errno) in
                try FileSystem.makeDirectories(path, mode: mode, owner: begin.user, group: begin.group)
            }
        case .symlink(let target, let path):
            try attempt(path) { () throws(Errno) in
                try Self.makeParents(of: path, begin)
                try FileSystem.makeSymbolicLink(path, to: target, owner: begin.user, group: begin.group)
            }
        case .file(let mode, let size, let path):
            var made: File?
            try attempt(path) { () throws(Errno) in
                try Self.makeParents(of: path, begin)
                made = try FileSystem.createFile(path, mode: mode, owner: begin.user, group: begin.group)
            }
            file = size > 0 ? made : nil
            self.path = path
            missing = size
        case .begin, .start: protocolError("a message out of order")
        }
    }

    private static func makeParents(of path: [UInt8], _ begin: HostMessage.Begin) throws(Errno) {
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")), slash > 0 else { return }
        try FileSystem.makeDirectories(
            Array(path[..<slash]), mode: 0o755, owner: begin.user, group: begin.group)
    }

    private mutating func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        guard let file, UInt64(bytes.count) <= missing else { protocolError("data that belongs to no file") }
        missing -= UInt64(bytes.count)
        try attempt(path) { () throws(Errno) in
            var buffer = IOBuffer(kernel: bytes)
            while buffer.remaining > 0 { _ = try file.write(&buffer, at: nil) }
        }
        if missing == 0 { self.file = nil }
    }

    private func attempt(_ path: [UInt8], _ body: () throws(Errno) -> Void) throws(Failure) {
        do throws(Errno) {
            try body()
        } catch {
            throw Failure(stage: error == .noMemory ? .outOfMemory : .inputFile, errno: error, about: path)
        }
    }
}
