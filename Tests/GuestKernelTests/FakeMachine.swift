import Glibc

@testable import GuestKernel

/// RAM for the kernel's logic on the host: 256 MiB of zeroes, made once. The kernel's globals are shared by all
/// suites, so every suite that uses it is part of `KernelSuite`, which is serialized.
enum FakeMachine {
    static let bytes: UInt64 = 256 << 20

    // SAFETY: made once, under Swift's own lazy initialisation, and never unmapped.
    nonisolated(unsafe) private static let base: UnsafeMutableRawPointer = {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let memory = mmap(nil, Int(bytes), PROT_READ | PROT_WRITE, flags, -1, 0), memory != MAP_FAILED
        else {
            fatalError("no memory for the fake machine")
        }
        PhysicalMemory.physmap = UInt64(UInt(bitPattern: memory))
        Frames.start(low: (0, bytes), high: (0, 0), freeStart: 0x10_0000)
        return memory
    }()

    /// Call first in every test that touches frames.
    static func start() { _ = base }

    /// A current thread, of a process like the kernel's own, for what asks for one. It must not have to wait.
    static func startThread() throws {
        start()
        let process = Process(
            id: 0, parent: nil, space: try AddressSpace(), files: FileTable(),
            directories: FileSystemContext())
        Scheduler.adopt(Thread(id: 0, process: process))
    }
}
