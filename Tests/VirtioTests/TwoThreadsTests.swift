import CLinux
import Glibc
import GuestMemory
import LinuxSystem
import Synchronization
import SystemPackage
import Testing
import Virtio
import VirtioDevices

/// Driver and device on two threads, as vCPU and device loop are, with event indices: each side sleeps whenever the other
/// has nothing for it, so that a notification or an interrupt that is lost hangs the test.
@Suite struct TwoThreadsTests {
    private static let rounds = 50_000

    /// What a driver may rely on (virtio 1.2 §2.7.13.4): kick only if the device asked.
    private final class Driver {
        let bench: DeviceBench
        let queue: GuestDriverQueue
        init(_ bench: DeviceBench) {
            self.bench = bench
            queue = bench.queues[0]
        }

        func notifyIfWanted(old: UInt16) throws {
            atomicMemoryFence(ordering: .sequentiallyConsistent)
            let event = try queue.availableEvent()
            let new = queue.availableIndex
            if (new &- event &- 1) < (new &- old) { bench.write(.queueNotify, 0) }
        }

        /// Sleeps until the device has used something beyond `seen`.
        func wait(seen: UInt16) throws {
            while true {
                try queue.setUsedEvent(seen)
                atomicMemoryFence(ordering: .sequentiallyConsistent)
                if try queue.usedIndex() != seen { return }
                let event = bench.transport.interrupt.event.descriptor
                // Ten seconds for what takes microseconds: a lost wake-up, and not a slow machine.
                guard linux_poll(event.rawValue, CInt(POLLIN), 10_000) != 0 else { throw Lost() }
                bench.transport.interrupt.event.drain()
            }
        }

        struct Lost: Error {}
    }

    @Test("no notification and no interrupt is lost in fifty thousand sleeps of both sides")
    func noLostWakeUp() throws {
        let bench = try DeviceBench(EntropyDevice())
        try bench.start([.version1, .eventIndex])
        let loop = bench.loop
        let thread = try Thread(name: "device loop") { try? loop.run() }
        let driver = Driver(bench)
        var failure: (any Error)?
        do {
            for round in 0..<Self.rounds {
                let old = driver.queue.availableIndex
                // One, two or three at once, so that batches of the two sides meet in every way.
                for _ in 0...(round % 3) { try driver.queue.add([.writable(DeviceBench.dataBase, 8)]) }
                try driver.notifyIfWanted(old: old)
                var seen = try driver.queue.usedIndex()
                while seen != driver.queue.availableIndex {
                    try driver.wait(seen: seen)
                    seen = try driver.queue.usedIndex()
                }
                _ = try driver.queue.takeUsed()
            }
        } catch {
            failure = error
        }
        loop.stop()
        thread.join()
        #expect(failure == nil)
        #expect(bench.failures.errors == [])
    }
}
