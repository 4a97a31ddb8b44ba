import Testing

@testable import GuestKernel

extension KernelSuite {
    /// What the rarer calls on files promise; without waiting, as there is nobody to wait for.
    @Suite struct SemanticsTests {
        let program: TestProgram

        init() throws {
            FakeMachine.start()
            try FileSystem.startEmpty()
            program = try TestProgram()
        }

        // MARK: Extended attributes

        private func set(_ path: String, _ name: String, _ value: [UInt8], _ flags: UInt64 = 0) -> Int {
            program.call(
                188, program.path(path), program.path(name), program.place(value), UInt64(value.count), flags)
        }

        @Test("extended attributes have Linux's limits, and say how long they are")
        func attributes() {
            #expect(program.put("/f", "") == 0)
            #expect(set("/f", "user.a", [1, 2, 3]) == 0)
            #expect(set("/f", "user.a", [], 1) == -17)
            #expect(set("/f", "user.b", [], 2) == -61)
            #expect(set("/f", "user.", []) == -22)
            #expect(set("/f", "other.a", []) == -95)
            #expect(set("/f", "user." + String(repeating: "n", count: 251), []) == -34)
            #expect(set("/f", "user.large", [UInt8](repeating: 0, count: 65537)) == -7)
            let buffer = program.room(16)
            #expect(program.call(191, program.path("/f"), program.path("user.a"), buffer, 0) == 3)
            #expect(program.call(191, program.path("/f"), program.path("user.a"), buffer, 2) == -34)
            #expect(program.call(191, program.path("/f"), program.path("user.a"), buffer, 3) == 3)
            #expect(program.bytes(buffer, 3) == [1, 2, 3])
            #expect(program.call(194, program.path("/f"), buffer, 6) == -34)
            #expect(program.call(194, program.path("/f"), buffer, 7) == 7)
            #expect(program.call(197, program.path("/f"), program.path("user.a")) == 0)
            #expect(program.call(197, program.path("/f"), program.path("user.a")) == -61)
        }

        @Test("one inode's attributes are bounded, so that a program cannot fill the kernel's heap with them")
        func attributesBounded() {
            #expect(program.put("/f", "") == 0)
            let value = [UInt8](repeating: 7, count: 60_000)
            let address = program.place(value)
            var stored = 0
            while stored < 100,
                program.call(188, program.path("/f"), program.path("user.\(stored)"), address, 60_000) == 0
            { stored += 1 }
            #expect(stored == 17)
        }

        // MARK: Programs

        @Test("a file that runs is opened for no writing and not cut; one that is open for writing is not executed")
        func textBusy() throws {
            #expect(program.put("/f", "text") == 4)
            #expect(program.call(90, program.path("/f"), 0o755) == 0)
            let process = program.process
            let path = Array("/f".utf8)
            let inode = try FileSystem.executable(path, in: process.directories, as: process.credentials)
            var running: RunningFile? = RunningFile(inode)
            #expect(running != nil)
            #expect(program.open("/f", OpenFlags.writeOnly) == -26)
            #expect(program.open("/f", OpenFlags.readWrite) == -26)
            #expect(program.open("/f", OpenFlags.truncate) == -26)
            #expect(program.call(76, program.path("/f"), 0) == -26)
            #expect(program.contents("/f") == "text")
            running = nil
            let writer = program.open("/f", OpenFlags.writeOnly)
            #expect(writer >= 0)
            #expect(throws: Errno.textBusy) {
                try FileSystem.executable(path, in: process.directories, as: process.credentials)
            }
            program.close(writer)
            _ = try FileSystem.executable(path, in: process.directories, as: process.credentials)
        }

        // MARK: Pipes

        @Test("a pipe's capacity changes with what is in it kept in order, never below what is in it")
        func pipeSize() {
            let pair = program.room(8)
            #expect(program.call(293, pair, UInt64(OpenFlags.nonblocking)) == 0)
            let reader = UInt64(program.value(pair, UInt32.self))
            let writer = UInt64(program.value(pair + 4, UInt32.self))
            let chunk = program.place((0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            #expect(program.call(1, writer, chunk, 65_536) == 65_536)
            // The ring's start is in the middle of a page, which both ends share once it is full again.
            let buffer = program.room(140_000)
            #expect(program.call(0, reader, buffer, 1000) == 1000)
            #expect(program.call(1, writer, chunk, 65_536) == 1000)
            #expect(program.call(72, writer, 1031, 100_000) == 131_072)
            #expect(program.call(1, writer, chunk, 65_536) == 65_536)
            #expect(program.call(72, reader, 1031, 65_536) == -16)
            #expect(program.call(72, reader, 1031, (1 << 20) + 1) == -1)
            #expect(program.call(0, reader, buffer, 140_000) == 131_072)
            let all = program.bytes(chunk, 65_536)
            #expect(program.bytes(buffer, 131_072) == Array(all[1000...]) + all[0..<1000] + all)
            #expect(program.call(72, reader, 1031, 1) == 4096)
            #expect(program.call(1, writer, chunk, 65_536) == 4096)
        }

        // MARK: Locks

        @Test("a record lock that would close a circle of waiting processes is EDEADLK")
        func deadlock() {
            let locks = FileLocks()
            let (first, second) = (Marker(), Marker())
            func lock(_ owner: Marker, _ start: UInt64) -> FileLocks.Lock {
                FileLocks.Lock(
                    owner: ObjectIdentifier(owner), process: 1, isExclusive: true, isFlock: false,
                    start: start, end: start + 1)
            }
            #expect(throws: Never.self) {
                try locks.set(lock(first, 0))
                try locks.set(lock(second, 1))
            }
            FileLocks.noteWaiting(ObjectIdentifier(second), for: ObjectIdentifier(first))
            defer { FileLocks.forgetWaiting(ObjectIdentifier(second), for: ObjectIdentifier(first)) }
            let blocker = locks.conflict(with: lock(first, 1))
            #expect(throws: Errno.deadlock) { try locks.wait(for: blocker!, wanting: lock(first, 1)) }
        }

        private final class Marker {}

        // MARK: inotify

        @Test("inotify's queue is bounded, and a buffer too small for one event is EINVAL")
        func inotify() {
            let instance = UInt64(program.call(294, UInt64(OpenFlags.nonblocking)))
            #expect(program.call(254, instance, program.path("/"), 0x100) == 1)
            #expect(program.call(254, instance, program.path("/"), 0) == -22)
            #expect(program.call(254, instance, program.path("/"), 0x1000_0100) == -17)
            let (first, second) = (program.path("/one"), program.path("/two"))
            for _ in 0..<(Inotify.queuedMaximum / 2 + 10) {
                for path in [first, second] {
                    #expect(program.call(133, path, 0o100644) == 0)
                    #expect(program.call(87, path) == 0)
                }
            }
            let buffer = program.room(4096)
            #expect(program.call(0, instance, buffer, 31) == -22)
            var read = 0
            var last: UInt32 = 0
            while true {
                let count = program.call(0, instance, buffer, 4096)
                if count <= 0 { break }
                read += count
                last = program.value(buffer + UInt64(count) - 12, UInt32.self)
            }
            #expect(last == 0x4000)
            #expect(read == Inotify.queuedMaximum * 32 + 16)
            #expect(program.call(3, instance) == 0)
            #expect(Inotify.watchCount == 0)
        }

        // MARK: What is missing

        @Test("missing files of /proc are counted by name, bounded, and not for processes that are gone")
        func missing() {
            for i in 0..<200 { #expect(program.open("/proc/missing-\(i)") == -2) }
            #expect(Missing.files.count <= 64)
            let before = Missing.files.count
            #expect(program.open("/proc/123456/stat") == -2)
            #expect(program.open("/proc/self/fd/99") == -2)
            #expect(program.open("/tmp/odd") == -2)
            #expect(Missing.files.count == before)
        }
    }
}
