import GuestNucleus
import Testing

@testable import GuestKernel

extension KernelSuite {
    struct VirtqueueTests {
        @Test("an event index is crossed exactly when the counter passes it, across the wrap too")
        func eventIndex() {
            #expect(Virtqueue.crosses(0, from: 0, to: 1))
            #expect(!Virtqueue.crosses(1, from: 0, to: 1))
            #expect(Virtqueue.crosses(3, from: 2, to: 7))
            #expect(!Virtqueue.crosses(7, from: 2, to: 7))
            #expect(!Virtqueue.crosses(1, from: 2, to: 7))
            #expect(Virtqueue.crosses(0xFFFF, from: 0xFFFE, to: 1))
            #expect(!Virtqueue.crosses(1, from: 0xFFFE, to: 1))
        }

        private func make() throws -> (Virtqueue, FakeQueue) {
            let device = try FakeDevice(.entropy, queueCount: 1, configuration: 0)
            let notify = PhysicalMemory.physmap + device.entry.mmio
            return (Virtqueue(index: 0, page: device.entry.queues, notifyRegister: notify), device.queues[0])
        }

        @Test("the device is notified when it asked for it, and once for a batch")
        func notification() throws {
            let (driver, device) = try make()
            driver.add(head: 0)
            driver.add(head: 1)
            driver.publish()
            #expect(driver.notifications == 1)
            // avail_event still names entry 0: the device is busy and will look by itself.
            driver.add(head: 2)
            driver.publish()
            #expect(driver.notifications == 1)
            device.requestNotification(after: 3)
            driver.add(head: 3)
            driver.publish()
            driver.publish()
            #expect(driver.notifications == 2)
        }

        @Test("nothing is shown to the device before publish")
        func batches() throws {
            let (driver, device) = try make()
            driver.setDescriptor(5, address: 0x1000, length: 10)
            driver.add(head: 5)
            #expect(device.next() == nil)
            driver.publish()
            #expect(device.next()?.head == 5)
        }

        @Test(
            "no interrupt is asked for until somebody waits, and waiting is refused when something has come")
        func interrupts() throws {
            let (driver, device) = try make()
            #expect(device.usedEvent == 0xFFFF)
            driver.setDescriptor(5, address: 0x1000, length: 10)
            driver.add(head: 5)
            driver.publish()
            #expect(driver.requestInterrupt())
            #expect(device.usedEvent == 0)
            device.complete(try #require(device.next()), written: 7)
            #expect(!driver.requestInterrupt())
            let used = try #require(driver.takeUsed())
            #expect(used.head == 5 && used.length == 7)
            #expect(driver.takeUsed() == nil)
            #expect(driver.requestInterrupt())
            #expect(device.usedEvent == 1)
        }

        @Test("a queue works across the wrap of its 16-bit indices")
        func wrap() throws {
            let (driver, device) = try make()
            for round in 0..<70_000 {
                let head = UInt16(round % 128)
                driver.setDescriptor(head, address: 0x1000, length: 1)
                driver.add(head: head)
                driver.publish()
                let chain = try #require(device.next())
                device.complete(chain)
                #expect(driver.takeUsed()?.head == head)
            }
        }
    }
}

extension FakeQueue.Chain: Equatable {
    public static func == (a: Self, b: Self) -> Bool { a.head == b.head }
}
