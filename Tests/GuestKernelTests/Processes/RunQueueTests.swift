import Testing

@testable import GuestKernel

extension KernelSuite {
    @Suite(.serialized) struct RunQueueTests {
        private let process: Process

        init() throws {
            try ProgramFixture.start()
            process = try TestProgram().process
        }

        private func thread(_ id: Int32, time: UInt64) -> Thread {
            let thread = Thread(id: id, process: process)
            thread.virtualTime = time
            return thread
        }

        @Test("who has had least is first, equals as they came, whatever order they come in")
        func order() {
            var queue = RunQueue()
            var expected: [(time: UInt64, id: Int32)] = []
            for i in 0..<300 as Range<Int32> {
                let time = UInt64(i) * 7919 % 64
                queue.add(thread(i, time: time))
                expected.append((time, i))
                if i % 3 == 2 {
                    expected.sort { $0 < $1 }
                    #expect(queue.firstTime == expected[0].time)
                    #expect(queue.lastTime == expected.last?.time)
                    #expect(queue.takeFirst()?.id == expected.removeFirst().id)
                }
            }
            expected.sort { $0 < $1 }
            for next in expected { #expect(queue.takeFirst()?.id == next.id) }
            #expect(queue.isEmpty)
            #expect(queue.takeFirst() == nil)
        }

        @Test("of programs' threads none is taken while only the kernel's own may run")
        func kernelThreads() throws {
            var queue = RunQueue()
            for i in 1...9 as ClosedRange<Int32> { queue.add(thread(i, time: UInt64(i))) }
            #expect(queue.takeFirstKernelThread() == nil)
            let kernel = Process(
                id: 0, parent: nil, space: try AddressSpace(), files: FileTable(),
                directories: FileSystemContext())
            for id in 20...21 as ClosedRange<Int32> {
                let own = Thread(id: id, process: kernel)
                own.virtualTime = UInt64(100 - id)
                queue.add(own)
            }
            #expect(queue.takeFirstKernelThread()?.id == 21)
            #expect(queue.takeFirstKernelThread()?.id == 20)
            for i in 1...9 as ClosedRange<Int32> { #expect(queue.takeFirst()?.id == i) }
        }

        @Test("a nice value more is a quarter more of virtual time, one less a fifth less")
        func niceness() {
            #expect(SchedulingParameters().virtualTime(1000) == 1000)
            #expect(SchedulingParameters(nice: 1).virtualTime(1000) == 1250)
            #expect(SchedulingParameters(nice: -1).virtualTime(1000) == 800)
            #expect(SchedulingParameters(nice: 19).virtualTime(1_000_000) / 1_000_000 == 69)
            let idle = SchedulingParameters(policy: SchedulingParameters.idle, nice: -20)
            #expect(idle.virtualTime(1_000_000) > SchedulingParameters(nice: 19).virtualTime(1_000_000))
        }
    }
}
