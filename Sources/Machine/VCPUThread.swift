import Boot
import CLinux
import GuestMemory
import JobWire
import KVM
import LinuxSystem

/// The thread that creates the VM and its first vCPU and runs it. It starts before the jail is built, because KVM_CREATE_VM
/// takes longest; the first guest instruction waits for everything else.
struct VCPUThread: Sendable {
    let system: SharedKVM
    let map: PhysicalMap
    let memory: GuestMemory
    let rootImage: SharedMapping?
    let counters: MachineCounters
    let mailbox: VCPUMailbox
    /// From the device loop: the devices; then, when the jail is closed, the kernel and all else for the first run.
    let devices: Handoff<DevicePlan>
    let boot: Handoff<BootPlan>
    /// Those that the guest itself starts.
    let secondaries: [SecondaryProcessor]
    let jail: VCPUJail
    /// Where a machine that becomes a template is saved; nil: it is not, or its memory is all of it.
    let area: SnapshotArea?
    /// Never given: where the thread waits for the end of the process.
    let parked: Handoff<Never>

    func main() {
        do throws(MachineError) {
            let vm = try naming { () throws(KVMError) in try makeVM() }
            let plan = devices.take()
            let vcpu = try naming { () throws(KVMError) in try plug(plan, into: vm) }
            let created = monotonicNanoseconds()
            // The VM lives as long as the process: closing its descriptors takes 15 ms, and this thread's filter has no
            // close. Where Swift would end the life of an unused value is not left to chance.
            let machine = SharedMachine(vm)
            _ = Unmanaged.passRetained(machine)
            let boot = boot.take()
            var run = GuestRun(
                bus: plan.bus, platform: plan.platform, serial: plan.serial, counters: counters,
                mailbox: mailbox)
            // Before the first one's local APIC is set: only then does KVM look which others there are, of whom it has to
            // know to start them (kvm_recalculate_apic_map, arch/x86/kvm/lapic.c).
            let tscOffset = boot.guest.snapshot?.processor.tscOffset
            for secondary in secondaries {
                secondary.start(machine, boot.cpuid, run, tscOffset: tscOffset)
            }
            let frequency = try prepare(vcpu, machine, boot, tscOffset: tscOffset)
            try writeBootPage(boot, tscFrequency: frequency)
            run.saver = area.map {
                MachineSaver(
                    machine: machine, transports: plan.transports, area: $0, mailbox: mailbox)
            }
            try jail.close()
            if boot.guest.snapshot != nil { for transport in plan.transports { transport.remind() } }
            mailbox.post(.entering(machineCreated: created, now: monotonicNanoseconds()))
            run.run(vcpu)
            vcpu.leave()
            // The device loop ends the process when it has drained the streams.
            _ = parked.take()
        } catch {
            mailbox.post(.ended(.vmmError, Array(error.description.utf8)))
            _ = parked.take()
        }
    }

    /// Puts the vCPU, and what of the VM was saved, where the guest begins or goes on.
    /// - Returns: the frequency of its time-stamp counter.
    private func prepare(
        _ vcpu: borrowing VCPU, _ machine: SharedMachine, _ boot: BootPlan, tscOffset: UInt64?
    ) throws(MachineError) -> UInt64 {
        let cpuid = boot.cpuid.forGuest(processor: 0, of: 1 + secondaries.count)
        if let state = boot.guest.kernel.cpu {
            return try naming { () throws(KVMError) in
                try vcpu.set(state, cpuid: cpuid)
                return try vcpu.tscFrequency()
            }
        }
        guard let snapshot = boot.guest.snapshot, let tscOffset else {
            throw .template("it has no state of its machine")
        }
        let frequency = try naming { () throws(KVMError) in
            try vcpu.setCPUID(cpuid)
            return try vcpu.tscFrequency()
        }
        // The guest has measured it once and for all; 250 ppm are what KVM itself lets pass (arch/x86/kvm/x86.c).
        let saved = snapshot.processor.frequency
        guard max(saved, frequency) - min(saved, frequency) <= frequency / 4000 else {
            throw .template("its time-stamp counter runs at \(saved) Hz, and here at \(frequency): make it again")
        }
        try naming { () throws(KVMError) in
            try vcpu.restore(snapshot.processor, tscOffset: tscOffset)
            try machine.vm.restore(snapshot.controllers)
        }
        return frequency
    }

    private func naming<Result: ~Copyable>(
        _ body: () throws(KVMError) -> Result
    ) throws(MachineError) -> Result {
        do throws(KVMError) { return try body() } catch { throw .kvm(error) }
    }

    /// The VM with its memory and interrupt controller, in the cheap order (docs/kvm.md §2).
    private func makeVM() throws(KVMError) -> VirtualMachine {
        let vm = try system.system.makeVM()
        var slot: UInt32 = 0
        for region in memory.regions {
            try vm.setMemory(
                slot: slot, guest: region.guestAddress.rawValue, bytes: region.count,
                host: region.hostAddress)
            slot += 1
        }
        if let image = rootImage, let range = map.rootImage {
            try vm.setMemory(
                slot: slot, guest: range.start, bytes: range.bytes, host: image.hostAddress, readOnly: true)
        }
        try vm.setTSSAddress(Self.tssAddress)
        try vm.setIdentityMapAddress(Self.identityMapAddress)
        try vm.makeIRQChip()
        return vm
    }

    private func plug(_ plan: DevicePlan, into vm: borrowing VirtualMachine) throws(KVMError) -> VCPU {
        for doorbell in plan.doorbells {
            try vm.signal(doorbell.event, onWriteOf: doorbell.value, to: doorbell.address)
        }
        for line in plan.interrupts { try vm.interrupt(line.gsi, on: line.event) }
        return try vm.makeVCPU(index: 0)
    }

    private func writeBootPage(
        _ boot: BootPlan, tscFrequency: UInt64
    ) throws(MachineError) {
        let facts = BootFacts(
            tscFrequency: tscFrequency, wallClock: realtimeNanoseconds(), random: boot.random,
            devices: boot.guest.devices)
        do throws(GuestMemoryError) {
            try boot.guest.kernel.writeBootPage(facts, into: memory)
        } catch {
            throw .bootPage(error)
        }
    }

    /// In the hole, where the guest has no devices. Used by KVM on Intel CPUs without unrestricted guests.
    private static let tssAddress: UInt32 = 0xFFFB_D000
    private static let identityMapAddress: UInt64 = 0xFFFB_C000
}
