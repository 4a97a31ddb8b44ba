import CLinux
import GuestMemory
import JobWire
import KVM
import LinuxSystem
import Sandbox
import SystemPackage
import Virtio

/// A machine's two threads, and what they share.
struct RunningMachine {
    private let plan: MachinePlan
    private let probe: MachineProbe?
    private let mailbox: VCPUMailbox
    private let devices: Handoff<DevicePlan>
    private let boot: Handoff<BootPlan>
    private let system: SharedKVM
    private let loop: DeviceLoop
    private let conclusion: Conclusion
    private let counters = MachineCounters()

    init(
        _ plan: MachinePlan, events: EventChannel, mainEntered: UInt64, probe: MachineProbe?
    ) throws(MachineError) {
        self.plan = plan
        self.probe = probe
        do throws(KVMError) { system = try SharedKVM(plan.configuration.kvm) } catch { throw .kvm(error) }
        mailbox = try MachineError.naming("eventfd") { () throws(Errno) in try VCPUMailbox() }
        devices = try MachineError.naming("eventfd") { () throws(Errno) in try Handoff() }
        boot = try MachineError.naming("eventfd") { () throws(Errno) in try Handoff() }
        let conclusion = Conclusion(
            events: events, counters: counters, mailbox: mailbox, logLimit: plan.configuration.logLimit,
            mainEntered: mainEntered)
        self.conclusion = conclusion
        loop = try MachineError.naming("device loop") { () throws(Errno) in
            try DeviceLoop(onDeviceFailure: { conclusion.deviceFailed($0, $1) })
        }
    }

    /// Starts the vCPU's thread, makes what it waits for, and becomes the device loop.
    func run() throws(MachineError) -> Never {
        try startProcessors(rootImage: try plan.mapRootImage())
        let devicePlan = try DevicePlan(
            plan, mailbox: mailbox, loop: loop, conclusion: conclusion, probe: probe)
        devices.give(devicePlan)
        try plan.populateRestored()
        let guest = try plan.guest.load(plan, devicePlan)
        let cpuid = try system.cpuidForGuest()
        var random = try randomBytes(48)
        if let nonce = plan.configuration.nonce { random.replaceSubrange(32..<48, with: nonce) }
        try MachineError.naming("device loop") { () throws(Errno) in
            try loop.watch(mailbox.descriptor, .readable, handler: conclusion, token: 0)
        }
        conclusion.loop = loop
        conclusion.transports = devicePlan.transports
        try closeJail()
        // From here on the guest may run.
        boot.give(BootPlan(guest: guest, cpuid: cpuid, random: random))
        do throws(Errno) { try loop.run() } catch { throw .system("device loop", error) }
        conclusion.finish()
    }

    private func startProcessors(rootImage: SharedMapping?) throws(MachineError) {
        let vcpu = VCPUThread(
            system: system, map: plan.map, memory: plan.memory, rootImage: rootImage, counters: counters,
            mailbox: mailbox, devices: devices, boot: boot, secondaries: try startSecondaries(),
            jail: vcpuJail(savesMachine: plan.area != nil), area: plan.area,
            parked: try MachineError.naming("eventfd") { () throws(Errno) in try Handoff() })
        try MachineError.naming("vCPU thread") { () throws(Errno) in
            try Thread(name: "vcpu") { vcpu.main() }.detach()
        }
    }

    private func startSecondaries() throws(MachineError) -> [SecondaryProcessor] {
        let count = plan.configuration.processors
        return try MachineError.naming("threads of the guest's processors") { () throws(Errno) in
            var secondaries: [SecondaryProcessor] = []
            for index in 1..<max(1, count) {
                let secondary = try SecondaryProcessor(
                    index: index, of: count, jail: vcpuJail(savesMachine: false), mailbox: mailbox)
                try Thread(name: "vcpu\(index)") { secondary.main() }.detach()
                secondaries.append(secondary)
            }
            return secondaries
        }
    }

    private func vcpuJail(savesMachine: Bool) -> VCPUJail {
        VCPUJail(
            isUnconfined: plan.configuration.isUnconfined, installsFilters: installsFilters,
            savesMachine: savesMachine)
    }

    private var installsFilters: Bool { probe?.installsFilters ?? true }

    private func closeJail() throws(MachineError) {
        if plan.configuration.isUnconfined { return }
        try MachineError.jailing { () throws(JailError) in
            try Jail.close(
                maximumDescriptors: Self.maximumDescriptors,
                maximumAddressSpace: plan.configuration.memoryBytes + (plan.map.rootImage?.bytes ?? 0)
                    + Self.maximumOwnAddressSpace)
            try Jail.lockThread()
            if installsFilters { try SyscallFilter(plan.guest.policy(plan.configuration)).install() }
        }
        conclusion.jailClosed()
    }

    /// Those the machine starts with, and a vsock connection each for the rest.
    private static let maximumDescriptors: UInt64 = 512

    /// The program, two stacks, KVM's own mappings: 30 MiB at the most (measured), and room for streams and logs.
    private static let maximumOwnAddressSpace: UInt64 = 64 << 20

    private func randomBytes(_ count: Int) throws(MachineError) -> [UInt8] {
        try MachineError.naming("getrandom") { () throws(Errno) in
            var filled = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                filled = linux_getrandom(buffer.baseAddress, count)
                initialized = max(0, filled)
            }
            // Up to 256 bytes getrandom does not fall short once the pool is ready.
            guard try checked(filled) == count else { throw .ioError }
            return bytes
        }
    }
}
