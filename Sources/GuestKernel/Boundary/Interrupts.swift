import GuestNucleus

/// The interrupt descriptor table, the local APIC and the IOAPIC. The APICs are written from ring 3 through their mapped
/// registers: about 3 µs a write on a ring-deprivileged KVM, against 15 µs and more for a request to the nucleus.
enum Interrupts {
    private enum LAPIC: UInt64 {
        case endOfInterrupt = 0x0B0
        case spuriousVector = 0x0F0
        case timerVector = 0x320
        case timerInitialCount = 0x380
        case timerDivide = 0x3E0
    }

    private static var lapic: UInt64 { PhysicalMemory.physmap + UInt64(SWIFTLET_LAPIC_BASE) }
    private static var ioapic: UInt64 { PhysicalMemory.physmap + UInt64(SWIFTLET_IOAPIC_BASE) }
    /// KVM's APIC timer counts nanoseconds (APIC_BUS_CYCLE_NS 1) when the divisor is 1.
    private static let divideByOne: UInt32 = 0b1011
    /// The last of the devices' vectors, which all devices from its own on share.
    private static let lastDevice = Int(INTERRUPT_VECTORS) - 2

    // SAFETY: see Frames. By vector; what shares one is called in turn.
    nonisolated(unsafe) private static var handlers: [[() -> Void]] = []

    /// Fills the IDT, natively, through the window, and switches the LAPIC on.
    static func start(idt: PhysicalAddress) {
        let gates = PhysicalMemory.words(idt)
        fillExceptions(gates)
        fillNucleus(gates)
        switchOn()
    }

    private static func fillExceptions(_ gates: UnsafeMutablePointer<UInt64>) {
        withUnsafeBytes(of: exception_entries) { raw in
            let entries = raw.bindMemory(to: UInt64.self)
            for vector in 0..<Int(EXCEPTION_VECTORS) {
                // `int3` and `into` may name theirs themselves.
                let isOpen = vector == 3 || vector == 4
                put(Gate(entries[vector], .ring3(stack: UInt64(IST_THREAD), isOpen: isOpen)), vector, gates)
            }
        }
    }

    private static func fillNucleus(_ gates: UnsafeMutablePointer<UInt64>) {
        withUnsafeBytes(of: nucleus_gates) { raw in
            let entries = raw.bindMemory(to: UInt64.self)
            let divideError = Int(ExceptionVector.divideError.rawValue)
            put(Gate(entries[0], .ring0(stack: UInt64(IST_REQUEST))), divideError, gates)
            let pageFault = Int(ExceptionVector.pageFault.rawValue)
            put(Gate(entries[1], .ring0(stack: UInt64(IST_THREAD))), pageFault, gates)
            for i in 0..<Int(INTERRUPT_VECTORS) {
                put(Gate(entries[2 + i], .ring0(stack: 0)), Int(VECTOR_FIRST_INTERRUPT) + i, gates)
            }
        }
    }

    private static func put(_ gate: Gate, _ vector: Int, _ gates: UnsafeMutablePointer<UInt64>) {
        gates[vector * 2] = gate.low
        gates[vector * 2 + 1] = gate.high
    }

    /// A 64-bit gate (AMD64 APM vol. 2 §8.9.1).
    private struct Gate {
        enum Kind {
            /// An interrupt gate: the nucleus runs with interrupts masked, until its `iretq`.
            case ring0(stack: UInt64)
            /// A trap gate: ring 3 could not unmask them. `isOpen`: programs may name it.
            case ring3(stack: UInt64, isOpen: Bool)
        }

        let low: UInt64
        let high: UInt64

        init(_ address: UInt64, _ kind: Kind) {
            let selector: UInt64
            let type: UInt64
            switch kind {
            case .ring0(let stack):
                selector = UInt64(SWIFTLET_KERNEL_CS)
                type = 0x8E00 | stack
            case .ring3(let stack, let isOpen):
                selector = UInt64(SWIFTLET_USER_CS)
                type = (isOpen ? 0xEF00 : 0x8F00) | stack
            }
            low = address & 0xFFFF | selector << 16 | type << 32 | (address >> 16 & 0xFFFF) << 48
            high = address >> 32
        }
    }

    /// The LAPIC is as after a reset, at a boot and in a restored machine.
    static func switchOn() {
        processor().pointee.pending_interrupt = 0
        handlers = Array(repeating: [], count: lastDevice + 1)
        write(.spuriousVector, 0x1FF)
        write(.timerVector, UInt32(VECTOR_TIMER))
        write(.timerDivide, divideByOne)
    }

    private static func write(_ register: LAPIC, _ value: UInt32) {
        mmio_write32(lapic + register.rawValue, value)
    }

    /// Routes IOAPIC pin `gsi` to `handler`, edge-triggered. `device`: 0…15.
    static func connect(device: Int, gsi: UInt32, handler: @escaping () -> Void) {
        let place = min(device, lastDevice)
        handlers[place].append(handler)
        let register = 0x10 + gsi * 2
        mmio_write32(ioapic, register + 1)
        mmio_write32(ioapic + 0x10, 0)  // to APIC 0
        mmio_write32(ioapic, register)
        mmio_write32(ioapic + 0x10, UInt32(VECTOR_DEVICE) + UInt32(place))  // fixed, edge, unmasked
    }

    static func setTimer(nanoseconds: UInt64?) {
        write(.timerInitialCount, nanoseconds.map { UInt32(clamping: max($0, 1)) } ?? 0)
    }

    static func handle(vector: UInt32) {
        write(.endOfInterrupt, 0)
        if vector == UInt32(VECTOR_TIMER) {
            Timers.fired()
        } else if vector >= UInt32(VECTOR_DEVICE), Int(vector) - Int(VECTOR_DEVICE) < handlers.count {
            for handler in handlers[Int(vector) - Int(VECTOR_DEVICE)] { handler() }
        }
    }
}
