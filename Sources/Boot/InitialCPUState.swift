/// The vCPU's state at a kernel's first instruction (docs/machine.md). Plain values; `Machine` hands them to KVM. What
/// is not here is as after a reset, or zero.
public struct InitialCPUState: Sendable {
    public struct Table: Sendable {
        public var base: UInt64
        public var limit: UInt16
    }

    public enum CodeSize: Sendable { case bits32, bits64 }

    public var instructionPointer: UInt64
    /// RDI, RSI, RBX: where the kernel finds what it is told.
    public var rdi: UInt64 = 0
    public var rsi: UInt64 = 0
    public var rbx: UInt64 = 0
    /// RFLAGS: only the bit that is always one. Interrupts are masked.
    public var flags: UInt64 = 0x2
    public var cr0, cr3, cr4, efer: UInt64
    /// Of the code segment. Privilege levels are those of the selectors.
    public var codeSize: CodeSize
    public var codeSelector, dataSelector, taskSelector: UInt16
    public var task, gdt, idt: Table
    public var msrs: [(index: UInt32, value: UInt64)] = []
    /// Whether XCR0 allows all that CPUID does; else x87 alone, as after a reset.
    public var hasExtendedState = false
}
