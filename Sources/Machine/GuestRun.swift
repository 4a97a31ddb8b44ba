import JobWire
import KVM
import LinuxSystem

/// What each of a guest's processors meets outside it.
struct GuestRun: Sendable {
    let bus: MMIOBus
    let platform: PlatformDevice
    /// The only device with ports; nil: there is none.
    let serial: SerialPort?
    let counters: MachineCounters
    let mailbox: VCPUMailbox
    /// Of the first processor of a machine that becomes a template.
    var saver: MachineSaver?

    private struct End {
        let cause: MachineEvent.EndCause
        let message: String
    }

    /// Runs the guest on `vcpu` to its end, and tells it, unless the platform device has.
    func run(_ vcpu: borrowing VCPU) {
        let end = runToEnd(vcpu)
        serial?.flush()
        if let end { mailbox.post(.ended(end.cause, Array(end.message.utf8))) }
    }

    /// nil: the platform device has told the end already.
    private func runToEnd(_ vcpu: borrowing VCPU) -> End? {
        var patience = Self.patience
        while true {
            let exit: VCPUExit
            do throws(KVMError) { exit = try vcpu.run() } catch {
                return End(cause: .vmmError, message: error.description)
            }
            counters.exits.count()
            switch exit {
            case .mmioWrite(let address, let length, let value):
                counters.mmioExits.count()
                bus.write(address, length: length, value: value)
                if platform.hasEnded { return nil }
                if let saver, platform.isCheckpointDue {
                    if let failure = saver.save(vcpu) { return End(cause: .vmmError, message: failure) }
                    return End(cause: .checkpointed, message: "")
                }
            case .mmioRead(let address, let length):
                counters.mmioExits.count()
                vcpu.answerRead(bus.read(address, length: length))
            case .portRead(let port, _, _):
                counters.portExits.count()
                // Where no device is, all ones.
                vcpu.answerPortRead(SerialPort.ports.contains(port) ? serial?.read(port) ?? 0xFF : 0xFF)
            case .portWrite(let port, _, _):
                counters.portExits.count()
                if let serial, SerialPort.ports.contains(port) {
                    for byte in vcpu.writtenPortBytes() { serial.write(port, byte) }
                }
            case .interrupted:
                counters.interruptedRuns.count()
            case .again:
                // A vCPU that waits for a start-up interrupt waits in the kernel; so many in a row are something else.
                patience -= 1
                guard patience > 0 else { return End(cause: .vmmError, message: Self.refusal) }
            case .halted:
                counters.haltExits.count()
                return End(
                    cause: .kvmInternalError, message: "HLT came out of KVM, whose irqchip should take it")
            case .shutdown:
                return End(cause: .tripleFault, message: "triple fault\(place(of: vcpu))")
            case .internalError(let suberror, let instruction):
                let bytes = instruction.map { hexadecimal(UInt64($0)) }.joined(separator: " ")
                return End(
                    cause: .kvmInternalError,
                    message:
                        "KVM_EXIT_INTERNAL_ERROR \(suberror)\(place(of: vcpu)), instruction bytes: \(bytes)")
            case .failedEntry(let reason):
                return End(
                    cause: .kvmInternalError,
                    message: "KVM_EXIT_FAIL_ENTRY 0x\(hexadecimal(reason))\(place(of: vcpu))")
            case .systemEvent(let type):
                return End(cause: .kvmInternalError, message: "KVM_EXIT_SYSTEM_EVENT \(type)")
            case .unknown(let reason):
                return End(cause: .kvmInternalError, message: "KVM exit reason \(reason) is not ours")
            }
        }
    }

    private static let patience = 1000
    private static let refusal =
        "KVM_RUN: EAGAIN again and again; the host's kernel may not start its own task for this VM: is the "
        + "limit of processes (ulimit -u, pids.max) reached?"

    /// Where the vCPU stood, for whoever debugs a kernel.
    private func place(of vcpu: borrowing VCPU) -> String {
        do throws(KVMError) {
            let general = try vcpu.registers()
            let special = try vcpu.specialRegisters()
            return " at cs:rip \(hexadecimal(UInt64(special.cs.selector))):0x\(hexadecimal(general.rip)), "
                + "rsp 0x\(hexadecimal(general.rsp)), cr2 0x\(hexadecimal(special.cr2)), "
                + "cr3 0x\(hexadecimal(special.cr3)), rflags 0x\(hexadecimal(general.rflags))"
        } catch {
            return ""
        }
    }

    private func hexadecimal(_ value: UInt64) -> String { String(value, radix: 16) }
}
