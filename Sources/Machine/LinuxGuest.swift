import Boot
import LinuxSystem
import Sandbox
import SystemPackage
import Virtio
import VirtioDevices

/// The machine of a Linux: it initialises its devices itself, has a balloon and a serial port, and is saved with what KVM
/// has of it.
struct LinuxGuest: GuestKind {
    /// Linux touches so much of its RAM that each page of 4 KiB is one exit, four times as many as all others of its boot
    /// (docs/linux.md).
    let hugePagesFrom: UInt64 = 0
    let hasSerialPort = true
    let checkpoint = PlatformDevice.CheckpointUse.savesMachine
    /// 34 MiB after a boot, of which a job needs a few.
    let needsWholeTemplate = false
    static let rules = SyscallPolicy.balloon

    func ownDevices() -> [any VirtioDevice] { [BalloonDevice()] }

    func load(_ machine: MachinePlan, _ devices: DevicePlan) throws(MachineError) -> LoadedGuest {
        if case .restored(let template) = machine.configuration.memorySource {
            return LoadedGuest(
                kernel: .saved(SavedLinux(map: machine.map)), devices: devices.untouchedDevices,
                snapshot: try resume(devices, from: template, behind: machine.configuration.memoryBytes))
        }
        let untouched = devices.untouchedDevices
        do throws(KernelImageError) {
            let kernel = try LoadedLinux(
                loading: machine.kernelFile, into: machine.memory, map: machine.map,
                .init(
                    processors: machine.configuration.processors, devices: untouched,
                    initramfs: machine.configuration.initramfs,
                    commandLine: machine.configuration.commandLine))
            return LoadedGuest(kernel: .linux(kernel), devices: untouched)
        } catch {
            throw .kernel(error)
        }
    }

    /// Sets the devices up as the template's drivers had.
    private func resume(
        _ devices: DevicePlan, from template: FileDescriptor, behind memoryBytes: UInt64
    ) throws(MachineError) -> MachineSnapshot {
        let offset = UInt64(MachineConfiguration.templateMemoryOffset) + memoryBytes
        let bytes = try MachineError.naming("template") { () throws(Errno) in
            try template.read(at: offset, upTo: SnapshotArea.bytes)
        }
        guard let snapshot = MachineSnapshot(parsing: bytes) else {
            throw .template("its machine's state is damaged")
        }
        guard devices.resume(snapshot.devices) else { throw .template("it was made with other devices") }
        return snapshot
    }
}
