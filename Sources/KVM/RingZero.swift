import CLinux
import LinuxSystem
import SystemPackage

/// What becomes of a guest's ring-0 code on this KVM. An unmodified Linux needs `native`; the tiny kernel keeps out of ring 0
/// and runs on either.
public enum RingZero: Equatable, Sendable {
    /// The processor executes it.
    case native
    /// KVM's instruction emulator executes it, and gives up at the first x87, SSE or XSAVE instruction.
    case interpreted
    /// Neither: the trial ended like this.
    case unclear(VCPUExit)

    /// `fldz; fstp %st(0); hlt`. In real mode, which is privilege level 0 with nothing to set up; KVM's emulator knows `hlt`
    /// and a few x87 instructions (`fninit`, `fnstcw`, `fnstsw`), but none that computes.
    fileprivate static let trial: [UInt8] = [0xD9, 0xEE, 0xDD, 0xD8, 0xF4]
}

extension KVMSystem {
    /// Finds out by running three instructions in a VM of their own. CPUID does not tell: a hypervisor below may hide VMX
    /// from a processor that KVM uses it on, and show it where KVM does not.
    ///
    /// The whole of a refused `swiftlet run` takes 3 ms: little, but too much for each job.
    public func ringZero() throws(KVMError) -> RingZero {
        let memory: Mapping
        do throws(Errno) {
            memory = try Mapping(anonymous: RingZero.trialMemoryBytes)
        } catch {
            throw .call(.setUserMemoryRegion, error)
        }
        // SAFETY: the mapping is this function's own, longer than the program, and no vCPU runs yet.
        memory.baseAddress.copyMemory(from: RingZero.trial, byteCount: RingZero.trial.count)
        let vm = try makeVM()
        try vm.setTSSAddress(RingZero.trialTSSAddress)
        try vm.setIdentityMapAddress(RingZero.trialIdentityMapAddress)
        try vm.setMemory(
            slot: 0, guest: 0, bytes: UInt64(memory.count), host: UInt(bitPattern: memory.baseAddress))
        // No irqchip: so `hlt` exits.
        let vcpu = try vm.makeVCPU(index: 0)
        var special = try vcpu.specialRegisters()  // those of a reset: real mode, CR0.EM and CR0.TS clear
        special.cs.base = 0
        special.cs.selector = 0
        try vcpu.setSpecialRegisters(special)
        var general = kvm_regs()
        general.rflags = 2
        try vcpu.setRegisters(general)
        let outcome = try RingZero(trialOf: vcpu)
        // The VM ends before its memory does.
        withExtendedLifetime(memory) {}
        return outcome
    }
}

extension RingZero {
    fileprivate static let trialMemoryBytes = 4096
    /// Three pages, and one, where the guest has no memory: what Intel CPUs without "unrestricted guest" want for real mode.
    fileprivate static let trialTSSAddress: UInt32 = 0xFFFB_D000
    fileprivate static let trialIdentityMapAddress: UInt64 = 0xFFFB_C000

    fileprivate init(trialOf vcpu: borrowing VCPU) throws(KVMError) {
        while true {
            switch try vcpu.run() {
            case .interrupted, .again: continue
            case .halted: self = .native
            case .internalError: self = .interpreted
            case let other: self = .unclear(other)
            }
            return
        }
    }
}
