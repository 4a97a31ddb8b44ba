import CGuestInit
import CSwiftletABI

/// The platform device (docs/machine.md): the log, the panic and the end of the machine, through /dev/mem.
enum Platform {
    /// Reserved for this in the memory map; the tiny kernel has its page table there.
    private static let messagePage = Int(SWIFTLET_KERNEL_PML4)

    // SAFETY: init has one thread; set once, before anything else is done.
    nonisolated(unsafe) private static var registers: UnsafeMutableRawPointer?
    nonisolated(unsafe) private static var message: UnsafeMutableRawPointer?
    nonisolated(unsafe) private static var bootPage: UnsafeMutableRawPointer?

    /// - Parameter memory: /dev/mem.
    static func start(_ memory: borrowing Descriptor) throws(Errno) {
        registers = try map(memory, Int(SWIFTLET_PLATFORM_BASE))
        message = try map(memory, messagePage)
        bootPage = try map(memory, Int(SWIFTLET_BOOT_PAGE))
    }

    /// What this boot, or this restore, was told; once.
    static func takeBootPage() -> BootPage? {
        // SAFETY: the page is reserved for this struct (docs/machine.md) and stays mapped for ever.
        guard let bootPage else { return nil }
        return BootPage(taking: bootPage.assumingMemoryBound(to: swiftlet_boot_page.self))
    }

    /// Asks the host to save the machine. Returns in one that was restored from there, with its boot page.
    static func checkpoint() -> BootPage {
        send([], UInt32(SWIFTLET_PLATFORM_CHECKPOINT))
        memory_changed()
        guard let page = takeBootPage() else { panic(Text.bytes("the host does not save this machine")) }
        return page
    }

    /// One page of the machine's memory.
    private static func map(
        _ memory: borrowing Descriptor, _ address: Int
    ) throws(Errno) -> UnsafeMutableRawPointer? {
        // Readable and writable; shared.
        UnsafeMutableRawPointer(bitPattern: try LinuxCall.mmap(0, 4096, 3, 1, memory.number, address))
    }

    static func log(_ text: [UInt8]) { send(text, UInt32(SWIFTLET_PLATFORM_LOG)) }

    /// Ends the machine in order.
    static func powerOff() -> Never {
        send([], UInt32(SWIFTLET_PLATFORM_POWER_OFF))
        end()
    }

    static func panic(_ text: [UInt8]) -> Never {
        send(text, UInt32(SWIFTLET_PLATFORM_PANIC))
        // Nobody listens there: no swiftlet-vmm, or it could not be reached.
        _ = try? Descriptor(owning: 2).writeAll(text + [UInt8(ascii: "\n")])
        end()
    }

    private static func send(_ text: [UInt8], _ command: UInt32) {
        guard let registers, let message else { return }
        let length = min(text.count, Int(SWIFTLET_PLATFORM_MESSAGE_MAXIMUM))
        for index in 0..<length { message.storeBytes(of: text[index], toByteOffset: index, as: UInt8.self) }
        device_store64(registers + Int(SWIFTLET_PLATFORM_ADDRESS), UInt64(messagePage))
        device_store32(registers + Int(SWIFTLET_PLATFORM_LENGTH), UInt32(length))
        device_store32(registers + Int(SWIFTLET_PLATFORM_COMMAND), command)
    }

    /// Where the device has not: asks the kernel to (and on the host, where init is no process 1, to end this process).
    private static func end() -> Never {
        #if SWIFTLET_GUEST
            _ = try? LinuxCall.reboot(0xfee1_dead, 672_274_793, 0x4321_fedc)
        #endif
        while true { _ = try? LinuxCall.exit_group(1) }
    }
}

/// Init cannot go on: the host hears why, and the machine ends.
func panic(_ what: StaticString, _ error: Errno? = nil, about: [UInt8] = []) -> Never {
    var text = Text.bytes(what)
    if !about.isEmpty { text += Text.bytes(" ") + about }
    if let error { text += Text.bytes(": error ") + Text.decimal(UInt64(error.code)) }
    Platform.panic(text)
}

/// The host broke the protocol: nothing more can be agreed with it.
func protocolError(_ what: StaticString) -> Never {
    Platform.panic(Text.bytes("protocol error: ") + Text.bytes(what))
}

/// Does what must succeed.
/// - Parameter what: how the sentence begins if it does not.
@discardableResult
func must<Result: ~Copyable>(_ what: StaticString, _ body: () throws(Errno) -> Result) -> Result {
    do throws(Errno) {
        return try body()
    } catch {
        panic(what, error)
    }
}
