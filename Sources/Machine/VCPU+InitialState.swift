import Boot
import CLinux
import KVM

extension VCPU {
    /// Puts the vCPU where `state` says, before its first run. CPUID first: KVM checks CR4, EFER and XCR0 against it.
    func set(_ state: InitialCPUState, cpuid: CPUIDTable) throws(KVMError) {
        try setCPUID(cpuid)
        var special = try specialRegisters()  // keeps the APIC base
        special.cr0 = state.cr0
        special.cr3 = state.cr3
        special.cr4 = state.cr4
        special.efer = state.efer
        special.cs = .code(selector: state.codeSelector, size: state.codeSize)
        let data = kvm_segment.data(selector: state.dataSelector)
        special.ss = data
        special.ds = data
        special.es = data
        special.fs = data
        special.gs = data
        special.tr = .task(selector: state.taskSelector, base: state.task.base, limit: state.task.limit)
        special.ldt = .none
        special.gdt = kvm_dtable(base: state.gdt.base, limit: state.gdt.limit, padding: (0, 0, 0))
        special.idt = kvm_dtable(base: state.idt.base, limit: state.idt.limit, padding: (0, 0, 0))
        try setSpecialRegisters(special)
        if state.hasExtendedState { try setXCR0(cpuid.supportedXCR0) }
        try setMSRs(state.msrs)
        var general = kvm_regs()
        general.rip = state.instructionPointer
        general.rdi = state.rdi
        general.rsi = state.rsi
        general.rbx = state.rbx
        general.rflags = state.flags
        try setRegisters(general)
    }
}

/// Segment registers as the CPU would have loaded them from the GDT (Intel SDM vol. 3A §3.4.5).
extension kvm_segment {
    /// Execute/read, accessed, at the selector's privilege level.
    fileprivate static func code(selector: UInt16, size: InitialCPUState.CodeSize) -> kvm_segment {
        var segment = flat(selector: selector, type: 11)
        switch size {
        case .bits32: segment.db = 1
        case .bits64: segment.l = 1
        }
        return segment
    }

    /// Read/write, accessed.
    fileprivate static func data(selector: UInt16) -> kvm_segment {
        var segment = flat(selector: selector, type: 3)
        segment.db = 1
        return segment
    }

    /// A busy 64-bit TSS.
    fileprivate static func task(selector: UInt16, base: UInt64, limit: UInt16) -> kvm_segment {
        var segment = kvm_segment()
        segment.base = base
        segment.limit = UInt32(limit)
        segment.selector = selector
        segment.type = 11
        segment.present = 1
        return segment
    }

    fileprivate static var none: kvm_segment {
        var segment = kvm_segment()
        segment.unusable = 1
        return segment
    }

    private static func flat(selector: UInt16, type: UInt8) -> kvm_segment {
        var segment = kvm_segment()
        segment.limit = .max
        segment.selector = selector
        segment.type = type
        segment.present = 1
        segment.dpl = UInt8(selector & 3)
        segment.s = 1
        segment.g = 1
        return segment
    }
}
