import Glibc
import JobWire
import LinuxSystem
import Synchronization
import SystemPackage
import Virtio
import VirtioDevices

/// Watches for the machine's end and tells the launcher about it: phases, log, counters, `ended`. Lives on the device loop;
/// `deviceFailed` is called there too.
final class Conclusion: DescriptorHandler, @unchecked Sendable {
    // SAFETY: everything below is used by one thread, the one that assembles the machine and then becomes its device loop.
    // The class is Sendable because the loop's failure callback must be.
    private let events: EventChannel
    private let counters: MachineCounters
    private let mailbox: VCPUMailbox
    private let mainEntered: UInt64
    private var jailed: UInt64 = 0
    private var logBytesLeft: Int
    private var panic = PanicWatch()
    private var end: (cause: MachineEvent.EndCause, message: [UInt8])?
    var loop: DeviceLoop?
    var transports: [MMIOTransport] = []

    init(
        events: EventChannel, counters: MachineCounters, mailbox: VCPUMailbox, logLimit: Int,
        mainEntered: UInt64
    ) {
        self.events = events
        self.counters = counters
        self.mailbox = mailbox
        self.mainEntered = mainEntered
        logBytesLeft = logLimit
    }

    /// Notes the time of the phase `jailed`.
    func jailClosed() { jailed = monotonicNanoseconds() }

    /// Messages from the vCPU thread.
    func descriptorReady(_ ready: EpollEvents, token: Int) {
        for message in mailbox.take() {
            switch message {
            case .log(let text): log(text)
            case .entering(let machineCreated, let now):
                events.send(.phase(.mainEntered, monotonicNanoseconds: mainEntered))
                if jailed != 0 { events.send(.phase(.jailed, monotonicNanoseconds: jailed)) }
                events.send(.phase(.machineCreated, monotonicNanoseconds: machineCreated))
                events.send(.phase(.guestEntered, monotonicNanoseconds: now))
            case .ended(let cause, let message):
                conclude(cause, message)
                // What the guest sent before its end still goes out.
                loop?.drain()
            case .release(let released):
                loop?.letGoOfGuest()
                released.give(())
            case .probe(let probe, let command): probe.act(command)
            }
        }
    }

    /// Passes on what the guest's kernel or console says, up to the limit for both together.
    func log(_ text: [UInt8]) {
        panic.look(at: text)
        let kept = text.prefix(logBytesLeft)
        logBytesLeft -= kept.count
        events.send(log: Array(kept))
    }

    /// The stream's last byte is in its descriptor.
    func streamClosed(_ closed: StreamClosed) {
        events.send(
            .streamClosed(
                port: closed.port, passed: closed.passedBytes, dropped: closed.droppedBytes,
                errno: closed.failure?.rawValue ?? 0))
        // The job is over: what it cost is known before the VM is torn down.
        if closed.port == Self.controlPort { sendCounters() }
    }

    /// Output is being dropped: whoever set the limit may want to stop the job.
    func limitReached(port: UInt32) {
        events.send(.limitReached(port: port))
    }

    private static let controlPort: UInt32 = 1024

    /// A driver broke its device beyond use. The guest may try to go on without it, and its launcher decides.
    func deviceFailed(_ device: VirtioDeviceID, _ error: VirtioError) {
        conclude(.deviceUnusable, Array("\(device): \(error)".utf8))
        loop?.stop()
    }

    /// The counters so far, when the control stream closes and at the end.
    func sendCounters() {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let notifications = loop?.notificationCount ?? 0
        let interrupts = transports.reduce(0) { $0 &+ $1.interrupt.raisedCount }
        events.send(
            counters.event(
                queueNotifications: notifications, interruptsRaised: interrupts,
                maximumResidentKiB: UInt64(usage.ru_maxrss)))
    }

    /// Tells the end and ends the process. Nobody waits for the VM to be torn down: the kernel does that.
    func finish() -> Never {
        var end = end ?? (.vmmError, Array("the device loop ended by itself".utf8))
        // A Linux that panics restarts its machine by a triple fault (LinuxCommandLine); its last words may just have
        // been drained.
        panic.endLine()
        if end.cause == .tripleFault, let message = panic.message { end = (.guestPanic, message) }
        sendCounters()
        events.send(.ended(cause: end.cause, message: end.message))
        _exit(end.cause == .poweredOff || end.cause == .checkpointed ? 0 : 1)
    }

    /// The first cause is the true one.
    private func conclude(_ cause: MachineEvent.EndCause, _ message: [UInt8]) {
        if end == nil { end = (cause, message) }
    }
}
