import CLinux
import Glibc
import JobWire
import LinuxSystem
import SystemPackage

/// One job's event loop: control stream both ways, the VMM's events and its process, signals, captured output, the
/// deadline. One thread and one ppoll, because a job is short: there is nothing here that an executor would overlap.
final class JobLoop {
    let request: JobRequest
    var seen = Observations()
    private var timeline = Timeline()
    private var counters: [MachineEvent.Counter] = []
    private var log: [UInt8] = []

    private var sender: JobSender
    private var reader: ReportReader
    private var outputs: OutputCollector
    let channels: JobChannels
    private let process: MachineProcess
    private let isWarm: Bool
    /// Nil if `request.cancellation` stands for them.
    private let signals: OwnedDescriptor?
    /// Either of the two; readable when the job shall end.
    private let stop: FileDescriptor
    private var isControlOpen = true
    private var areEventsOpen = true
    /// When a closed control stream without a word about the machine's end counts as the end. Nanoseconds.
    private var controlGraceEnd: UInt64?
    /// When a job over its output limit is stopped though its reader has not taken all that it may have. Nanoseconds.
    private var limitGraceEnd: UInt64?
    /// The VMM's processor time when the guest began, and since then. Nanoseconds.
    private var processorStart: UInt64?
    private var processorUsed: UInt64 = 0
    private var nextProcessorCheck: UInt64?
    private var buffer = [UInt8](repeating: 0, count: 64 * 1024)

    /// The vCPU's and the device loop's.
    private static let machineThreads: UInt64 = 2
    /// Between two looks at the machine's processor time: a limit is overrun by no more than twice this.
    private static let leastProcessorWait: UInt64 = 1_000_000

    /// A guest that closes its control stream powers off next, and the VMM says so at once; longer than this, the
    /// stream was closed for no reason.
    private static let controlGraceNanoseconds: UInt64 = 1_000_000_000
    /// What is within the limit waits in the VMM for a slow reader; one that does not read holds the verdict no longer.
    private static let limitGraceNanoseconds: UInt64 = 1_000_000_000
    /// How long to wait for counters after the verdict, if they are wanted. The VMM sends them within microseconds.
    private static let countersWaitNanoseconds: UInt64 = 50_000_000
    /// Most log bytes kept. The VMM bounds them as well; but the VMM is confined, not trusted.
    private static let maximumLog = 256 * 1024
    /// Most reads of one descriptor before the others get their turn.
    private static let readsPerTurn = 16

    init(
        _ request: JobRequest, _ files: FilePlan, on machine: consuming PreparedMachine, begun: UInt64
    ) throws(Errno) {
        // After the VMM's start: a blocked signal would stay blocked in it.
        let follows = request.hasTerminal && request.hostTerminal != nil
        if let cancellation = request.cancellation {
            signals = nil
            stop = cancellation
        } else {
            let signals = try OwnedDescriptor(checking: linux_stop_signals(follows ? 1 : 0))
            stop = signals.borrowed
            self.signals = consume signals
        }
        self.request = request
        channels = machine.channels
        process = machine.process
        isWarm = machine.isWarm
        if machine.isWarm { try machine.channels.connect(request) }
        timeline.begun = begun
        timeline.launched = machine.launched
        timeline.isPrepared = machine.isWarm
        sender = JobSender(request, inputs: files.inputs)
        reader = ReportReader(
            outputCount: request.outputs.count, nonce: channels.nonce,
            isRestored: request.template.isRestoring, makesTemplate: request.template.isMaking)
        outputs = OutputCollector(request.outputs, at: files.outputs)
    }

    deinit {
        if request.cancellation == nil { linux_release_stop_signals() }
    }

    /// Runs until the verdict stands, tells the VMM to go, and delivers.
    func run() throws(Errno) -> JobResult {
        if request.takesKeyboard { request.hostTerminal?.makeRaw() }
        defer { giveKeyboardBack() }
        var verdict: Verdict?
        while verdict == nil {
            try turn(until: deadline)
            // The machine may be off before a reader has taken the last byte; the job is not over before that.
            let isHeld = channels.warmStreams?.isClosing == true && !seen.isDecided
            verdict = isHeld ? nil : Verdict(seen, limits: request)
        }
        timeline.finished = monotonicNanoseconds()
        checkProcessorTime(timeline.finished)
        if request.wantsCounters { try waitForCounters() }
        process.kill()
        // Until it is gone, it could still write to the memory that is to be kept.
        if request.template.isMaking, seen.processEnd == nil { seen.processEnd = process.end(waiting: true) }
        channels.drainCaptured()
        try passOnRest()
        return result(verdict ?? Verdict(.vmmError, status: 125, message: "no verdict"))
    }

    /// The machine was gone before anything of the job was sent to it: another one may have the job.
    var hasMachineMissedJob: Bool { isWarm && !sender.hasSent && seen.intervention == nil }

    private func result(_ verdict: Verdict) -> JobResult {
        var result = JobResult(verdict: verdict)
        result.standardOutput = seen.standardOutput
        result.standardError = seen.standardError
        channels.count(&result.standardOutput, &result.standardError)
        result.report = seen.report
        result.checkpoint = verdict.reason == .checkpointed ? seen.checkpoint : nil
        result.unsupported = reader.unsupported.sorted { $0.systemCall < $1.systemCall }
        result.unsupportedControls = reader.unsupportedControls.sorted { $0.request < $1.request }
        result.missingFiles = reader.missingFiles.sorted { $0.path.lexicographicallyPrecedes($1.path) }
        result.counters = counters
        result.processorNanoseconds = processorStart == nil ? nil : processorUsed
        result.machineMemory = process.memoryEnforcement
        result.timeline = timeline
        result.log = log
        let isDelivered = seen.intervention == nil && seen.protocolViolation == nil && seen.isComplete
        result.outputFiles = isDelivered ? outputs.publish() : outputs.results()
        if isDelivered, let failed = result.outputFiles.first(where: { $0.problem != nil }) {
            // Asked for and not there is a failure, even of a job that thinks it succeeded.
            result.verdict.message =
                "output file \(printable(failed.guestPath)) to \(printable(failed.hostPath)): "
                + (failed.problem ?? "")
            if result.verdict.status == 0 { result.verdict.status = 125 }
        }
        return result
    }

    // MARK: - Waiting

    /// The least that is over the limit.
    private var overLimit: UInt64 { (request.outputLimitBytes ?? 0) &+ 1 }

    private var deadline: UInt64? {
        [
            request.wallTimeLimitNanoseconds.map { timeline.begun &+ $0 }, controlGraceEnd, bootEnd,
            nextProcessorCheck, limitGraceEnd,
        ].compactMap { $0 }.min()
    }

    /// A restored guest gets its job only when it has confirmed that it is not its template any more.
    private var isGuestReady: Bool { !request.template.isRestoring || timeline.helloReceived != 0 }

    /// When the guest's kernel must have said hello; nil: it has, or does not run yet.
    private var bootEnd: UInt64? {
        guard seen.hasGuestEntered, timeline.helloReceived == 0 else { return nil }
        return max(timeline.guestEntered, timeline.begun) &+ Observations.bootLimitNanoseconds
    }

    /// Waits for something to happen, at most until `instant`, and handles all of it.
    private func turn(until instant: UInt64?) throws(Errno) {
        let now = monotonicNanoseconds()
        let timeout = instant.map { $0 > now ? $0 - now : 0 } ?? UInt64.max
        let wantsToSend = isControlOpen && !sender.isDone && isGuestReady
        func watching(_ descriptor: FileDescriptor, if condition: Bool = true, _ events: CInt = POLLIN)
            -> pollfd
        {
            pollfd(fd: condition ? descriptor.rawValue : -1, events: Int16(events), revents: 0)
        }
        var descriptors = [
            watching(channels.events.borrowed, if: areEventsOpen),
            watching(channels.control.borrowed, if: isControlOpen, wantsToSend ? POLLIN | POLLOUT : POLLIN),
            watching(stop),
            watching(process.endDescriptor, if: seen.processEnd == nil),
            pollfd(fd: channels.outputDescriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: channels.errorDescriptor, events: Int16(POLLIN), revents: 0),
        ]
        if let warm = channels.warmStreams {
            descriptors += [
                watching(warm.changed.descriptor),
                pollfd(fd: warm.output?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: warm.error?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
            ]
        }
        let ready = linux_poll_many(&descriptors, UInt32(descriptors.count), timeout)
        if ready == -EINTR { return }
        try checked(ready)
        // The VMM's events come before the control stream and its process's end: what it said before it went counts.
        if descriptors[0].revents != 0 || descriptors[3].revents != 0 { readEvents() }
        if seen.end != nil || descriptors[3].revents != 0 {
            // The machine is off. What it sent before may have come after `poll` looked at the control stream.
            while isControlOpen, readControl() {}
        } else if descriptors[1].revents & ~Int16(POLLOUT) != 0 {
            _ = readControl()
        }
        // Nothing is sent to a machine that is gone: then another one may have the job.
        let isThere = seen.end == nil && descriptors[3].revents == 0
        if wantsToSend, isThere, descriptors[1].revents & Int16(POLLOUT) != 0 { sendControl() }
        if descriptors[2].revents != 0 { readSignals() }
        if descriptors[3].revents != 0 { noteProcessEnd() }
        if descriptors[4].revents != 0 || descriptors[5].revents != 0 { channels.drainCaptured() }
        if isWarm { followStreams() }
        passTime(monotonicNanoseconds())
    }

    private func passTime(_ now: UInt64) {
        if let limit = request.wallTimeLimitNanoseconds, now >= timeline.begun &+ limit, !seen.isComplete {
            intervene(.wallTimeout(measured: now - timeline.begun))
        }
        if let end = bootEnd, now >= end {
            intervene(.bootTimeout(measured: now - end + Observations.bootLimitNanoseconds))
        }
        checkProcessorTime(now)
        if let end = limitGraceEnd, now >= end { intervene(.outputLimit(bytes: overLimit)) }
        if let end = controlGraceEnd, now >= end {
            violate("closed its control stream before its report was complete")
        }
    }

    /// The machine's processor time is its process's since the guest's first instruction, on a clock of the host's: what the
    /// guest makes its VMM do is the job's too. It passes at most as fast as that many threads allow, so the next look is due
    /// when the rest could be used up.
    private func checkProcessorTime(_ now: UInt64) {
        guard seen.hasGuestEntered else { return }
        nextProcessorCheck = nil
        guard let total = process.processorNanoseconds() else { return }
        let start = processorStart ?? total
        processorStart = start
        processorUsed = total - min(start, total)
        guard let limit = request.cpuTimeLimitNanoseconds, !seen.isComplete else { return }
        if processorUsed >= limit { return intervene(.cpuTimeout(measured: processorUsed)) }
        nextProcessorCheck =
            now &+ max((limit - processorUsed) / Self.machineThreads, Self.leastProcessorWait)
    }

    func intervene(_ intervention: Observations.Intervention) {
        if seen.intervention == nil { seen.intervention = intervention }
    }

    private func violate(_ text: String) {
        if seen.protocolViolation == nil { seen.protocolViolation = text }
    }

    private func readSignals() {
        if request.cancellation != nil { return intervene(.cancelled(signal: SIGTERM)) }
        while true {
            let signal = linux_next_signal(stop.rawValue)
            if signal <= 0 { return }
            if signal == SIGWINCH || signal == SIGCONT {
                // After a stop the shell has made the terminal its own.
                if signal == SIGCONT, request.takesKeyboard, seen.intervention == nil {
                    request.hostTerminal?.makeRaw()
                }
                if let size = request.hostTerminal?.size { sender.tell(size) }
                continue
            }
            giveKeyboardBack()
            // From here on a second signal ends this process at once; the VMM goes with its parent.
            intervene(.cancelled(signal: signal))
            linux_release_stop_signals()
        }
    }

    private func noteProcessEnd() {
        seen.processEnd = process.end(waiting: false)
        if process.isKeeperGone { seen.hasKeeperGone = true }
        if let kill = process.memoryKill { seen.memoryKill = kill }
        guard seen.processEnd?.signal == SIGKILL, let group = process.group,
            let memory = group.outOfMemory(), memory.kills > 0
        else { return }
        seen.memoryKill = .init(limit: group.memoryBytes, peak: memory.peakBytes)
    }

    private func giveKeyboardBack() {
        if request.takesKeyboard { request.hostTerminal?.restore() }
    }

    /// The verdict stands; the counters come with the end of the control stream or not at all.
    private func waitForCounters() throws(Errno) {
        let end = monotonicNanoseconds() + Self.countersWaitNanoseconds
        if isControlOpen { _ = linux_shutdown(channels.control.borrowed.rawValue, CInt(SHUT_RDWR)) }
        isControlOpen = false
        while counters.isEmpty, areEventsOpen, seen.processEnd == nil, monotonicNanoseconds() < end {
            try turn(until: end)
        }
        if let peak = process.peakResidentKiB() {
            // The host's own measure instead of the VMM's claim.
            counters.removeAll { $0.id == MachineEvent.CounterID.maximumResidentKiB.rawValue }
            counters.append(MachineEvent.Counter(.maximumResidentKiB, peak))
        }
    }
}

// MARK: - Control stream

extension JobLoop {
    private func sendControl() {
        do throws(InputProblem) {
            // False: the VMM closed its end; its event or its process's end says why.
            _ = try sender.send(to: channels.control.borrowed)
        } catch {
            intervene(.inputFailed("input file \(printable(error.path)): \(error.text)"))
        }
    }

    /// - Returns: false when there is nothing more to read now.
    private func readControl() -> Bool {
        for _ in 0..<Self.readsPerTurn {
            let count = buffer.withUnsafeMutableBytes {
                linux_recv(channels.control.borrowed.rawValue, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT))
            }
            if count == -Int(EAGAIN) || count == -Int(EINTR) { return false }
            if count <= 0 {
                isControlOpen = false
                if !reader.mayEnd { controlGraceEnd = monotonicNanoseconds() + Self.controlGraceNanoseconds }
                return false
            }
            if seen.protocolViolation != nil { return false }
            handle(buffer[..<count])
        }
        return true
    }

    private func handle(_ bytes: ArraySlice<UInt8>) {
        do throws(ReportReader.Failure) {
            try reader.read(bytes.span) { event in
                switch event {
                case .hello(let nanoseconds):
                    if !request.template.isRestoring { timeline.helloReceived = monotonicNanoseconds() }
                    timeline.guestBootDuration = nanoseconds
                case .resumed(let wallClock):
                    checkClock(wallClock)
                case .checkpoint(let kind):
                    seen.checkpoint = kind
                case .started(let nanoseconds):
                    timeline.startedReceived = monotonicNanoseconds()
                    timeline.guestStartDuration = nanoseconds
                    beginInput()
                case .failed(let stage, let errno, let about):
                    seen.failure = (stage, errno, about)
                case .exited(let report):
                    timeline.exitReceived = monotonicNanoseconds()
                    seen.report = report
                case .outputBegins(let index, let mode, let size):
                    if size > mostGuestBytes {
                        let path = request.outputs[index].guestPath
                        intervene(.outputFileTooLarge(path: path, bytes: size, limit: mostGuestBytes))
                    } else {
                        outputs.begin(index: index, mode: mode, size: size)
                    }
                case .outputData(let range):
                    bytes.withUnsafeBytes { outputs.write(UnsafeRawBufferPointer(rebasing: $0[range])) }
                case .outputEnds(let index):
                    outputs.end(index: index)
                case .outputMissing(let index, let errno):
                    outputs.missing(index: index, errno: errno)
                case .finished:
                    seen.isFinished = true
                    checkByteCounts()
                }
            }
        } catch {
            if case .violation(let text) = error { violate(text) }
        }
    }

    /// The guest read its clock at some time since the job began, so it must show one of these times, give or take what the
    /// promise says.
    private func checkClock(_ guest: UInt64) {
        let now = monotonicNanoseconds()
        let host = realtimeNanoseconds()
        let earliest = host - (now - min(timeline.begun, timeline.launched)) - Self.clockToleranceNanoseconds
        guard (earliest...(host + Self.clockToleranceNanoseconds)).contains(guest) else {
            return violate("its clock was not stepped: it shows \(guest / 1_000_000) ms since 1970")
        }
        timeline.helloReceived = now
    }

    private static let clockToleranceNanoseconds: UInt64 = 10_000_000

    /// All that a guest can hold: its memory, its disk, and what its image brought. A file that is larger has holes, and
    /// written out would fill the host's disk for nothing: a job of a kilobyte could name a file of a terabyte.
    private var mostGuestBytes: UInt64 {
        let image = (try? request.image.status().size) ?? 0
        return request.memoryBytes + (request.diskBytes ?? 0) + image
    }

    /// Once all is reported: as many bytes must have arrived as the guest says the job wrote. Otherwise output was lost
    /// on the way, and a job whose output was lost has not succeeded.
    func checkByteCounts() {
        guard seen.isComplete, let report = seen.report else { return }
        let streams = [
            ("standard output", seen.standardOutput, report.standardOutputBytes),
            ("standard error", seen.standardError, report.standardErrorBytes),
        ]
        for (name, stream, claimed) in streams where stream.errno == 0 {
            let (arrived, overflow) = stream.bytes.addingReportingOverflow(stream.dropped)
            if overflow || arrived != claimed {
                violate("it reports \(claimed) bytes of \(name), \(arrived) arrived")
            }
        }
    }
}

// MARK: - Events of the VMM

extension JobLoop {
    private func readEvents() {
        var datagram = [UInt8](repeating: 0, count: MachineEvent.maximumSize)
        while areEventsOpen {
            let count = datagram.withUnsafeMutableBytes {
                linux_recv(channels.events.borrowed.rawValue, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT))
            }
            if count == -Int(EAGAIN) || count == -Int(EINTR) { return }
            if count <= 0 {
                areEventsOpen = false
                return
            }
            do throws(WireError) {
                handle(try MachineEvent(decoding: Array(datagram[..<count])))
            } catch {
                seen.end = seen.end ?? (.vmmError, Array("an event that cannot be read".utf8))
            }
        }
    }

    private func handle(_ event: MachineEvent) {
        switch event {
        case .phase(let phase, let nanoseconds):
            switch phase {
            case .mainEntered: timeline.machineMain = nanoseconds
            case .jailed: timeline.jailed = nanoseconds
            case .machineCreated: timeline.machineCreated = nanoseconds
            case .guestEntered:
                timeline.guestEntered = nanoseconds
                seen.hasGuestEntered = true
            }
        case .streamClosed(let port, let passed, let dropped, let errno):
            // ECONNRESET: the guest ended without ending the stream, so nobody knows whether all of it is there.
            let isClosed = errno != ECONNRESET
            var stream = StreamResult(bytes: passed, dropped: dropped, errno: errno, isClosed: isClosed)
            stream.isCounted = true
            // A machine that was prepared before its job has no limit of its own.
            if isWarm { stream.hold(to: request.outputLimitBytes) }
            if stream.dropped > 0, port == JobPort.standardOutput || port == JobPort.standardError {
                intervene(.outputLimit(bytes: passed &+ dropped))
            }
            if channels.warmStreams?.close(port: port, stream) == true { return followStreams() }
            if port == JobPort.standardOutput { seen.standardOutput = stream }
            if port == JobPort.standardError { seen.standardError = stream }
            checkByteCounts()
        case .limitReached(let port):
            // How much more would have come nobody knows. That all within the limit has arrived, the stream's end says.
            if port == JobPort.standardOutput { seen.standardOutput.isCut = true }
            if port == JobPort.standardError { seen.standardError.isCut = true }
            limitGraceEnd = limitGraceEnd ?? monotonicNanoseconds() + Self.limitGraceNanoseconds
        case .ended(let cause, let message):
            if seen.end == nil { seen.end = (cause, message) }
        case .counters(let new):
            counters = new
        case .log(let bytes):
            log += bytes.prefix(Self.maximumLog - log.count)
        }
    }
}
