import GuestMemory
import LinuxSystem
import Virtio

/// 64 KiB of guest RAM whose first bytes are the input; made once and overwritten, so that a run costs microseconds.
private let memory: GuestMemory = {
    guard let memory = try? GuestMemory(size: 64 << 10) else { preconditionFailure("no memory for a guest") }
    return memory
}()

private func fill(_ input: ArraySlice<UInt8>) {
    var image = [UInt8](repeating: 0, count: 64 << 10)
    image.replaceSubrange(0..<min(input.count, image.count), with: input.prefix(image.count))
    try? memory.store(bytes: image, at: GuestAddress(0))
}

/// Takes all that the queue holds and answers each chain, at most four queues' worth.
private func drain(_ queue: ValidatedQueue, _ features: VirtioFeatures, isResumed: Bool = false) {
    var ring = SplitQueue(queue, features: features, isResumed: isResumed)
    var budget = 4 * 256
    do throws(VirtioError) {
        while budget > 0, let chain = try ring.next() {
            budget -= 1
            let room = chain.writable.count
            ring.complete(chain, written: room)
            _ = ring.shouldInterrupt()
        }
        _ = try ring.enableNotifications()
    } catch {}
}

/// Three addresses, a size and features, then the memory they point into.
func fuzzSplitQueue(_ input: [UInt8]) {
    guard input.count > 10 else { return }
    func address(_ at: Int) -> GuestAddress { GuestAddress(UInt64(input[at]) << 8 | UInt64(input[at + 1])) }
    var configuration = QueueConfiguration()
    configuration.descriptorTable = address(0)
    configuration.availableRing = address(2)
    configuration.usedRing = address(4)
    configuration.size = UInt32(input[6]) | UInt32(input[7]) << 8
    fill(input[8...])
    let features = input[8] & 1 == 0 ? VirtioFeatures.ofTransport : [.version1]
    if let queue = try? configuration.validated(maximumSize: 256, in: memory) { drain(queue, features) }
}

private final class Drain: DeviceMailbox {
    func activate(_ activation: DeviceActivation) {
        for case let queue? in activation.queues {
            drain(queue, activation.features, isResumed: activation.isResumed)
        }
    }
    func reset() {}
}

private let wires: (InterruptLine, [QueueNotifier]) = {
    guard let line = try? InterruptLine(), let a = try? QueueNotifier(), let b = try? QueueNotifier() else {
        preconditionFailure("no eventfd")
    }
    return (line, [a, b])
}()

/// Sets a fresh device up as a template says its driver had: it is so then, or it was refused.
func setUpFresh(as driver: DriverState, over input: ArraySlice<UInt8>) {
    fill(input)
    let description = DeviceDescription(
        id: driver.device, features: [], queueSizes: [256, 16], configuration: [])
    let transport = MMIOTransport(
        description, memory: memory, interrupt: wires.0, notifiers: wires.1, mailbox: Drain())
    let isSetUp = transport.setUp(driver, isResumed: true)
    precondition(isSetUp == (transport.driverState == driver), "a device that is not what was said")
    transport.remind()
}

/// A sequence of register accesses, six bytes each: offset, width and direction, value.
func fuzzTransport(_ input: [UInt8]) {
    fill(input[...])
    let description = DeviceDescription(
        id: .block, features: [], queueSizes: [256, 16], configuration: [1, 2, 3, 4, 5, 6, 7])
    let transport = MMIOTransport(
        description, memory: memory, interrupt: wires.0, notifiers: wires.1, mailbox: Drain())
    var at = 0
    while at + 6 <= input.count {
        let offset = UInt64(input[at]) | UInt64(input[at + 1] & 0x0F) << 8
        let width = 1 << Int(input[at + 1] >> 4 & 3)
        if input[at + 1] & 0x40 == 0 {
            let value = UInt64(input[at + 2]) | UInt64(input[at + 3]) << 8 | UInt64(input[at + 4]) << 16
            transport.write(offset: offset, width: width, value: value | UInt64(input[at + 5]) << 24)
        } else {
            _ = transport.read(offset: offset, width: width)
        }
        at += 6
    }
}
