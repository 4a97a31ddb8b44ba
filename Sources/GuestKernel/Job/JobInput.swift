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
    private var intake: JobIntake
    private var files = InputTree()

    var specification: JobSpecification { intake.specification }

    /// - Parameter isResumption: Whether a program that is there already goes on, so that no command is needed.
    init(_ control: JobControl, isResumption: Bool = false) {
        self.control = control
        intake = JobIntake(isResumption: isResumption)
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
            switch try take(event) {
            case .more: continue
            case .begun(let begin): onBegin(begin)
            case .complete:
                // What the way through the tree has held.
                files = InputTree()
                return
            }
        }
    }

    private mutating func take(_ event: JobControl.Event) throws(Failure) -> JobIntake.Step {
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
            case .file(let path, let errno):
                throw Failure(
                    stage: errno == .noMemory ? .outOfMemory : .inputFile, errno: errno, about: path)
            }
        }
    }
}
