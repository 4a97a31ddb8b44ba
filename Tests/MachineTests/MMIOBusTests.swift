import Synchronization
import Testing

@testable import Machine

/// Remembers the last write and answers reads with its own number.
private final class Probe: MMIODevice {
    let number: UInt64
    let last = Mutex<(offset: UInt64, length: Int, value: UInt64)?>(nil)

    init(_ number: UInt64) { self.number = number }

    func read(offset: UInt64, length: Int) -> UInt64 { number << 32 | offset }
    func write(offset: UInt64, length: Int, value: UInt64) { last.withLock { $0 = (offset, length, value) } }
}

@Suite struct MMIOBusTests {
    /// Devices 1 at 0x1000…0x1FFF, 2 at 0x2000…0x20FF, 3 at 0x5000…0x5FFF; attached out of order.
    private let probes = [Probe(1), Probe(2), Probe(3)]
    private var bus: MMIOBus {
        var bus = MMIOBus()
        bus.attach(probes[2], at: 0x5000, bytes: 0x1000)
        bus.attach(probes[0], at: 0x1000, bytes: 0x1000)
        bus.attach(probes[1], at: 0x2000, bytes: 0x100)
        return bus
    }

    @Test("an access reaches the device whose range holds it, with the offset in it")
    func dispatch() {
        #expect(bus.read(0x1000, length: 4) == 1 << 32)
        #expect(bus.read(0x1FFC, length: 4) == 1 << 32 | 0xFFC)
        #expect(bus.read(0x2000, length: 1) == 2 << 32)
        bus.write(0x5008, length: 8, value: 0xABCD)
        let last = probes[2].last.withLock { $0 }
        #expect(last?.offset == 8 && last?.length == 8 && last?.value == 0xABCD)
    }

    @Test("HOSTILE 15: where no device is, reads are all ones and writes are lost")
    func nothingThere() {
        for address in [0, 0xFFF, 0x2100, 0x4FFF, 0x6000, .max] as [UInt64] {
            #expect(bus.read(address, length: 4) == .max)
            bus.write(address, length: 4, value: 1)
        }
        for probe in probes { #expect(probe.last.withLock { $0 } == nil) }
    }

    @Test("HOSTILE 2: an access that runs over a device's end reaches none")
    func straddling() {
        #expect(bus.read(0x1FFD, length: 4) == .max)
        #expect(bus.read(0x20FC, length: 8) == .max)
        #expect(bus.read(0x0FFE, length: 4) == .max)
    }
}
