import Glibc
import GuestNucleus

@testable import GuestKernel

/// RAM and interrupt controllers for the guest's kernel on the host: 4 GiB of address space, the first 128 MiB of it RAM, the
/// device registers that the kernel writes being memory like any other.
///
///     0 … RAM … 128 MiB | a root image, ends at 2 GiB | nothing to touch | … registers below 4 GiB
enum GuestMachine {
    static let ramBytes: UInt64 = 128 << 20
    static let imageEnd: UInt64 = 2 << 30

    // SAFETY: made once, under Swift's own lazy initialisation, and never unmapped.
    nonisolated(unsafe) private static let base: UnsafeMutableRawPointer = {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let memory = mmap(nil, 4 << 30, PROT_READ | PROT_WRITE, flags, -1, 0), memory != MAP_FAILED,
            mprotect(memory + Int(imageEnd), 4096, PROT_NONE) == 0
        else { preconditionFailure("no memory for the guest's machine") }
        PhysicalMemory.physmap = UInt64(UInt(bitPattern: memory))
        Frames.start(low: (0, ramBytes), high: (0, 0), freeStart: 0x10_0000)
        VectorState.start()
        var seed = [UInt8](repeating: 7, count: 32)
        seed.withUnsafeMutableBytes { bytes in
            if let start = bytes.baseAddress { Random.start(seed: start) }
        }
        return memory
    }()

    static func start() { _ = base }

    // SAFETY: one thread.
    /// How often the processor was idle since the current call began: a periodic timer would wake it for ever.
    nonisolated(unsafe) static var idleCount = 0

    /// An empty tree in place of the last input's. A kernel mounts its root once, so it has no way to take a tree down: the
    /// references that hold each other are undone here.
    static func makeFileSystem() {
        start()
        takeDownFileSystem()
        guard (try? FileSystem.startEmpty()) != nil else {
            preconditionFailure("no memory for a file system; \(Frames.available) frames are left")
        }
    }

    static func takeDownFileSystem() {
        var left = 1000
        for mount in FileSystem.mounts where mount !== TerminalFileSystem.superblock {
            if let root = mount.root {
                if mount.layer != nil { takeDown(root, &left) }
                root.parent = nil
            }
            mount.root = nil
            mount.layer = nil
        }
    }

    /// A damaged image may have a directory inside itself: no more than `left` are looked at.
    private static func takeDown(_ directory: Inode, _ left: inout Int) {
        guard directory.isDirectory else { return }
        var names: [[UInt8]] = []
        try? directory.forEachEntry(from: 0) { entry in
            names.append(entry.name)
            return names.count < left
        }
        for name in names where left > 0 {
            left -= 1
            guard let child = try? directory.find(name[...]), child !== directory, child.parent != nil
            else { continue }
            child.parent = nil
            child.mounted = nil
            takeDown(child, &left)
        }
    }

    /// Puts an image's bytes where they end at a page that nobody may touch.
    static func place(image bytes: [UInt8]) -> MappedImage {
        start()
        let start = imageEnd - UInt64(bytes.count)
        bytes.withUnsafeBytes { source in
            UnsafeMutableRawBufferPointer(start: PhysicalMemory.pointer(start), count: source.count)
                .copyMemory(from: source)
        }
        return MappedImage(start: start, bytes: UInt64(bytes.count))
    }

    /// A process as the kernel's own, whose thread is the current one.
    static func makeProcess() -> GuestProgram {
        start()
        guard let program = GuestProgram() else { preconditionFailure("no memory for a process") }
        return program
    }
}

/// A process whose system calls a target makes.
final class GuestProgram {
    /// 256 KiB that it may use, at an address of its own.
    static let memory: UInt64 = 0x10_0000
    static let memoryBytes: UInt64 = 0x4_0000

    let process: Process
    let thread: Thread

    init?() {
        guard let space = try? AddressSpace() else { return nil }
        space.insert(
            MemoryArea(
                start: Self.memory, end: Self.memory + Self.memoryBytes, access: [.read, .write],
                isShared: false, growsDown: false, backing: .anonymous))
        space.heapStart = 0x80_0000
        space.heapEnd = space.heapStart
        process = Process(
            id: Processes.newID(), parent: nil, space: space, files: FileTable(),
            directories: FileSystemContext())
        process.name = Array("fuzz".utf8)
        thread = Thread(id: process.id, process: process)
        process.threads = [thread]
        thread.registers.initialize(to: program_registers())
        Processes.all.append(process)
        Scheduler.impersonate(thread)
    }

    /// Ends it and whatever it has started, and forgets them.
    func end() {
        Scheduler.impersonate(thread)
        for other in Processes.all where other !== process && other.ending == nil {
            other.requestEnd(.signaled(signal: Signal.kill, coreDumped: false))
        }
        process.isStopped = false
        while Processes.all.contains(where: { $0 !== process && !$0.threads.isEmpty })
            || process.threads.count > 1
        {
            for other in process.threads where other !== thread { other.isKilled = true }
            Scheduler.yield()
        }
        process.requestEnd(.exited(code: 0))
        if process.ending == nil { thread.leave() }
        process.parent = nil
        process.children = []
        for other in Processes.all {
            other.parent = nil
            other.children = []
        }
        Processes.all = []
        Clock.wallClockOffset = 0
        VectorState.reset(thread)
    }
}

/// In place of the nucleus: nothing comes from outside, so an idle processor means that the calls so far have nobody to
/// end them. A deadline that is near is brought about; otherwise the waiting thread is told that it is to end, takes that as
/// any thread does, and the target lets it live on.
@_cdecl("kernel_idle")
public func kernelIdle() -> UInt64 {
    let now = Clock.monotonic
    let deadline = Timers.nextDeadline
    GuestMachine.idleCount += 1
    if GuestMachine.idleCount < 20, deadline != .max, deadline > now, deadline - now < 1_000_000_000_000 {
        Clock.start(tsc: read_tsc() &- deadline, frequency: 1_000_000_000, wallClock: 0)
    } else {
        for process in Processes.all where process.ending == nil {
            process.requestEnd(.signaled(signal: Signal.kill, coreDumped: false))
            for thread in process.threads { Scheduler.wake(thread) }
        }
    }
    return UInt64(VECTOR_TIMER)
}

/// A new thread's first and only act, on its own stack: it ends.
@_cdecl("thread_trampoline")
public func threadTrampoline() {
    leaveAtOnce()
    Scheduler.exitCurrent()
}

@inline(never)
private func leaveAtOnce() {
    Scheduler.arrived()
    Scheduler.current.leave()
}
