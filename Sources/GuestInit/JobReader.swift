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
    private var intake: JobIntake
    private var files = InputFiles()

    var specification: JobSpecification { intake.specification }

    /// - Parameter isResumption: Whether the job goes on with a command that runs already.
    init(_ control: ControlStream, isResumption: Bool = false) {
        self.control = control
        intake = JobIntake(isResumption: isResumption)
    }

    /// Takes messages until `start`.
    /// - Parameter onBegin: called once, as early as can be: the standard input may be connected meanwhile.
    mutating func read(onBegin: (HostMessage.Begin) -> Void) throws(JobFailure) {
        while true {
            switch try take(control.next()) {
            case .more: continue
            case .begun(let begin): onBegin(begin)
            case .complete: return
            }
        }
    }

    private mutating func take(_ event: ControlStream.Event) throws(JobFailure) -> JobIntake.Step {
        do throws(JobIntakeError<Errno>) {
            switch event {
            case .message(let message): return try intake.take(message, into: &files)
            case .data(let bytes):
                try intake.take(bytes, into: &files)
                return .more
            }
        } catch {
            switch error {
            case .violation(let violation): protocolError(violation.text)
            case .file(let path, let errno): throw JobFailure(.inputFile, errno, about: path)
            }
        }
    }
}
