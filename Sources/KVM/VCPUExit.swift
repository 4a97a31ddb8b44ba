/// Why KVM_RUN came back. (struct kvm_run, api.rst §5)
public enum VCPUExit: Equatable, Sendable {
    /// The guest reads `length` (1…8) bytes where no memory is; answer with `VCPU.answerRead` before the next run.
    case mmioRead(address: UInt64, length: Int)
    /// `value` holds the `length` (1…8) bytes written, the lowest address in its lowest byte.
    case mmioWrite(address: UInt64, length: Int, value: UInt64)
    /// `count` items of `length` (1, 2 or 4) bytes: answer with `VCPU.answerPortRead`, ask for them with
    /// `VCPU.writtenPortBytes`.
    case portRead(port: UInt16, length: Int, count: Int)
    case portWrite(port: UInt16, length: Int, count: Int)
    /// HLT, where the interrupt controller is not in the kernel.
    case halted
    /// A triple fault, or the CPU's own shutdown state.
    case shutdown
    /// KVM's instruction emulator gave up; `instruction` if it said at which bytes.
    case internalError(suberror: UInt32, instruction: [UInt8])
    /// The hardware refused to enter the guest.
    case failedEntry(reason: UInt64)
    /// KVM_SYSTEM_EVENT_*: the guest asked the hypervisor for a shutdown, reset or crash.
    case systemEvent(type: UInt32)
    /// A signal came; run again.
    case interrupted
    /// KVM_RUN said EAGAIN: the vCPU waits to be started, or the kernel could not start what it needs.
    case again
    /// Anything this VMM does not ask KVM for.
    case unknown(reason: UInt32)
}
