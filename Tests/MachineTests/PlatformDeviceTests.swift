import CSwiftletABI
import GuestMemory
import JobWire
import Testing

@testable import Machine

@Suite struct PlatformDeviceTests {
    private let memory: GuestMemory
    private let mailbox: VCPUMailbox
    private let device: PlatformDevice

    init() throws {
        memory = try GuestMemory(size: 1 << 20)
        mailbox = try VCPUMailbox()
        device = PlatformDevice(memory: memory, mailbox: mailbox, logLimit: 2000)
    }

    /// Sends a message as the guest kernel does: address, length, command.
    private func send(_ command: Int32, address: UInt64, length: UInt64) {
        device.write(offset: UInt64(SWIFTLET_PLATFORM_ADDRESS), length: 8, value: address)
        device.write(offset: UInt64(SWIFTLET_PLATFORM_LENGTH), length: 4, value: length)
        device.write(offset: UInt64(SWIFTLET_PLATFORM_COMMAND), length: 4, value: UInt64(command))
    }

    private func logs() -> [[UInt8]] {
        mailbox.take().compactMap { if case .log(let text) = $0 { text } else { nil } }
    }

    @Test("a log message arrives as it was when the command was written")
    func log() throws {
        try memory.store(bytes: Array("hello\n".utf8), at: GuestAddress(0x5000))
        send(SWIFTLET_PLATFORM_LOG, address: 0x5000, length: 6)
        #expect(logs() == [Array("hello\n".utf8)])
        #expect(!device.hasEnded)
    }

    @Test("HOSTILE 15: a message is at most 1,024 bytes, all messages together at most the log limit")
    func bounds() {
        send(SWIFTLET_PLATFORM_LOG, address: 0, length: .max & 0xFFFF_FFFF)
        send(SWIFTLET_PLATFORM_LOG, address: 0, length: 1025)
        send(SWIFTLET_PLATFORM_LOG, address: 0, length: 1025)
        #expect(logs().map(\.count) == [1024, 976])
    }

    @Test("HOSTILE 15: a message that is not all in RAM is none")
    func outsideRAM() {
        for address in [(1 << 20) - 1, 1 << 20, 0xC000_0000, .max] as [UInt64] {
            send(SWIFTLET_PLATFORM_LOG, address: address, length: 2)
        }
        #expect(logs().isEmpty)
    }

    @Test("HOSTILE 15: a panic ends the machine with its message, even if the message is nowhere")
    func panic() {
        send(SWIFTLET_PLATFORM_PANIC, address: .max, length: 5)
        #expect(device.hasEnded)
        guard case .ended(.guestPanic, let text) = mailbox.take().first else {
            Issue.record("no end")
            return
        }
        #expect(text.isEmpty)
    }

    @Test("the first end counts")
    func twoEnds() {
        send(SWIFTLET_PLATFORM_POWER_OFF, address: 0, length: 0)
        send(SWIFTLET_PLATFORM_PANIC, address: 0, length: 0)
        let messages = mailbox.take()
        #expect(messages.count == 1)
        guard case .ended(.poweredOff, _) = messages.first else {
            Issue.record("not powered off")
            return
        }
    }

    @Test("HOSTILE 17: only a machine that is to be saved ends with a checkpoint")
    func checkpoint() {
        send(SWIFTLET_PLATFORM_CHECKPOINT, address: 0, length: 0)
        #expect(!device.hasEnded)
        #expect(mailbox.take().isEmpty)
        let saved = PlatformDevice(memory: memory, mailbox: mailbox, logLimit: 0, checkpoint: .savesMemory)
        saved.write(
            offset: UInt64(SWIFTLET_PLATFORM_COMMAND), length: 4, value: UInt64(SWIFTLET_PLATFORM_CHECKPOINT))
        #expect(saved.hasEnded)
        guard case .ended(.checkpointed, _) = mailbox.take().first else {
            Issue.record("not ended by its checkpoint")
            return
        }
    }

    @Test("HOSTILE 15: odd widths, odd offsets, unknown commands and reads do nothing")
    func nonsense() {
        for offset in 0..<UInt64(64) {
            for length in [1, 2, 4, 8] where !(offset == 0x0C && length == 4) {
                device.write(offset: offset, length: length, value: 3)
            }
            #expect(device.read(offset: offset, length: 4) == 0)
        }
        send(0, address: 0, length: 0)
        send(99, address: 0, length: 0)
        #expect(mailbox.take().isEmpty)
        #expect(!device.hasEnded)
    }
}
