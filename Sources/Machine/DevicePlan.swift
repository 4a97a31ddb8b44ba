import Boot
import CSwiftletABI
import GuestMemory
import LinuxSystem
import SystemPackage
import Virtio
import VirtioDevices

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
    /// nil: the guest's kernel knows of none.
    let serial: SerialPort?
    let transports: [MMIOTransport]
    let doorbells: [Doorbell]
    let interrupts: [Interrupt]

    init(
        _ machine: MachinePlan, mailbox: VCPUMailbox, loop: DeviceLoop, conclusion: Conclusion,
        probe: MachineProbe?
    ) throws(MachineError) {
        let (configuration, guest, memory) = (machine.configuration, machine.guest, machine.memory)
        var bus = MMIOBus()
        platform = PlatformDevice(
            memory: memory, mailbox: mailbox, logLimit: configuration.logLimit,
            checkpoint: configuration.isSaved ? guest.checkpoint : .none)
        serial = guest.hasSerialPort ? SerialPort(mailbox: mailbox, limit: configuration.logLimit) : nil
        bus.attach(platform, at: UInt64(SWIFTLET_PLATFORM_BASE), bytes: PlatformDevice.bytes)
        if let probe {
            let device = ProbeDevice(probe, mailbox: mailbox)
            bus.attach(device, at: ProbeDevice.address, bytes: ProbeDevice.bytes)
        }
        var transports: [MMIOTransport] = []
        for device in try Self.devices(configuration, guest, conclusion) {
            transports.append(
                try MachineError.naming("a device's eventfds") { () throws(Errno) in
                    try loop.attach(device, memory: memory)
                })
        }
        var doorbells: [Doorbell] = []
        var interrupts: [Interrupt] = []
        for (index, transport) in transports.enumerated() {
            let address = BootDevice.address(index)
            bus.attach(transport, at: address, bytes: UInt64(SWIFTLET_VIRTIO_STRIDE))
            for (queue, notifier) in transport.notifiers.enumerated() where Self.isBusy(transport) {
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

extension DevicePlan {
    /// Whether the device's notifications are worth an ioeventfd, some 10 µs each at the start. The others' notifications
    /// arrive as MMIO exits.
    private static func isBusy(_ transport: MMIOTransport) -> Bool {
        transport.description.id == .vsock || transport.description.id == .block
    }

    /// In the order of their places. The root image, if it is a disk, is the first one.
    private static func devices(
        _ configuration: MachineConfiguration, _ guest: any GuestKind, _ conclusion: Conclusion
    ) throws(MachineError) -> [any VirtioDevice] {
        var devices: [any VirtioDevice] = []
        if let root = configuration.root, configuration.rootTransport == .block {
            devices.append(
                try disk(root, isReadOnly: true, name: "root", rates: configuration.rootRates))
        }
        for (index, disk) in configuration.disks.enumerated() {
            devices.append(
                try Self.disk(
                    disk.file, isReadOnly: disk.isReadOnly, name: "disk\(index)", rates: disk.rates))
        }
        devices.append(try vsock(configuration, conclusion))
        devices.append(
            ConsoleDevice(limit: configuration.logLimit) { [conclusion] text in conclusion.log(text) })
        devices.append(EntropyDevice())
        return devices + guest.ownDevices()
    }

    private static func disk(
        _ file: FileDescriptor, isReadOnly: Bool, name: String, rates: BlockRates
    ) throws(MachineError) -> BlockDevice {
        do throws(FileBackendError) {
            let backend = try FileBackend(owning: OwnedDescriptor(owning: file), readOnly: isReadOnly)
            return BlockDevice(backend, identity: "swiftlet-\(name)", rates: rates)
        } catch {
            throw .disk(name, error)
        }
    }

    private static func vsock(
        _ configuration: MachineConfiguration, _ conclusion: Conclusion
    ) throws(MachineError) -> VsockDevice {
        var bridge: VsockUnixBridge?
        if configuration.hasUnixSockets {
            bridge = VsockUnixBridge(
                listener: configuration.vsockListen.map { OwnedDescriptor(owning: $0) },
                directory: configuration.vsockDirectory.map { OwnedDescriptor(owning: $0) })
        }
        let device = VsockDevice(
            guestCID: configuration.guestCID, unixBridge: bridge,
            onStreamClosed: { [conclusion] closed in conclusion.streamClosed(closed) })
        device.onLimitReached = { [conclusion] port in conclusion.limitReached(port: port) }
        for stream in configuration.streams {
            try MachineError.naming("stream \(stream.port)") { () throws(Errno) in
                try device.addStream(
                    StreamConfiguration(
                        port: stream.port, descriptor: OwnedDescriptor(owning: stream.file),
                        direction: stream.direction, limit: stream.limit, rate: stream.rate))
            }
        }
        return device
    }
}

extension MachineConfiguration.Stream {
    /// The standard streams go one way even if the descriptor is a terminal, which goes both (docs/protocol.md §1).
    var direction: StreamDirection {
        switch port {
        case 1025: .toGuest
        case 1026, 1027: .toHost
        default: .both
        }
    }
}

extension MMIOTransport: MMIODevice {
    func read(offset: UInt64, length: Int) -> UInt64 { read(offset: offset, width: length) }

    func write(offset: UInt64, length: Int, value: UInt64) {
        write(offset: offset, width: length, value: value)
    }
}
