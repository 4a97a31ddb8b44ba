import JobWire
import KVM
import LinuxSystem
import SystemPackage

/// A processor that waits until the guest starts it (INIT and SIPI, in the kernel's local APICs), on a thread of its
/// own that begins with the process, before the jail. In a machine that goes on from a template too: the guest has taken it
/// offline before it was saved (GuestInit's Processors).
struct SecondaryProcessor: Sendable {
    private struct Work: Sendable {
        let machine: SharedMachine
        let cpuid: CPUIDTable
        let run: GuestRun
        let tscOffset: UInt64?
    }

    /// From 1 on.
    private let index: Int
    private let count: Int
    private let jail: VCPUJail
    private let mailbox: VCPUMailbox
    private let work: Handoff<Work>
    private let ready: Handoff<Void>
    private let parked: Handoff<Never>

    init(index: Int, of count: Int, jail: VCPUJail, mailbox: VCPUMailbox) throws(Errno) {
        self.index = index
        self.count = count
        self.jail = jail
        self.mailbox = mailbox
        work = try Handoff()
        ready = try Handoff()
        parked = try Handoff()
    }

    /// Called on the first processor's thread: comes back when the vCPU is there and its thread's filter too, so that
    /// no interrupt that starts it is lost.
    /// - Parameter tscOffset: of the first processor, in a machine that was saved; nil: KVM has them begin alike.
    func start(_ machine: SharedMachine, _ cpuid: CPUIDTable, _ run: GuestRun, tscOffset: UInt64?) {
        work.give(Work(machine: machine, cpuid: cpuid, run: run, tscOffset: tscOffset))
        ready.take()
    }

    func main() {
        let work = work.take()
        do throws(MachineError) {
            let vcpu = try makeVCPU(work)
            try jail.close()
            ready.give(())
            work.run.run(vcpu)
            vcpu.leave()
        } catch {
            // The first processor goes on waiting; the device loop ends the process.
            mailbox.post(.ended(.vmmError, Array("processor \(index): \(error.description)".utf8)))
        }
        _ = parked.take()
    }

    private func makeVCPU(_ work: Work) throws(MachineError) -> VCPU {
        do throws(KVMError) {
            let vcpu = try work.machine.vm.makeVCPU(index: UInt32(index))
            let cpuid = work.cpuid.forGuest(processor: index, of: count)
            try vcpu.setCPUID(cpuid)
            // As the first one's (LinuxCPUState).
            try vcpu.setXCR0(cpuid.supportedXCR0)
            if let offset = work.tscOffset { try vcpu.setTSCOffset(offset) }
            return vcpu
        } catch {
            throw .kvm(error)
        }
    }
}
