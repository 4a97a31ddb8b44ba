import CLinux
import Glibc
import JobWire
import LinuxSystem
import Synchronization
import SystemPackage
import Testing

@testable import JobRunner

/// Prepared machines, on fake ones.
@Suite struct ShellPoolTests {
    @Test("each job has a machine of its own: what a job has used is never given again")
    func machinesAreUsedOnce() throws {
        let bench = try Bench { $0.succeedWhenAsked() }
        let pool = try bench.pool(size: 1)
        for _ in 0..<3 {
            try bench.waitUntilReady(pool, 1)
            let result = try bench.runner.run(
                bench.request(), begun: monotonicNanoseconds(), machines: pool)
            #expect(result.verdict.status == 0, "\(result.verdict)")
            #expect(result.timeline.isPrepared)
        }
        pool.close()
        #expect(bench.jobs == [1, 1, 1])
        bench.end()
    }

    @Test("a machine that was killed while it waited is replaced, and no job gets it")
    func deadMachinesAreReplaced() throws {
        let bench = try Bench { $0.succeedWhenAsked() }
        let pool = try bench.pool(size: 1)
        try bench.waitUntilReady(pool, 1)
        let first = bench.machines[0]
        first.die(SIGKILL)
        try bench.waitUntil { bench.machines.count >= 2 }
        try bench.waitUntilReady(pool, 1)
        let result = try bench.runner.run(bench.request(), begun: monotonicNanoseconds(), machines: pool)
        pool.close()
        #expect(result.verdict.status == 0, "\(result.verdict)")
        #expect(bench.machines[0].jobCount == 0)
        bench.end()
    }

    @Test("a machine that is gone before it is sent a job costs no job: another one runs it")
    func goneMachineCostsNoJob() throws {
        let bench = try Bench { $0.succeedWhenAsked() }
        let source = GoneMachine(runner: bench.runner, bench)
        let result = try bench.runner.run(bench.request(), begun: monotonicNanoseconds(), machines: source)
        #expect(result.verdict.status == 0, "\(result.verdict)")
        #expect(!result.timeline.isPrepared)
        #expect(bench.jobs == [0, 1])
        bench.end()
    }

    @Test("a machine that dies with its job is that job's vmm_error, and nothing runs it again")
    func diesWithItsJob() throws {
        let bench = try Bench { machine in
            if machine.waitForJob() { machine.die(SIGKILL) }
        }
        let pool = try bench.pool(size: 1)
        try bench.waitUntilReady(pool, 1)
        let result = try bench.runner.run(bench.request(), begun: monotonicNanoseconds(), machines: pool)
        pool.close()
        #expect(result.verdict.reason == .vmmError)
        #expect(bench.jobs.reduce(0, +) == 1)
        bench.end()
    }

    @Test("a job of another shape starts a machine of its own")
    func otherShapesRunCold() throws {
        let bench = try Bench { $0.succeedWhenAsked() }
        let pool = try bench.pool(size: 1)
        try bench.waitUntilReady(pool, 1)
        var request = bench.request()
        request.memoryBytes = 64 << 20
        let result = try bench.runner.run(request, begun: monotonicNanoseconds(), machines: pool)
        pool.close()
        #expect(result.verdict.status == 0, "\(result.verdict)")
        #expect(!result.timeline.isPrepared)
        #expect(bench.machines[0].jobCount == 0)
        bench.end()
    }

    @Test("processors and each archive of a Linux, in their order, are part of a machine's shape")
    func shapesOfLinux() throws {
        let bench = try Bench { _ in }
        let one = try OwnedDescriptor.memoryFile(name: "one")
        let other = try OwnedDescriptor.memoryFile(name: "other")
        func identity(_ archives: [FileDescriptor], processors: UInt32 = 2) throws -> MachineShape.Identity {
            var request = bench.request()
            request.initramfs = archives
            request.processors = processors
            return try request.shape.identity()
        }
        let wanted = try identity([one.borrowed, other.borrowed])
        #expect(try identity([one.borrowed, other.borrowed]) == wanted)
        #expect(try identity([other.borrowed, one.borrowed]) != wanted)
        #expect(try identity([one.borrowed]) != wanted)
        #expect(try identity([one.borrowed, other.borrowed], processors: 1) != wanted)
    }

    @Test("a pool keeps the archives of its machines open: a job whose own are closed gets one")
    func archivesStayOpen() throws {
        let bench = try Bench { $0.succeedWhenAsked() }
        let archive = try OwnedDescriptor.memoryFile(name: "archive")
        var request = bench.request()
        let pool: ShellPool
        do {
            let first = try archive.duplicate()
            request.initramfs = [first.borrowed]
            pool = try ShellPool(size: 1, shape: request.shape, runner: bench.runner, reaper: bench.reaper)
        }
        request.initramfs = [archive.borrowed]
        for _ in 0..<2 {
            try bench.waitUntilReady(pool, 1)
            let result = try bench.runner.run(request, begun: monotonicNanoseconds(), machines: pool)
            #expect(result.timeline.isPrepared)
        }
        pool.close()
        let inode = try archive.borrowed.status().inode
        #expect(bench.machines.allSatisfy { $0.archives == [inode] })
        bench.end()
    }

    @Test("a job's time counts from when it gets its machine, not from the machine's start")
    func timeCountsFromTheTake() throws {
        let bench = try Bench { $0.succeedWhenAsked() }
        let pool = try bench.pool(size: 1)
        try bench.waitUntilReady(pool, 1)
        let begun = monotonicNanoseconds()
        let result = try bench.runner.run(bench.request(), begun: begun, machines: pool)
        pool.close()
        #expect(result.timeline.begun == begun)
        #expect(result.timeline.launched < begun && result.timeline.launched > 0)
        bench.end()
    }

    @Test("output beyond the limit ends the job, and exactly the limit of it is kept")
    func outputLimit() throws {
        let bench = try Bench { machine in
            guard machine.waitForJob() else { return }
            machine.write(Array("0123456789abcdef".utf8))
            machine.finish(outputBytes: 16)
        }
        let pool = try bench.pool(size: 1)
        try bench.waitUntilReady(pool, 1)
        var request = bench.request()
        request.standardOutput = .captured
        request.outputLimitBytes = 10
        let result = try bench.runner.run(request, begun: monotonicNanoseconds(), machines: pool)
        pool.close()
        #expect(result.timeline.isPrepared)
        #expect(result.verdict.reason == .outputLimit)
        #expect(result.standardOutput.captured == Array("0123456789".utf8))
        bench.end()
    }

    @Test("a job is over when its last byte is with the caller, however early its machine is off")
    func lastByteCounts() throws {
        let bytes = [UInt8](repeating: 7, count: 3 << 20)
        let bench = try Bench { machine in
            guard machine.waitForJob() else { return }
            machine.write(bytes)
            machine.finish(outputBytes: UInt64(bytes.count))
            machine.event(.ended(cause: .poweredOff, message: []))
        }
        let pool = try bench.pool(size: 1)
        try bench.waitUntilReady(pool, 1)
        let pipe = try Pipe()
        var request = bench.request()
        request.standardOutput = .descriptor(pipe.writing.borrowed)
        let count = Counter()
        let reader = try Thread(name: "reader") { [number = pipe.reading.borrowed] in
            while count.value < bytes.count, let piece = try? number.read(upTo: 4096), !piece.isEmpty {
                count.add(piece.count)
            }
        }
        let result = try bench.runner.run(request, begun: monotonicNanoseconds(), machines: pool)
        reader.join()
        pool.close()
        #expect(result.timeline.isPrepared)
        #expect(result.verdict.reason == .exited, "\(result.verdict)")
        #expect(result.standardOutput.bytes == UInt64(bytes.count))
        #expect(count.value == bytes.count)
        bench.end()
    }

    @Test("a reader that goes away is the job's broken pipe, as without a pool")
    func readerGoesAway() throws {
        let bench = try Bench { machine in
            guard machine.waitForJob() else { return }
            _ = linux_ignore_sigpipe()
            while machine.write([UInt8](repeating: 7, count: 4096)) {}
            machine.finish(outputBytes: 0, errno: EPIPE)
        }
        let pool = try bench.pool(size: 1)
        try bench.waitUntilReady(pool, 1)
        var request = bench.request()
        var pipe = try Pipe()
        request.standardOutput = .descriptor(pipe.writing.borrowed)
        let null = try OwnedDescriptor.open("/dev/null", flags: O_RDONLY)
        pipe.reading = null
        let result = try bench.runner.run(request, begun: monotonicNanoseconds(), machines: pool)
        pool.close()
        #expect(result.verdict.status == 0, "\(result.verdict)")
        #expect(result.standardOutput.errno == EPIPE)
        bench.end()
    }

    @Test("a pool's messages come back as they were sent, and nothing else is understood")
    func messages() throws {
        let bench = try Bench { _ in }
        var shape = bench.request().shape
        shape.streamRate = 5
        shape.rootTransport = .block
        shape.rootRates.writeOperations = 9
        shape.processors = 4
        shape.initramfs = Array(repeating: shape.kernel, count: MachineShape.maximumInitramfs)
        let request = PoolMessage.Request(identity: try shape.identity())
        #expect(PoolMessage.Request(request.bytes) == request)
        #expect(request.bytes.count <= PoolMessage.maximumBytes)
        let machine = PoolMessage.Reply.machine(
            .init(
                nonceLow: 1, nonceHigh: .max, processID: 77, launched: 3,
                memory: MemoryEnforcement(bytes: 5, .secondControlGroup)))
        for reply in [machine, .noneNow, .otherShape] { #expect(PoolMessage.Reply(reply.bytes) == reply) }
        let end = PoolMessage.End(signal: 9, code: 0, memoryKill: .init(limit: 2, peak: 1))
        #expect(PoolMessage.End(end.bytes) == end)
        for length in 0..<request.bytes.count {
            #expect(PoolMessage.Request(Array(request.bytes.prefix(length))) == nil)
        }
        #expect(PoolMessage.Request(end.bytes) == nil)
        #expect(PoolMessage.End([]) == nil)
    }
}

/// What these tests run on: a runner whose machines are fake, all with the same script.
private final class Bench: Sendable {
    private let started = Mutex<[FakeMachine]>([])
    private let script: @Sendable (FakeMachine) -> Void
    private let null: OwnedDescriptor
    let reaper = Reaper()

    init(_ script: @escaping @Sendable (FakeMachine) -> Void) throws {
        self.script = script
        null = try OwnedDescriptor.open("/dev/null", flags: O_RDWR)
    }

    var machines: [FakeMachine] { started.withLock { $0 } }
    /// How many jobs each machine had that had any, or died without.
    var jobs: [Int] { machines.map(\.jobCount).filter { $0 > 0 || machines.count < 3 } }

    var runner: JobRunner {
        JobRunner(kvm: null.borrowed, reaper: reaper) { [self] start throws(LaunchError) in
            let machine = FakeMachine(script)
            started.withLock { $0.append(machine) }
            return try machine.start(start)
        }
    }

    /// A limit of 20 s guards against a hang.
    func request() -> JobRequest {
        var request = JobRequest(
            arguments: [Array("true".utf8)], kernel: null.borrowed, image: null.borrowed,
            standardOutput: .descriptor(null.borrowed), standardError: .descriptor(null.borrowed))
        request.wallTimeLimitNanoseconds = 20_000_000_000
        return request
    }

    func pool(size: Int) throws -> ShellPool {
        try ShellPool(size: size, shape: request().shape, runner: runner, reaper: reaper)
    }

    struct NeverReady: Error {}

    /// A guard of 20 s against a hang.
    func waitUntil(_ condition: () -> Bool) throws {
        for _ in 0..<20_000 {
            if condition() { return }
            usleep(1000)
        }
        throw NeverReady()
    }

    func waitUntilReady(_ pool: ShellPool, _ count: Int) throws {
        try waitUntil { pool.readyCount >= count }
    }

    func end() { reaper.finish() }
}

/// Gives a machine whose VMM has ended.
private final class GoneMachine: MachineSource {
    private let runner: JobRunner
    private let bench: Bench
    private let hasGiven = Atomic(false)

    init(runner: JobRunner, _ bench: Bench) {
        self.runner = runner
        self.bench = bench
    }

    func take(_ shape: MachineShape) -> PreparedMachine? {
        guard !hasGiven.exchange(true, ordering: .relaxed), let machine = try? runner.prepare(shape) else {
            return nil
        }
        bench.machines[0].die(SIGKILL)
        _ = linux_poll(machine.process.pidfd.borrowed.rawValue, CInt(POLLIN), -1)
        return machine
    }
}

private final class Counter: Sendable {
    private let count = Atomic(0)
    var value: Int { count.load(ordering: .relaxed) }
    func add(_ number: Int) { count.add(number, ordering: .relaxed) }
}
