import Boot
import Sandbox
import Virtio

/// The machine of our own kernel: one processor, devices that are handed over initialised, no ports.
struct TinyGuest: GuestKind {
    /// Bytes: kernel, heap and page tables are 3 MiB, a static program and a shell 1 MiB more. The kernel uses RAM from
    /// below: what a small program and an idle machine need stays in small pages, and who needs more is given it 2 MiB at a
    /// time (docs/decisions.md).
    let hugePagesFrom: UInt64 = 8 << 20
    let hasSerialPort = false
    let checkpoint = PlatformDevice.CheckpointUse.savesMemory
    let needsWholeTemplate = true
    static let rules: [SyscallPolicy.Rule] = []

    func ownDevices() -> [any VirtioDevice] { [] }

    func load(_ machine: MachinePlan, _ devices: DevicePlan) throws(MachineError) -> LoadedGuest {
        do throws(KernelImageError) {
            let processors = machine.configuration.processors
            guard processors == 1 else { throw .oneProcessor(processors) }
            let kernel: LoadedTinyKernel
            if case .restored = machine.configuration.memorySource {
                kernel = try LoadedTinyKernel(
                    restoredFrom: machine.kernelFile, in: machine.memory, map: machine.map,
                    reservedPages: devices.queuePages)
            } else {
                kernel = try LoadedTinyKernel(
                    loading: machine.kernelFile, into: machine.memory, map: machine.map,
                    reservedPages: devices.queuePages)
            }
            return LoadedGuest(
                kernel: .tiny(kernel), devices: devices.handOver(queuePages: kernel.reserved))
        } catch {
            throw .kernel(error)
        }
    }
}
