import GuestMemory
import Virtio

@testable import Machine

private let busMemory: GuestMemory = {
    guard let memory = try? GuestMemory(size: 64 << 10) else { preconditionFailure("no memory for a guest") }
    return memory
}()

private let platformAddress: UInt64 = 0xC000_0000

/// Accesses as exits bring them, near the platform device's page: log, panic, power off.
///
///     input: | accesses: kind 1 B, address, value | …
func fuzzBus(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    let limit = 3000
    guard let mailbox = try? VCPUMailbox() else { preconditionFailure("no eventfd") }
    let platform = PlatformDevice(memory: busMemory, mailbox: mailbox, logLimit: limit)
    var bus = MMIOBus()
    bus.attach(platform, at: platformAddress, bytes: PlatformDevice.bytes)
    var logged = 0
    var ends = 0
    while !input.isEmpty {
        let kind = input.byte()
        let length = kind & 0x80 == 0 ? [4, 8, 4, 1][Int(kind & 3)] : Int(kind & 7) + 1
        let register: UInt64 = kind & 4 == 0 ? UInt64(kind >> 3 & 3) * 4 : input.number()
        let address = kind & 0x40 == 0 ? platformAddress &+ register : register
        if kind & 0x20 != 0 {
            let value = bus.read(address, length: length)
            precondition(value == 0 || value == .max, "a write-only device gave \(value)")
        } else {
            bus.write(address, length: length, value: input.number())
        }
        for message in mailbox.take() {
            switch message {
            case .log(let text): logged += text.count
            case .release: preconditionFailure("no machine is saved here")
            case .ended(_, let text):
                ends += 1
                precondition(text.count <= 1024, "a message of \(text.count) bytes")
            case .entering: preconditionFailure("nobody entered")
            case .probe: preconditionFailure("there is no probe")
            }
        }
        precondition(logged <= limit && ends <= 1, "\(logged) bytes of log, \(ends) ends")
        precondition(platform.hasEnded == (ends == 1), "an end that was not told")
    }
}
