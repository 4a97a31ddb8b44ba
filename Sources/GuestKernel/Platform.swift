import GuestNucleus

/// The platform device: log, panic and power off (docs/machine.md).
enum Platform {
    private static func command(_ number: Int32, _ bytes: UnsafeRawBufferPointer) {
        #if SWIFTLET_GUEST
        let device = PhysicalMemory.physmap + UInt64(SWIFTLET_PLATFORM_BASE)
        if let start = bytes.baseAddress, bytes.count > 0 {
            mmio_write64(device + UInt64(SWIFTLET_PLATFORM_ADDRESS), Platform.physical(start))
            mmio_write32(
                device + UInt64(SWIFTLET_PLATFORM_LENGTH),
                UInt32(min(bytes.count, Int(SWIFTLET_PLATFORM_MESSAGE_MAXIMUM))))
        }
        mmio_write32(device + UInt64(SWIFTLET_PLATFORM_COMMAND), UInt32(number))
        #endif
    }

    // SAFETY: see Frames. Messages go out from here, because a message may lie on a stack or in the kernel's image, which
    // the physical window shows elsewhere.
    nonisolated(unsafe) private static var buffer: UnsafeMutableRawPointer?

    private static func physical(_ start: UnsafeRawPointer) -> PhysicalAddress {
        PhysicalMemory.address(of: start)
    }

    static func start() throws(Errno) {
        buffer = PhysicalMemory.pointer(try Frames.allocate(forKernel: true))
    }

    private static func send(_ number: Int32, _ bytes: UnsafeRawBufferPointer) {
        guard let buffer, let start = bytes.baseAddress else {
            return command(number, UnsafeRawBufferPointer(start: nil, count: 0))
        }
        let count = min(bytes.count, Int(SWIFTLET_PLATFORM_MESSAGE_MAXIMUM))
        wide_copy(buffer, start, UInt64(count))
        command(number, UnsafeRawBufferPointer(start: buffer, count: count))
    }

    static func log(_ text: PanicText) { text.withBytes { send(SWIFTLET_PLATFORM_LOG, $0) } }

    static func log(_ text: StaticString) {
        send(
            SWIFTLET_PLATFORM_LOG,
            UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    static func panic(_ text: PanicText) -> Never {
        text.withBytes { send(SWIFTLET_PLATFORM_PANIC, $0) }
        while true { cpu_pause() }
    }

    /// Saves the machine and ends it. Returns in a machine restored from it, with its boot page; nil: the host saves nothing.
    static func checkpoint() -> UnsafeMutablePointer<swiftlet_boot_page>? {
        let device = PhysicalMemory.physmap + UInt64(SWIFTLET_PLATFORM_BASE)
        return kernel_checkpoint(
            device + UInt64(SWIFTLET_PLATFORM_COMMAND), UInt32(SWIFTLET_PLATFORM_CHECKPOINT))
    }

    static func powerOff() -> Never {
        command(SWIFTLET_PLATFORM_POWER_OFF, UnsafeRawBufferPointer(start: nil, count: 0))
        while true { cpu_pause() }
    }
}

/// The kernel cannot go on: reported to the host, where it becomes the verdict `guest_panic`.
func panic(_ message: StaticString) -> Never {
    #if SWIFTLET_GUEST
    var text = PanicText()
    text.add(message)
    Platform.panic(text)
    #else
    fatalError()
    #endif
}

/// A line put together without the heap, for the worst moments.
struct PanicText {
    private var bytes = InlineArray<256, UInt8>(repeating: 0)
    private var count = 0

    mutating func add(_ text: StaticString) {
        let source = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        for byte in source { add(byte: byte) }
    }

    mutating func add(_ text: [UInt8]) {
        for byte in text { add(byte: byte) }
    }

    mutating func add(byte: UInt8) {
        if count < 256 {
            bytes[count] = byte
            count += 1
        }
    }

    mutating func add(hex value: UInt64) {
        add("0x")
        var shift: UInt64 = value == 0 ? 4 : UInt64(64 - value.leadingZeroBitCount + 3) / 4 * 4
        while shift > 0 {
            shift -= 4
            let digit = UInt8(value >> shift & 15)
            add(byte: digit < 10 ? 48 + digit : 87 + digit)
        }
    }

    mutating func add(decimal value: Int) {
        if value < 0 { add("-") }
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var rest = value.magnitude
        var n = 0
        repeat {
            digits[n] = 48 + UInt8(rest % 10)
            rest /= 10
            n += 1
        } while rest > 0
        while n > 0 {
            n -= 1
            add(byte: digits[n])
        }
    }

    func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        withUnsafeBytes(of: bytes) { body(UnsafeRawBufferPointer(rebasing: $0[0..<count])) }
    }
}
