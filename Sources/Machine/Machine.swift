import Boot
import CLinux
import Glibc
import GuestMemory
import JobWire
import KVM
import LinuxSystem
import Sandbox
import SystemPackage
import Virtio

/// One VM in this process, from its descriptors to its end. Two threads: the caller's becomes the device loop, a second
/// one is the vCPU's and also creates the VM, because that takes longest.
///
///     main:  layout, devices │ kernel, CPUID │ jail │ filter │ device loop ……………………… drain, `ended`, exit
///     vCPU:  KVM_CREATE_VM, memory │ ioeventfds, vCPU │ registers │ boot page │ filter │ KVM_RUN …
public enum Machine {
    /// Builds the machine, runs it and ends the process: status 0 if the guest powered off, 1 otherwise.
    ///
    /// - Parameters:
    ///   - mainEntered: CLOCK_MONOTONIC nanoseconds at the start of `main`.
    ///   - probe: For tests of the confinement. `swiftlet-vmm` has none.
    public static func run(
        _ configuration: MachineConfiguration, mainEntered: UInt64, probe: MachineProbe? = nil
    ) -> Never {
        let events = EventChannel(socket: configuration.events, hasDebugLog: configuration.hasDebugLog)
        do throws(MachineError) {
            try prepareProcess(configuration, installsFilters: probe?.installsFilters ?? true)
            let assembly = try Assembly(
                configuration, events: events, mainEntered: mainEntered, probe: probe)
            try assembly.run()
        } catch {
            events.send(.ended(cause: .vmmError, message: Array(error.description.utf8)))
        }
        _exit(1)
    }

    /// What must come before the process has a second thread.
    private static func prepareProcess(
        _ configuration: MachineConfiguration, installsFilters: Bool
    ) throws(MachineError) {
        // One heap for both threads: they allocate little, and a second heap costs 100 µs to make.
        jail_use_one_heap()
        try MachineError.naming("ignoring SIGPIPE") { () throws(Errno) in try ignoreBrokenPipeSignal() }
        if configuration.isUnconfined {
            let warning = "swiftlet-vmm: UNCONFINED: the guest's machine runs without its jail\n"
            try? FileDescriptor.standardError.write(all: Array(warning.utf8))
            return
        }
        try MachineError.jailing { () throws(JailError) in
            if !Jail.isSpawned { try Jail.makeOwnNamespaces() }
            try Jail.renouncePrivileges()
            if installsFilters {
                let later = configuration.policy(isLinux: true).rules
                try SyscallFilter(.setUp(before: later)).install()
            }
        }
    }
}

/// What `run` builds and both threads share.
private struct Assembly {
    private let configuration: MachineConfiguration
    private let probe: MachineProbe?
    private let map: PhysicalMap
    private let kernelFile: GuestKernelFile
    private let memory: GuestMemory
    private let mailbox: VCPUMailbox
    private let devices: Handoff<DevicePlan>
    private let boot: Handoff<BootPlan>
    private let system: SharedKVM
    private let loop: DeviceLoop
    private let area: SnapshotArea?
    private let conclusion: Conclusion
    private let counters = MachineCounters()

    init(
        _ configuration: MachineConfiguration, events: EventChannel, mainEntered: UInt64, probe: MachineProbe?
    ) throws(MachineError) {
        self.configuration = configuration
        self.probe = probe
        let rootBytes = try Self.rootImageBytes(configuration)
        do throws(GuestLayoutError) {
            map = try PhysicalMap(memoryBytes: configuration.memoryBytes, rootImageBytes: rootBytes)
        } catch {
            throw .layout(error)
        }
        do throws(KernelImageError) {
            kernelFile = try GuestKernelFile(reading: configuration.kernel)
        } catch {
            throw .kernel(error)
        }
        let isLinux = kernelFile.isLinux
        memory = try MachineError.naming("guest memory") { () throws(Errno) in
            try Self.guestMemory(configuration, isLinux: isLinux)
        }
        area = try MachineError.naming("the file for the machine's state") { () throws(Errno) in
            guard isLinux, case .saved(let file) = configuration.memorySource else { return nil }
            return try SnapshotArea(in: file, at: configuration.memoryBytes)
        }
        do throws(KVMError) { system = try SharedKVM(configuration.kvm) } catch { throw .kvm(error) }
        mailbox = try MachineError.naming("eventfd") { () throws(Errno) in try VCPUMailbox() }
        devices = try MachineError.naming("eventfd") { () throws(Errno) in try Handoff() }
        boot = try MachineError.naming("eventfd") { () throws(Errno) in try Handoff() }
        let conclusion = Conclusion(
            events: events, counters: counters, mailbox: mailbox, logLimit: configuration.logLimit,
            mainEntered: mainEntered)
        self.conclusion = conclusion
        loop = try MachineError.naming("device loop") { () throws(Errno) in
            try DeviceLoop(onDeviceFailure: { conclusion.deviceFailed($0, $1) })
        }
    }

    func run() throws(MachineError) -> Never {
        let root = try mapRootImage()
        let vcpu = VCPUThread(
            system: system, map: map, memory: memory, rootImage: root, counters: counters, mailbox: mailbox,
            devices: devices, boot: boot, secondaries: try startSecondaries(),
            jail: vcpuJail(savesMachine: area != nil), area: area,
            parked: try MachineError.naming("eventfd") { () throws(Errno) in try Handoff() })
        try MachineError.naming("vCPU thread") { () throws(Errno) in
            try Thread(name: "vcpu") { vcpu.main() }.detach()
        }
        let plan = try DevicePlan(
            configuration, isLinux: kernelFile.isLinux, memory: memory, mailbox: mailbox, loop: loop,
            conclusion: conclusion, probe: probe)
        devices.give(plan)
        try populateRestored()
        let (kernel, bootDevices, snapshot) = try loadKernel(plan)
        let cpuid = try cpuidForGuest()
        var random = try randomBytes(48)
        if let nonce = configuration.nonce { random.replaceSubrange(32..<48, with: nonce) }
        try MachineError.naming("device loop") { () throws(Errno) in
            try loop.watch(mailbox.descriptor, .readable, handler: conclusion, token: 0)
        }
        conclusion.loop = loop
        conclusion.transports = plan.transports
        try closeJail()
        // From here on the guest may run.
        boot.give(
            BootPlan(
                kernel: kernel, cpuid: cpuid, random: random, devices: bootDevices, snapshot: snapshot))
        do throws(Errno) { try loop.run() } catch { throw .system("device loop", error) }
        conclusion.finish()
    }

    private func startSecondaries() throws(MachineError) -> [SecondaryProcessor] {
        try MachineError.naming("threads of the guest's processors") { () throws(Errno) in
            var secondaries: [SecondaryProcessor] = []
            for index in 1..<max(1, configuration.processors) {
                let secondary = try SecondaryProcessor(
                    index: index, of: configuration.processors, jail: vcpuJail(savesMachine: false),
                    mailbox: mailbox)
                try Thread(name: "vcpu\(index)") { secondary.main() }.detach()
                secondaries.append(secondary)
            }
            return secondaries
        }
    }

    private func vcpuJail(savesMachine: Bool) -> VCPUJail {
        VCPUJail(
            isUnconfined: configuration.isUnconfined, installsFilters: installsFilters,
            savesMachine: savesMachine)
    }

    private var installsFilters: Bool { probe?.installsFilters ?? true }

    private func closeJail() throws(MachineError) {
        if configuration.isUnconfined { return }
        try MachineError.jailing { () throws(JailError) in
            try Jail.close(
                maximumDescriptors: Self.maximumDescriptors,
                maximumAddressSpace: configuration.memoryBytes + (map.rootImage?.bytes ?? 0)
                    + Self.maximumOwnAddressSpace)
            try Jail.lockThread()
            if installsFilters {
                try SyscallFilter(configuration.policy(isLinux: kernelFile.isLinux)).install()
            }
        }
        conclusion.jailClosed()
    }

    /// Those the machine starts with, and a vsock connection each for the rest.
    private static let maximumDescriptors: UInt64 = 512

    /// The program, two stacks, KVM's own mappings: 30 MiB at the most (measured), and room for streams and logs.
    private static let maximumOwnAddressSpace: UInt64 = 64 << 20

    private func cpuidForGuest() throws(MachineError) -> CPUIDTable {
        if let native = CPUIDTable.nativeIfDeprivileged() { return native }
        do throws(KVMError) {
            return try system.system.supportedCPUID()
        } catch {
            throw .kvm(error)
        }
    }

    /// Bytes: kernel, heap and page tables are 3 MiB, a static program and a shell 1 MiB more.
    private static let smallPagesOfTiny: UInt64 = 8 << 20

    private static func guestMemory(
        _ configuration: MachineConfiguration, isLinux: Bool
    ) throws(Errno) -> GuestMemory {
        let size = configuration.memoryBytes
        let file: FileDescriptor
        let offset: Int64
        let isPrivate: Bool
        switch configuration.memorySource {
        case .fresh:
            // Linux touches so much of its RAM that each page of 4 KiB is one exit, four times as many as all others of
            // its boot (docs/linux.md). The tiny kernel uses RAM from below: what a small program and an idle machine
            // need stays in small pages, and who needs more is given it 2 MiB at a time (docs/decisions.md).
            return try GuestMemory(size: size, hugePagesFrom: isLinux ? 0 : smallPagesOfTiny)
        case .saved(let descriptor): (file, offset, isPrivate) = (descriptor, 0, false)
        case .restored(let descriptor):
            (file, offset, isPrivate) = (descriptor, MachineConfiguration.templateMemoryOffset, true)
        }
        let status = try file.status()
        // A mapping beyond the file's end would be a fault in the middle of a job.
        guard status.kind == .regular, status.size >= UInt64(offset) + size else { throw .invalidArgument }
        return GuestMemory(
            adopting: try Mapping(
                file: file, count: Int(size), offset: offset, protection: PROT_READ | PROT_WRITE,
                flags: isPrivate ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED),
            isShared: !isPrivate)
    }

    /// What a template has saved, most of its program needs at once, and taking it over page by page would cost a fault
    /// here and one of the shadow page tables each: 10 ms of a Python's 16, against 7 in one go (docs/decisions.md).
    /// While the other thread creates the VM.
    /// Not a Linux's: 34 MiB after a boot, of which a job needs a few.
    private func populateRestored() throws(MachineError) {
        guard !kernelFile.isLinux, case .restored(let file) = configuration.memorySource else { return }
        let start = UInt64(MachineConfiguration.templateMemoryOffset)
        let end = start + configuration.memoryBytes
        try MachineError.naming("template") { () throws(Errno) in
            var position = start
            while let extent = try file.nextData(in: position..<end) {
                memory.populate((extent.lowerBound - start)..<(extent.upperBound - start))
                position = extent.upperBound
            }
        }
    }

    private func loadKernel(
        _ plan: DevicePlan
    ) throws(MachineError) -> (LoadedKernel, [BootDevice], MachineSnapshot?) {
        if kernelFile.isLinux, case .restored(let template) = configuration.memorySource {
            return (.saved(SavedLinux(map: map)), plan.untouchedDevices, try resume(plan, from: template))
        }
        do throws(KernelImageError) {
            let file = kernelFile
            if file.isLinux {
                let devices = plan.untouchedDevices
                let kernel = try LoadedLinux(
                    loading: file, into: memory, map: map,
                    .init(
                        processors: configuration.processors, devices: devices,
                        initramfs: configuration.initramfs,
                        commandLine: configuration.commandLine))
                return (.linux(kernel), devices, nil)
            }
            guard configuration.processors == 1 else { throw .oneProcessor(configuration.processors) }
            let kernel: LoadedTinyKernel
            if case .restored = configuration.memorySource {
                kernel = try LoadedTinyKernel(
                    restoredFrom: file, in: memory, map: map, reservedPages: plan.queuePages)
            } else {
                kernel = try LoadedTinyKernel(
                    loading: file, into: memory, map: map, reservedPages: plan.queuePages)
            }
            return (.tiny(kernel), plan.handOver(queuePages: kernel.reserved), nil)
        } catch {
            throw .kernel(error)
        }
    }

    /// Sets the devices up as the template's drivers had.
    private func resume(
        _ plan: DevicePlan, from template: FileDescriptor
    ) throws(MachineError) -> MachineSnapshot {
        let offset = UInt64(MachineConfiguration.templateMemoryOffset) + configuration.memoryBytes
        let bytes = try MachineError.naming("template") { () throws(Errno) in
            try template.read(at: offset, upTo: SnapshotArea.bytes)
        }
        guard let snapshot = MachineSnapshot(parsing: bytes) else { throw .template("its machine's state is damaged") }
        guard plan.resume(snapshot.devices) else { throw .template("it was made with other devices") }
        return snapshot
    }

    private static func rootImageBytes(
        _ configuration: MachineConfiguration
    ) throws(MachineError) -> UInt64? {
        guard let root = configuration.root, configuration.rootTransport == .pmem else { return nil }
        let status = try MachineError.naming("root image") { () throws(Errno) in try root.status() }
        guard status.kind == .regular else {
            throw .system("root image: not a regular file", .invalidArgument)
        }
        return status.size
    }

    private func mapRootImage() throws(MachineError) -> SharedMapping? {
        guard let root = configuration.root, let range = map.rootImage else { return nil }
        return try MachineError.naming("mapping the root image") { () throws(Errno) in
            SharedMapping(
                try Mapping(file: root, count: Int(range.bytes), protection: PROT_READ, flags: MAP_SHARED))
        }
    }

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

/// `/dev/kvm` for both threads.
final class SharedKVM: Sendable {
    let system: KVMSystem

    init(_ descriptor: FileDescriptor) throws(KVMError) {
        system = try KVMSystem(owning: OwnedDescriptor(owning: descriptor))
    }
}

/// A mapping that lives as long as somebody uses it.
final class SharedMapping: Sendable {
    private let mapping: Mapping

    init(_ mapping: consuming Mapping) { self.mapping = mapping }

    var hostAddress: UInt { UInt(bitPattern: mapping.baseAddress) }
}

extension MachineConfiguration {
    /// What the device loop may call while this machine's guest runs.
    fileprivate func policy(isLinux: Bool) -> SyscallPolicy {
        var policy = SyscallPolicy.deviceLoop
        if isLinux { policy.rules += SyscallPolicy.balloon }
        if hasDisks { policy.rules += SyscallPolicy.disks }
        if hasUnixSockets { policy.rules += SyscallPolicy.unixSockets }
        return policy
    }
}
