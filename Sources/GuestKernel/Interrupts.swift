import GuestNucleus

/// The local APIC and the IOAPIC, written from ring 3 through their memory-mapped registers: about 3 µs a write on a
/// ring-deprivileged KVM, against 15 µs and more for a request to the nucleus.
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

    // SAFETY: see Frames.
    nonisolated(unsafe) private static var handlers: [(() -> Void)?] = []

    /// Fills the IDT, natively, through the window, and switches the LAPIC on.
    static func start(idt: PhysicalAddress) {
        let gates = PhysicalMemory.words(idt)
        withUnsafeBytes(of: nucleus_gates) { raw in
            let addresses = raw.bindMemory(to: UInt64.self)
            for entry in 0..<49 {
                let vector = entry < 32 ? entry : Int(VECTOR_FIRST_INTERRUPT) + entry - 32
                gates[vector * 2] = gate(addresses[entry], fromRing3: entry == 3 || entry == 4)
                gates[vector * 2 + 1] = addresses[entry] >> 32
            }
        }
        handlers = Array(repeating: nil, count: 16)
        switchOn()
    }

    /// The LAPIC is as after a reset, at a boot and in a restored machine.
    static func switchOn() {
        write(.spuriousVector, 0x1FF)
        write(.timerVector, UInt32(VECTOR_TIMER))
        write(.timerDivide, divideByOne)
    }

    /// A 64-bit interrupt gate to the nucleus's code segment. `fromRing3`: `int3` and `into` may name it themselves.
    private static func gate(_ address: UInt64, fromRing3: Bool) -> UInt64 {
        let type: UInt64 = fromRing3 ? 0xEE00 : 0x8E00
        return address & 0xFFFF | UInt64(SWIFTLET_KERNEL_CS) << 16 | type << 32 | (address >> 16 & 0xFFFF)
            << 48
    }

    private static func write(_ register: LAPIC, _ value: UInt32) {
        mmio_write32(lapic + register.rawValue, value)
    }

    /// Routes IOAPIC pin `gsi` to `handler`, edge-triggered. `device`: 0…15.
    static func connect(device: Int, gsi: UInt32, handler: @escaping () -> Void) {
        handlers[device] = handler
        let register = 0x10 + gsi * 2
        mmio_write32(ioapic, register + 1)
        mmio_write32(ioapic + 0x10, 0)  // to APIC 0
        mmio_write32(ioapic, register)
        mmio_write32(ioapic + 0x10, UInt32(VECTOR_DEVICE) + UInt32(device))  // fixed, edge, unmasked
    }

    static func setTimer(nanoseconds: UInt64?) {
        write(.timerInitialCount, nanoseconds.map { UInt32(clamping: max($0, 1)) } ?? 0)
    }

    static func handle(vector: UInt64) {
        write(.endOfInterrupt, 0)
        if vector == UInt64(VECTOR_TIMER) {
            Timers.fired()
        } else if vector >= UInt64(VECTOR_DEVICE), vector < UInt64(VECTOR_DEVICE) + 16 {
            handlers[Int(vector) - Int(VECTOR_DEVICE)]?()
        }
    }
}

/// The nucleus's frame page, as the kernel sees it.
enum NucleusFrame {
    // SAFETY: see Frames.
    nonisolated(unsafe) static var page = UnsafeMutablePointer<UInt64>(bitPattern: 8)!

    /// The address space the next resume goes to.
    static func setProgramRoot(_ root: PhysicalAddress) {
        page[Int(FRAME_CR3) / 8] = root
    }
}
