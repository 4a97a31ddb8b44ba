import GuestMemory
import LinuxSystem
import Synchronization
import SystemPackage

/// A descriptor the loop watches.
public struct LoopRegistration: Sendable {
    fileprivate let slot: Int
    fileprivate let descriptor: FileDescriptor
}

/// The one epoll thread that owns every device and backend of a VM. Other threads reach it through a locked
/// mailbox and an eventfd; inside it there is no lock.
///
/// Set up on one thread (`attach`), then `run()` on the thread that becomes the loop.
public final class DeviceLoop: @unchecked Sendable {
    // SAFETY: `epoll`, `wake` and `mailbox` are safe from any thread. All other state belongs to the thread
    // that sets the loop up until `run` (or `turn`) and to the one inside `run` after; starting a thread
    // orders the two.
    private let epoll: Epoll
    private let wake: EventFD
    private let mailbox = Mutex(Mailbox())
    private let notifications = Atomic<UInt64>(0)

    private var ports: [DevicePort] = []
    private var slots: [Slot] = []
    private var freeSlots: [Int] = []
    /// Whether a port may have one: nobody asks for the time otherwise.
    private var hasAlarms = false
    private var failures: [(port: Int, error: VirtioError)] = []
    private var phase = Phase.running
    private let onDeviceFailure: (VirtioDeviceID, VirtioError) -> Void

    enum Target {
        case wake
        case notifier(port: Int, queue: Int)
        case handler(any DescriptorHandler, token: Int)
    }

    /// `generation` makes an event that was fetched before its registration ended harmless.
    private struct Slot {
        var target: Target?
        var generation: UInt32
    }

    private enum Phase { case running, draining, stopped }

    private struct Mailbox {
        var commands: [Command] = []
        var isClosed = false
    }

    fileprivate enum Command: Sendable {
        case activate(port: Int, DeviceActivation)
        case reset(port: Int)
        case drain
        case stop
    }

    /// `onDeviceFailure`: called on the loop when a driver made its device unusable (DEVICE_NEEDS_RESET).
    public init(
        onDeviceFailure: @escaping @Sendable (VirtioDeviceID, VirtioError) -> Void = { _, _ in }
    ) throws(Errno) {
        epoll = try Epoll()
        wake = try EventFD()
        self.onDeviceFailure = onDeviceFailure
        _ = try register(wake.descriptor, .readable, .wake)
    }

    /// How many events of any kind were handled: a loop that sleeps when it should does not count on.
    private(set) var dispatchedCount: UInt64 = 0

    /// How many queue notifications arrived.
    public var notificationCount: UInt64 { notifications.load(ordering: .relaxed) }

    /// Puts a device on the loop and makes its transport. Before `run()`.
    public func attach(_ device: any VirtioDevice, memory: GuestMemory) throws(Errno) -> MMIOTransport {
        let description = device.description
        var notifiers: [QueueNotifier] = []
        for _ in description.queueSizes { notifiers.append(try QueueNotifier()) }
        let interrupt = try InterruptLine()
        let wire = DeviceWire(self, port: ports.count, resetDone: try EventFD(blocking: true))
        let transport = MMIOTransport(
            description, memory: memory, interrupt: interrupt, notifiers: notifiers, mailbox: wire)
        ports.append(DevicePort(device: device, transport: transport, wire: wire))
        return transport
    }

    // MARK: From any thread

    /// Ends `run()` soon, whatever is on its way.
    public func stop() { post(.stop) }

    /// Ends `run()` when the devices have passed on everything that the guest gave them. The guest must have
    /// stopped. A host reader that never reads keeps the loop alive: the caller sets the deadline and calls
    /// `stop()`.
    public func drain() { post(.drain) }

    /// - Returns: false if the loop has ended.
    @discardableResult
    fileprivate func post(_ command: Command) -> Bool {
        let accepted = mailbox.withLock { mailbox in
            if !mailbox.isClosed { mailbox.commands.append(command) }
            return !mailbox.isClosed
        }
        if accepted { wake.signal() }
        return accepted
    }

    // MARK: The loop

    /// Runs until `stop()` or `drain()`. SIGPIPE must be ignored in the process (`ignoreBrokenPipeSignal`).
    public func run() throws(Errno) {
        while try turn() {}
        closeMailbox()
    }

    /// Waits for events once and handles them.
    ///
    /// - Returns: false when the loop is to end.
    public func turn(timeoutMilliseconds: CInt = -1) throws(Errno) -> Bool {
        let timeout = hasAlarms ? alarmTimeout(atMost: timeoutMilliseconds) : timeoutMilliseconds
        try epoll.wait(timeoutMilliseconds: timeout) { token, events in dispatch(token, events) }
        if hasAlarms { soundAlarms() }
        handleFailures()
        switch phase {
        case .running: return true
        case .draining: return !ports.allSatisfy { $0.device.isDrained }
        case .stopped: return false
        }
    }

    func setAlarm(port: Int, at instant: UInt64) {
        ports[port].alarm = instant
        hasAlarms = true
    }

    /// Until the first alarm, in whole milliseconds and never too early; no longer than `limit` unless that is -1.
    private func alarmTimeout(atMost limit: CInt) -> CInt {
        let now = monotonicNanoseconds()
        let next = ports.compactMap(\.alarm).min() ?? now
        let left = next > now ? (next - now - 1) / 1_000_000 + 1 : 0
        let timeout = CInt(min(left, UInt64(Self.longestWaitMilliseconds)))
        return limit < 0 ? timeout : min(timeout, limit)
    }

    /// An alarm that is later is looked at again then.
    private static let longestWaitMilliseconds: CInt = 60_000

    private func soundAlarms() {
        let now = monotonicNanoseconds()
        for index in ports.indices where ports[index].alarm.map({ $0 <= now }) == true {
            ports[index].alarm = nil
            attempt(port: index) { device throws(VirtioError) in try device.timeReached() }
        }
        hasAlarms = ports.contains { $0.alarm != nil }
    }

    private func dispatch(_ token: UInt64, _ events: EpollEvents) {
        let slot = slots[Int(truncatingIfNeeded: token & 0xffff_ffff)]
        guard let target = slot.target, slot.generation == UInt32(truncatingIfNeeded: token >> 32) else {
            return
        }
        dispatchedCount &+= 1
        switch target {
        case .wake:
            wake.drain()
            handleCommands()
        case .notifier(let port, let queue):
            ports[port].transport.notifiers[queue].event.drain()
            notifications.add(1, ordering: .relaxed)
            attempt(port: port) { device throws(VirtioError) in try device.queueNotified(queue) }
        case .handler(let handler, let token):
            handler.descriptorReady(events, token: token)
        }
    }

    private func attempt(port: Int, _ body: (any VirtioDevice) throws(VirtioError) -> Void) {
        do throws(VirtioError) {
            try body(ports[port].device)
        } catch {
            failLater(port: port, error)
        }
    }

    private func handleCommands() {
        let commands = mailbox.withLock { mailbox in
            let commands = mailbox.commands
            mailbox.commands = []
            return commands
        }
        for command in commands {
            switch command {
            case .activate(let port, let activation): activate(port, activation)
            case .reset(let port):
                deactivate(port)
                ports[port].wire.confirmReset()
            case .drain:
                if phase == .running { phase = .draining }
                for port in ports.indices where ports[port].isActive {
                    attempt(port: port) { device throws(VirtioError) in try device.drain() }
                }
            case .stop: phase = .stopped
            }
        }
    }

    private func closeMailbox() {
        let left = mailbox.withLock { mailbox in
            mailbox.isClosed = true
            return mailbox.commands
        }
        for case .reset(let port) in left { ports[port].wire.confirmReset() }
    }

    // MARK: Devices

    private func activate(_ index: Int, _ activation: DeviceActivation) {
        let port = ports[index]
        var queues: [DeviceQueue?] = []
        for (queue, validated) in activation.queues.enumerated() {
            guard let validated else {
                queues.append(nil)
                continue
            }
            queues.append(
                DeviceQueue(
                    validated, features: activation.features, isResumed: activation.isResumed,
                    notifier: port.transport.notifiers[queue], interrupt: port.transport.interrupt))
        }
        ports[index].isActive = true
        port.device.activate(queues, features: activation.features, host: DeviceHost(self, port: index))
        for (queue, notifier) in port.transport.notifiers.enumerated() where activation.queues[queue] != nil {
            do throws(Errno) {
                // A kick that came before is still in the eventfd and is seen now.
                let registration = try register(
                    notifier.event.descriptor, .readable, .notifier(port: index, queue: queue))
                ports[index].registrations.append(registration)
            } catch {
                // Only ENOMEM or ENOSPC (the user's epoll watch limit) are possible; the device then cannot
                // work.
                failLater(port: index, .malformedRequest("the host cannot watch the queue: \(error)"))
            }
        }
    }

    private func deactivate(_ index: Int) {
        for registration in ports[index].registrations { unregister(registration) }
        ports[index].registrations = []
        for notifier in ports[index].transport.notifiers { notifier.event.drain() }
        if ports[index].isActive { ports[index].device.reset() }
        ports[index].isActive = false
    }

    /// The guest stands still and its memory is saved: takes what it gave, and does not touch its memory any more. What is on
    /// its way to the host goes on. On the loop's thread.
    public func letGoOfGuest() {
        for port in ports.indices where ports[port].isActive {
            attempt(port: port) { device throws(VirtioError) in try device.drain() }
            deactivate(port)
        }
    }

    func failLater(port: Int, _ error: VirtioError) {
        failures.append((port, error))
    }

    private func handleFailures() {
        guard !failures.isEmpty else { return }
        let all = failures
        failures = []
        for (port, error) in all where ports[port].isActive {
            deactivate(port)
            ports[port].transport.setNeedsReset()
            onDeviceFailure(ports[port].device.description.id, error)
        }
    }

    // MARK: Descriptors

    func register(
        _ descriptor: FileDescriptor, _ events: EpollEvents, _ target: Target
    ) throws(Errno) -> LoopRegistration {
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = slots.count
            slots.append(Slot(target: nil, generation: 0))
        }
        let token = UInt64(slots[slot].generation) << 32 | UInt64(slot)
        do throws(Errno) {
            try epoll.add(descriptor, events, token: token)
        } catch {
            freeSlots.append(slot)
            throw error
        }
        slots[slot].target = target
        return LoopRegistration(slot: slot, descriptor: descriptor)
    }

    func unregister(_ registration: LoopRegistration) {
        guard slots[registration.slot].target != nil else { return }
        try? epoll.remove(registration.descriptor)   // fails only if it is not there any more
        slots[registration.slot].target = nil
        slots[registration.slot].generation &+= 1
        freeSlots.append(registration.slot)
    }
}

private struct DevicePort {
    let device: any VirtioDevice
    let transport: MMIOTransport
    let wire: DeviceWire
    var isActive = false
    var registrations: [LoopRegistration] = []
    /// When the device wants to be called; nanoseconds. A reset leaves it: what the guest sent before is still on its way.
    var alarm: UInt64?
}

/// A transport's way to the loop.
private final class DeviceWire: DeviceMailbox {
    // `unowned`: the loop outlives the vCPU threads, which are the only users of transports.
    private unowned let loop: DeviceLoop
    private let port: Int
    private let resetDone: EventFD

    init(_ loop: DeviceLoop, port: Int, resetDone: consuming EventFD) {
        self.loop = loop
        self.port = port
        self.resetDone = resetDone
    }

    func activate(_ activation: DeviceActivation) {
        loop.post(.activate(port: port, activation))
    }

    /// Waits for the loop: after it, no device touches the queues.
    func reset() {
        guard loop.post(.reset(port: port)) else { return }
        while resetDone.wait() == 0 {}   // a signal (a kick of the vCPU) wakes us early
    }

    func confirmReset() { resetDone.signal() }
}
