import Glibc
import GuestMemory
import LinuxSystem
import Virtio
import VirtioDevices

/// One device on a loop of its own, driven from one thread: the input programs its queues and the memory behind them, and
/// the loop turns until it is idle.
///
///     input: | flags 1 B | for each queue: used entries 1 B, 16 × descriptor 6 B | the rest: memory from 0x4000 on |
///
/// A descriptor is `address u16 | length u16 | flags u8 | next u8`; length 0xFFFF stands for the largest there is, an
/// address with its low bits 0xFFFF for one outside memory.
private struct Driver {
    static let queueBytes = 1 + 16 * 6
    static let dataBase = 0x4000
    let memory: GuestMemory
    let queueCount: Int
    var image = [UInt8](repeating: 0, count: 64 << 10)

    mutating func program(queue: Int, _ input: ArraySlice<UInt8>) {
        let base = queue * 0x1000
        let at = input.startIndex
        guard input.count == Self.queueBytes else { return }
        for index in 0..<16 {
            let source = at + 1 + index * 6
            let target = base + index * 16
            let isOutside = input[source] == 0xFF && input[source + 1] == 0xFF
            for byte in 0..<8 {
                image[target + byte] = isOutside ? 0xFF : byte < 2 ? input[source + byte] : 0
            }
            let isHuge = input[source + 2] == 0xFF && input[source + 3] == 0xFF
            for byte in 0..<4 {
                image[target + 8 + byte] = isHuge ? 0xFF : byte < 2 ? input[source + 2 + byte] : 0
            }
            image[target + 12] = input[source + 4]
            image[target + 14] = input[source + 5]
        }
        // The available ring: heads 0, 1, 2 …, as many as the input says.
        let ring = base + 0x400
        image[ring + 2] = input[at]
        for index in 0..<16 { image[ring + 4 + index * 2] = UInt8(index) }
    }

    func start(_ transport: MMIOTransport, features: UInt64) {
        func write(_ register: MMIORegister, _ value: UInt64) {
            transport.write(offset: register.rawValue, width: 4, value: value)
        }
        for status in [0, 1, 3] { write(.status, UInt64(status)) }
        write(.driverFeaturesSelector, 0)
        write(.driverFeatures, features)
        write(.driverFeaturesSelector, 1)
        write(.driverFeatures, 1)
        write(.status, 11)
        for queue in 0..<queueCount {
            write(.queueSelector, UInt64(queue))
            write(.queueSize, 16)
            write(.queueDescriptorLow, UInt64(queue * 0x1000))
            write(.queueDriverLow, UInt64(queue * 0x1000 + 0x400))
            write(.queueDeviceLow, UInt64(queue * 0x1000 + 0x600))
            write(.queueReady, 1)
        }
        write(.status, 15)
    }
}

private let deviceMemory: GuestMemory = {
    guard let memory = try? GuestMemory(size: 64 << 10) else { preconditionFailure("no memory for a guest") }
    return memory
}()

private func drive(_ device: any VirtioDevice, _ input: [UInt8]) {
    let queueCount = device.description.queueSizes.count
    guard input.count > 1 + queueCount * Driver.queueBytes else { return }
    var driver = Driver(memory: deviceMemory, queueCount: queueCount)
    for queue in 0..<queueCount {
        let start = 1 + queue * Driver.queueBytes
        driver.program(queue: queue, input[start..<start + Driver.queueBytes])
    }
    let data = input[(1 + queueCount * Driver.queueBytes)...].prefix(driver.image.count - Driver.dataBase)
    driver.image.replaceSubrange(Driver.dataBase..<Driver.dataBase + data.count, with: data)
    do {
        try deviceMemory.store(bytes: driver.image, at: GuestAddress(0))
        let loop = try DeviceLoop()
        let transport = try loop.attach(device, memory: deviceMemory)
        driver.start(transport, features: input[0] & 1 == 0 ? 3 << 28 : 0)
        for _ in 0..<3 {
            for queue in 0..<queueCount { transport.notifiers[queue].event.signal() }
            _ = try loop.turn(timeoutMilliseconds: 0)
        }
    } catch {
        preconditionFailure("the host's part failed: \(error)")
    }
}

func fuzzBlock(_ input: [UInt8]) {
    guard let file = try? OwnedDescriptor.memoryFile(name: "disk", size: 64 << 10),
        let backend = try? FileBackend(owning: file, readOnly: false)
    else { preconditionFailure("no disk") }
    drive(BlockDevice(backend, identity: "fuzz"), input)
}

func fuzzVsock(_ input: [UInt8]) {
    let device = VsockDevice(guestCID: 3) { _ in }
    do {
        try device.addStream(
            StreamConfiguration(port: 1026, descriptor: .open("/dev/null", flags: O_WRONLY), limit: 1000))
        try device.addStream(StreamConfiguration(port: 1025, descriptor: .open("/dev/zero", flags: O_RDONLY)))
    } catch {
        preconditionFailure("no streams: \(error)")
    }
    drive(device, input)
}

func fuzzEntropy(_ input: [UInt8]) { drive(EntropyDevice(), input) }
func fuzzBalloon(_ input: [UInt8]) { drive(BalloonDevice(), input) }
func fuzzConsole(_ input: [UInt8]) { drive(ConsoleDevice(limit: 1000) { _ in }, input) }
