import LinuxSystem
import Synchronization
import SystemPackage

/// How a device interrupts its driver: the InterruptStatus register and an eventfd that KVM turns into an
/// interrupt (irqfd). Shared by the device loop, which raises, and the vCPU thread, which reads and
/// acknowledges.
public final class InterruptLine: Sendable {
    /// Register it with KVM_IRQFD.
    public let event: EventFD
    private let status = Atomic<UInt32>(0)
    private let raised = Atomic<UInt64>(0)

    public init() throws(Errno) {
        event = try EventFD()
    }

    /// How often the line was raised.
    public var raisedCount: UInt64 { raised.load(ordering: .relaxed) }

    /// The device has used a buffer (InterruptStatus bit 0).
    public func raiseUsedBuffer() { raise(1) }

    /// The device's configuration or status has changed (InterruptStatus bit 1).
    public func raiseConfigurationChange() { raise(2) }

    private func raise(_ bit: UInt32) {
        status.bitwiseOr(bit, ordering: .acquiringAndReleasing)
        raised.add(1, ordering: .relaxed)
        event.signal()
    }

    var pending: UInt32 { status.load(ordering: .acquiring) }

    func acknowledge(_ bits: UInt32) {
        status.bitwiseAnd(~bits, ordering: .acquiringAndReleasing)
    }

    func clear() { acknowledge(.max) }
}

/// How a driver notifies one queue: an eventfd that KVM signals on a write to QueueNotify (ioeventfd,
/// datamatch = the queue's index), or the transport when the write arrives as an MMIO exit.
public final class QueueNotifier: Sendable {
    /// Register it with KVM_IOEVENTFD at the device's address + 0x50, 4 bytes, datamatch = index in
    /// `notifiers`.
    public let event: EventFD

    public init() throws(Errno) {
        event = try EventFD()
    }
}
