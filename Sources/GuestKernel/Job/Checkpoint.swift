import GuestNucleus
import JobWire

/// The point at which a machine is saved as a template, and what one that is restored from it does before any program runs.
///
///     /dev/checkpoint is read · the job's thread ends the conversation with the host and saves
///     restored: clock · random generator · identity · processor · devices · new conversation · the program goes on
///
/// A restored machine boots like any other, with a fresh boot page and fresh devices, into memory that was saved: nothing of
/// the processor or the devices is in the template. So everything that lives there is in memory when it is saved
/// (VectorState), or is set up again afterwards.
enum Checkpoint {
    // SAFETY: see Frames.
    /// Whether a program may ask: a template is to be made and has not been yet.
    nonisolated(unsafe) private(set) static var isPossible = false
    nonisolated(unsafe) private(set) static var isRequested = false
    /// The job's thread waits here for a program that asks.
    nonisolated(unsafe) static let requested = WaitQueue()
    /// What that program is waiting for: the restored job's arguments, NUL behind each.
    nonisolated(unsafe) private static var arguments: [UInt8]?
    nonisolated(unsafe) private static let answered = WaitQueue()
    /// What the job's programs had used up when they were saved, which is not the restored job's.
    nonisolated(unsafe) private(set) static var usageBefore = Usage()
    /// The program's standard input, which the saved machine's job has none of.
    nonisolated(unsafe) private static var input: VsockConnection?

    // MARK: The program's side

    /// The job is to become a template.
    /// - Returns: its standard input, at its end until the template is restored.
    static func prepare(_ device: VsockDevice) -> VsockStream {
        isPossible = true
        let connection = device.closedConnection(to: JobPort.standardInput)
        input = connection
        return VsockStream(device, connection, flags: 0)
    }

    /// Asks for the checkpoint and waits until the machine is a restored one.
    /// - Throws: `.noSuchDevice` for all but the first to ask; `.restart` when the thread is killed.
    static func request() throws(Errno) -> [UInt8] {
        guard isPossible, !isRequested else { throw .noSuchDevice }
        isRequested = true
        requested.wakeAll()
        while true {
            if let arguments { return arguments }
            try answered.wait(interruptible: false)
        }
    }

    /// The restored job is known: its programs go on.
    static func answer(_ specification: JobSpecification) {
        var bytes: [UInt8] = []
        for argument in specification.arguments {
            bytes += argument
            bytes.append(0)
        }
        arguments = bytes
        answered.wakeAll()
        Scheduler.holdsPrograms = false
    }

    /// The restored job's standard input.
    static func connectInput(_ device: VsockDevice) {
        guard let input else { return }
        device.reconnect(input)
        device.publish()
    }

    // MARK: The job's thread

    /// Ends the conversation with the host and saves the machine. Returns in a restored one, whose clock, random numbers and
    /// devices are its own and whose programs do not run yet.
    static func save(_ kind: GuestMessage.Checkpoint, _ job: JobStreams) throws(Errno) {
        isPossible = false
        Scheduler.holdsPrograms = true
        job.device.shutDown(job.output.connection, [.send, .receive])
        job.device.shutDown(job.error.connection, [.send, .receive])
        job.control.queue(.checkpoint(kind))
        try job.control.flush()
        job.control.shutDown()
        usageBefore = JobCommand.usage()
        VectorState.saveOwner()
        VectorState.owner = nil
        let now = Clock.monotonic
        guard let boot = Platform.checkpoint() else { panic("the host does not save this machine") }
        restore(boot, savedAt: now)
    }

    /// The first Swift of a restored machine.
    private static func restore(_ boot: UnsafeMutablePointer<swiftlet_boot_page>, savedAt saved: UInt64) {
        Clock.restart(
            tsc: read_tsc(), frequency: boot.pointee.tsc_frequency, wallClock: boot.pointee.wall_clock,
            from: saved)
        guard boot.pointee.magic == UInt64(SWIFTLET_BOOT_MAGIC),
            boot.pointee.version == UInt32(SWIFTLET_BOOT_VERSION)
        else { panic("boot page of another version") }
        VDSO.clockChanged()
        withUnsafeMutableBytes(of: &boot.pointee.entropy) { bytes in
            Random.mix(UnsafeRawBufferPointer(bytes))
            if let start = bytes.baseAddress { wide_zero(start, UInt64(bytes.count)) }
        }
        ProcSysctl.renewBootID()
        Job.note(boot)
        Counters.restart()
        restartProcessor()
        do throws(Errno) {
            try Devices.restart(boot)
        } catch {
            panic("the devices are not the template's")
        }
        Devices.connectInterrupts()
    }

    /// What `restore` has done, for the host, which sends no job before it knows.
    static var resumption: GuestMessage.Resumption {
        GuestMessage.Resumption(
            isReseeded: true, isClockStepped: true, isIdentityNew: true, wallClock: Clock.realtime)
    }
}

/// What connects a job with the host.
struct JobStreams {
    let device: VsockDevice
    let control: JobControl
    let controlConnection: VsockConnection
    let output: VsockStream
    let error: VsockStream

    /// All of them anew, in a restored machine.
    func reconnect() {
        control.restart()
        device.reconnect(controlConnection)
        device.reconnect(output.connection)
        device.reconnect(error.connection)
        device.publish()
    }
}
