import Boot
import CSwiftletABI
import GuestMemory
import KVM
import LinuxSystem
import SystemPackage
import Virtio

/// The kernel and everything else that the vCPU needs before its first instruction.
struct BootPlan: Sendable {
    let kernel: LoadedKernel
    let cpuid: CPUIDTable
    /// 48 bytes for the boot page.
    let random: [UInt8]
    let devices: [BootDevice]
}

/// The devices of one machine, each at its place on the bus, and the eventfds that tie them to KVM.
struct DevicePlan: Sendable {
    /// A write of `value` to `address` signals `event` and does not exit.
    struct Doorbell: Sendable {
        let address: UInt64
        let value: UInt32
        let event: FileDescriptor
    }

    struct Interrupt: Sendable {
        let gsi: UInt32
        let event: FileDescriptor
    }

    let bus: MMIOBus
    let platform: PlatformDevice
    let transports: [MMIOTransport]
    let doorbells: [Doorbell]
    let interrupts: [Interrupt]

    init(
        _ configuration: MachineConfiguration, map: PhysicalMap, memory: GuestMemory, mailbox: VCPUMailbox,
        loop: DeviceLoop
    ) throws(MachineError) {
        var bus = MMIOBus()
        platform = PlatformDevice(memory: memory, mailbox: mailbox, logLimit: configuration.logLimit)
        bus.attach(platform, at: UInt64(SWIFTLET_PLATFORM_BASE), bytes: PlatformDevice.bytes)
        let transports: [MMIOTransport] = []
        var doorbells: [Doorbell] = []
        var interrupts: [Interrupt] = []
        for (index, transport) in transports.enumerated() {
            let address = BootDevice.address(index)
            bus.attach(transport, at: address, bytes: UInt64(SWIFTLET_VIRTIO_STRIDE))
            for (queue, notifier) in transport.notifiers.enumerated() {
                doorbells.append(
                    Doorbell(
                        address: address + MMIORegister.queueNotify.rawValue, value: UInt32(queue),
                        event: notifier.event.descriptor))
            }
            interrupts.append(
                Interrupt(gsi: BootDevice.gsi(index), event: transport.interrupt.event.descriptor))
        }
        self.bus = bus
        self.transports = transports
        self.doorbells = doorbells
        self.interrupts = interrupts
    }
}

extension MMIOTransport: MMIODevice {
    func read(offset: UInt64, length: Int) -> UInt64 { read(offset: offset, width: length) }
    func write(offset: UInt64, length: Int, value: UInt64) { write(offset: offset, width: length, value: value) }
}
