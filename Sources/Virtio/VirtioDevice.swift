import GuestMemory
import LinuxSystem
import Synchronization
import SystemPackage

/// A device: all its methods but `description` are called on the device loop's thread, so it needs no lock.
public protocol VirtioDevice: AnyObject {
    /// Fixed for the life of the device.
    var description: DeviceDescription { get }

    /// The driver is ready. nil: a queue that it did not set up.
    func activate(_ queues: [DeviceQueue?], features: VirtioFeatures, host: DeviceHost)

    /// The driver has notified queue `index` (it may be nonsense: nothing new, or a queue that only we fill).
    ///
    /// - Throws: when the driver broke the queue; the device is then reset and marked DEVICE_NEEDS_RESET.
    func queueNotified(_ index: Int) throws(VirtioError)

    /// The instant that the device named with `DeviceHost.wake(at:)` has come.
    func timeReached() throws(VirtioError)

    /// Forgets the queues, and whatever the driver began.
    func reset()

    /// The guest has stopped for good: take what it left in the queues and finish what is on its way to the
    /// host.
    func drain() throws(VirtioError)

    /// Whether nothing is left to do after `drain()`.
    var isDrained: Bool { get }
}

extension VirtioDevice {
    public func timeReached() throws(VirtioError) {}
    public func drain() throws(VirtioError) {}
    public var isDrained: Bool { true }
}

/// Told when a descriptor that a device registered with the loop is ready.
public protocol DescriptorHandler: AnyObject {
    func descriptorReady(_ events: EpollEvents, token: Int)
}

/// What the device loop does for a device. Valid as long as the loop.
public final class DeviceHost {
    private unowned let loop: DeviceLoop
    private let port: Int

    init(_ loop: DeviceLoop, port: Int) {
        self.loop = loop
        self.port = port
    }

    /// Watches `descriptor`, which must stay open until `unregister`.
    ///
    /// - Throws: `EPERM` for files that are always ready.
    public func register(
        _ descriptor: FileDescriptor, _ events: EpollEvents, handler: any DescriptorHandler, token: Int
    ) throws(Errno) -> LoopRegistration {
        try loop.register(descriptor, events, .handler(handler, token: token))
    }

    public func unregister(_ registration: LoopRegistration) {
        loop.unregister(registration)
    }

    /// Has the loop call `timeReached` once, at `instant` (CLOCK_MONOTONIC in nanoseconds) or within a millisecond after. A
    /// device has one such instant: this replaces the one before.
    public func wake(at instant: UInt64) {
        loop.setAlarm(port: port, at: instant)
    }

    /// The driver broke the device, noticed outside `queueNotified`: resets the device once the current event
    /// is done.
    public func fail(_ error: VirtioError) {
        loop.failLater(port: port, error)
    }
}

/// A queue in the hands of its device: the ring, and the two wires beside it.
public final class DeviceQueue {
    private var ring: SplitQueue
    private let notifier: QueueNotifier
    private let interrupt: InterruptLine

    init(
        _ queue: ValidatedQueue, features: VirtioFeatures, isResumed: Bool = false, notifier: QueueNotifier,
        interrupt: InterruptLine
    ) {
        ring = SplitQueue(queue, features: features, isResumed: isResumed)
        self.notifier = notifier
        self.interrupt = interrupt
    }

    public var size: UInt16 { ring.size }

    public func next() throws(VirtioError) -> DescriptorChain? { try ring.next() }
    public func putBack(_ chain: consuming DescriptorChain) { ring.putBack(chain) }
    public func hasPending() throws(VirtioError) -> Bool { try ring.pending() > 0 }

    /// Returns a chain to the driver; it learns of it at the next `interruptIfWanted()`.
    public func complete(_ chain: consuming DescriptorChain, written: Int) {
        ring.complete(chain, written: written)
    }

    public func interruptIfWanted() {
        if ring.shouldInterrupt() { interrupt.raiseUsedBuffer() }
    }

    /// Has the loop call `queueNotified` once more, after its other work.
    public func notifyAgain() { notifier.event.signal() }

    public func disableNotifications() { ring.disableNotifications() }
    public func enableNotifications() throws(VirtioError) -> Bool { try ring.enableNotifications() }

    /// Takes what is available, calls `handle` for each chain (which completes it), and interrupts the driver
    /// when it asks for that.
    ///
    /// At most one queue's worth at a time: a driver that never stops adding must not keep the loop from its
    /// other devices. What is left is announced to ourselves.
    ///
    /// - Parameter condition: asked before each chain; once it is false the rest stays, unannounced, and the
    ///   caller comes back for it.
    public func serve(
        while condition: () -> Bool = { true },
        _ handle: (consuming DescriptorChain) throws(VirtioError) -> Void
    ) throws(VirtioError) {
        var budget = Int(ring.size)
        repeat {
            ring.disableNotifications()
            while true {
                guard condition() else { return }
                guard let chain = try ring.next() else { break }
                try handle(chain)
                // At once, not after the batch: a driver that waits goes on while we do the rest. One that does not wait has
                // not asked for an interrupt, and looking costs a few nanoseconds.
                interruptIfWanted()
                budget -= 1
                if budget == 0 { return notifyAgain() }
            }
        } while try ring.enableNotifications()
    }
}
