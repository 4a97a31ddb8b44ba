import CSwiftletABI
import LinuxSystem
import Synchronization

/// A test's way into both threads of a running machine, behind their locks: it stands for code of an attacker's who has
/// taken over the VMM. The guest says when it acts (Tests/takeover). `swiftlet-vmm` is built without one, and its guests
/// find nothing at the address.
public struct MachineProbe: Sendable {
    /// What is left standing between the probe and the host.
    public let installsFilters: Bool
    /// Called on the thread that the guest chose, with the guest's command. Its result goes back to the guest.
    public let act: @Sendable (_ command: UInt64) -> Int64

    public init(installsFilters: Bool, act: @escaping @Sendable (_ command: UInt64) -> Int64) {
        self.installsFilters = installsFilters
        self.act = act
    }
}

/// The probe as the guest sees it: a page behind the platform device's.
///
///     0x00  write: act on the vCPU's thread, now
///     0x08  write: have the device loop act
///     0x10  read: the result; 1 << 63 as long as there is none
final class ProbeDevice: MMIODevice {
    static let address = UInt64(SWIFTLET_PLATFORM_BASE) + PlatformDevice.bytes
    static let bytes: UInt64 = 4096

    private let probe: MachineProbe
    private let mailbox: VCPUMailbox
    private let result = Atomic<Int64>(.min)

    init(_ probe: MachineProbe, mailbox: VCPUMailbox) {
        self.probe = probe
        self.mailbox = mailbox
    }

    func read(offset: UInt64, length: Int) -> UInt64 {
        UInt64(bitPattern: result.load(ordering: .acquiring))
    }

    func write(offset: UInt64, length: Int, value: UInt64) {
        switch offset {
        case 0: act(value)
        case 8: mailbox.post(.probe(self, value))
        default: break
        }
    }

    func act(_ command: UInt64) { result.store(probe.act(command), ordering: .releasing) }
}
