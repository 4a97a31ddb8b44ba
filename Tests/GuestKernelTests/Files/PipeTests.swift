import Testing

@testable import GuestKernel

extension KernelSuite {
    /// Pipes, FIFOs, devices, locks and waiting for events; without waiting, as there is nobody to wait for.
    @Suite struct PipeTests {
        let program: TestProgram

        init() throws {
            FakeMachine.start()
            try FileSystem.startEmpty()
            program = try TestProgram()
        }

        private func pipe(_ flags: UInt32 = OpenFlags.nonblocking) -> (Int, Int) {
            let pair = program.room(8)
            #expect(program.call(293, pair, UInt64(flags)) == 0)
            return (Int(program.value(pair, Int32.self)), Int(program.value(pair + 4, Int32.self)))
        }

        @Test("bytes come out of a pipe in order, across the ring's end, and then the end of the file")
        func order() {
            let (reader, writer) = pipe()
            #expect(program.read(reader) == "error 11")
            let chunk = program.place((0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            let buffer = program.room(50_000)
            for _ in 0..<5 {
                #expect(program.call(1, UInt64(writer), chunk, 50_000) == 50_000)
                #expect(program.call(0, UInt64(reader), buffer, 20_000) == 20_000)
                #expect(program.call(0, UInt64(reader), buffer + 20_000, 50_000) == 30_000)
                #expect(program.bytes(buffer, 50_000) == program.bytes(chunk, 50_000))
            }
            #expect(program.write(writer, "last") == 4)
            program.close(writer)
            #expect(program.read(reader) == "last")
            #expect(program.read(reader) == "")
        }

        @Test("a full pipe takes no part of an atomic write, and the rest of a large one")
        func full() {
            let (reader, writer) = pipe()
            let chunk = program.room(70_000)
            #expect(program.call(1, UInt64(writer), chunk, 70_000) == 65_536)
            #expect(program.call(1, UInt64(writer), chunk, 1) == -11)
            #expect(program.call(0, UInt64(reader), chunk, 100) == 100)
            #expect(program.call(1, UInt64(writer), chunk, 4096) == -11)
            #expect(program.call(1, UInt64(writer), chunk, 5000) == 100)
            #expect(program.call(16, UInt64(reader), 0x541B, chunk) == 0)
            #expect(program.value(chunk, Int32.self) == 65_536)
        }

        @Test("writing without a reader is EPIPE and SIGPIPE")
        func broken() {
            let (reader, writer) = pipe()
            program.close(reader)
            #expect(program.write(writer, "x") == -32)
            #expect(program.process.threads[0].signals.pending.bits == 1 << 12)
        }

        @Test("a pipe's frames are given back when both ends are closed")
        func frames() {
            let chunk = program.room(65_536)
            let (reader, writer) = pipe()
            #expect(program.call(1, UInt64(writer), chunk, 65_536) == 65_536)
            let before = Frames.available
            program.close(reader)
            program.close(writer)
            #expect(Frames.available == before + 16)
        }

        @Test("a FIFO connects who opens it; without a reader O_NONBLOCK writers get ENXIO")
        func fifo() {
            #expect(program.call(133, program.path("/tmp/fifo"), 0o010644) == 0)
            #expect(program.open("/tmp/fifo", OpenFlags.writeOnly | OpenFlags.nonblocking) == -6)
            let reader = program.open("/tmp/fifo", OpenFlags.nonblocking)
            let writer = program.open("/tmp/fifo", OpenFlags.writeOnly)
            #expect(program.write(writer, "through") == 7)
            #expect(program.read(reader) == "through")
            program.close(writer)
            #expect(program.read(reader) == "")
            #expect(program.call(8, UInt64(reader), 0, 0) == -29)
        }

        @Test("the devices do what they are known for")
        func devices() {
            let null = program.open("/dev/null", OpenFlags.readWrite)
            #expect(program.write(null, "gone") == 4)
            #expect(program.read(null) == "")
            let zero = program.open("/dev/zero")
            #expect(program.read(zero, 5) == "\0\0\0\0\0")
            #expect(program.put("/dev/full", "x") == -28)
            #expect(program.open("/dev/tty") == -6)
            #expect(program.call(16, UInt64(null), 0x5401, program.room(64)) == -25)
            #expect(program.put("/dev/shm/segment", "x") == 1)
            #expect(program.status("/dev/null")!.mode == 0o020666)
        }

        // MARK: Events

        private func pollOnce(_ wishes: [(Int, UInt16)]) -> (Int, [UInt16]) {
            let array = program.room(wishes.count * 8)
            for (i, wish) in wishes.enumerated() {
                let word = UInt64(UInt32(bitPattern: Int32(wish.0))) | UInt64(wish.1) << 32
                try! program.process.space.store(word, at: array + UInt64(i) * 8)
            }
            let result = program.call(7, array, UInt64(wishes.count), 0)
            return (result, wishes.indices.map { program.value(array + UInt64($0) * 8 + 6, UInt16.self) })
        }

        @Test("poll tells what is ready, what is hung up and what is no descriptor")
        func poll() {
            let (reader, writer) = pipe()
            #expect(pollOnce([(reader, 1), (writer, 4)]) == (1, [0, 4]))
            #expect(program.write(writer, "x") == 1)
            #expect(pollOnce([(reader, 1), (writer, 4), (-1, 1)]) == (2, [1, 4, 0]))
            #expect(pollOnce([(77, 1)]) == (1, [0x20]))
            program.close(writer)
            #expect(pollOnce([(reader, 1)]) == (1, [0x11]))
            let file = program.open("/proc/self/stat")
            #expect(pollOnce([(file, 5)]) == (1, [5]))
        }

        @Test("select marks ready descriptors and clears the others")
        func select() {
            let (reader, writer) = pipe()
            let (sets, timeout) = (program.room(24), program.room(16))
            func run() -> Int {
                try! program.process.space.store(UInt64(1) << UInt64(reader), at: sets)
                try! program.process.space.store(UInt64(1) << UInt64(writer), at: sets + 8)
                return program.call(23, 64, sets, sets + 8, 0, timeout)
            }
            #expect(run() == 1)
            #expect(program.value(sets, UInt64.self) == 0)
            #expect(program.value(sets + 8, UInt64.self) == 1 << UInt64(writer))
            #expect(program.write(writer, "x") == 1)
            #expect(run() == 2)
            try! program.process.space.store(UInt64(1) << 60, at: sets)
            #expect(program.call(23, 64, sets, 0, 0, timeout) == -9)
        }

        private func add(_ epoll: Int, _ descriptor: Int, _ events: UInt32, operation: UInt64 = 1) -> Int {
            let event = program.room(12)
            try! program.process.space.store(events, at: event)
            try! program.process.space.store(UInt64(descriptor), at: event + 4)
            return program.call(233, UInt64(epoll), operation, UInt64(descriptor), event)
        }

        private func wait(_ epoll: Int) -> [UInt64] {
            let events = program.room(120)
            let count = program.call(232, UInt64(epoll), events, 10, 0)
            return (0..<max(count, 0)).map { program.value(events + UInt64($0) * 12 + 4, UInt64.self) }
                .sorted()
        }

        @Test("epoll: level-triggered again and again, edge-triggered once an event, one-shot once")
        func epoll() {
            let (reader, writer) = pipe()
            let (edgeReader, edgeWriter) = pipe()
            let (onceReader, onceWriter) = pipe()
            let epoll = program.call(291, 0)
            #expect(add(epoll, reader, 1) == 0)
            #expect(add(epoll, reader, 1) == -17)
            #expect(add(epoll, edgeReader, 1 | 1 << 31) == 0)
            #expect(add(epoll, onceReader, 1 | 1 << 30) == 0)
            #expect(wait(epoll) == [])
            for end in [writer, edgeWriter, onceWriter] { #expect(program.write(end, "x") == 1) }
            #expect(wait(epoll) == [reader, edgeReader, onceReader].map { UInt64($0) }.sorted())
            #expect(wait(epoll) == [UInt64(reader)])
            #expect(program.write(edgeWriter, "y") == 1)
            #expect(wait(epoll) == [reader, edgeReader].map { UInt64($0) }.sorted())
            #expect(add(epoll, onceReader, 1, operation: 3) == 0)
            #expect(wait(epoll) == [reader, onceReader].map { UInt64($0) }.sorted())
            let file = program.open("/tmp", OpenFlags.directory)
            #expect(add(epoll, file, 1) == -1)
            #expect(add(epoll, epoll, 1) == -22)
        }

        @Test("closing the last descriptor takes a file out of epoll and closes the pipe's end")
        func epollForgets() {
            let (reader, writer) = pipe()
            let epoll = program.call(291, 0)
            #expect(add(epoll, writer, 4) == 0)
            #expect(wait(epoll) == [UInt64(writer)])
            let copy = program.call(32, UInt64(writer))
            program.close(writer)
            #expect(wait(epoll) == [UInt64(writer)])
            program.close(copy)
            #expect(wait(epoll) == [])
            #expect(program.read(reader) == "")
        }

        @Test("an eventfd counts, or gives one at a time as a semaphore")
        func eventCounter() {
            let counter = UInt64(program.call(290, 3, 0o4000))
            let value = program.room(8)
            #expect(program.call(0, counter, value, 8) == 8)
            #expect(program.value(value, UInt64.self) == 3)
            #expect(program.call(0, counter, value, 8) == -11)
            #expect(program.call(1, counter, program.place([5, 0, 0, 0, 0, 0, 0, 0]), 8) == 8)
            #expect(program.call(0, counter, value, 7) == -22)
            let semaphore = UInt64(program.call(290, 2, 0o4001))
            for _ in 0..<2 {
                #expect(program.call(0, semaphore, value, 8) == 8)
                #expect(program.value(value, UInt64.self) == 1)
            }
            #expect(program.call(0, semaphore, value, 8) == -11)
        }

        // MARK: Between files

        @Test("sendfile and copy_file_range move bytes and positions")
        func moving() {
            #expect(program.put("/tmp/source", "0123456789") == 10)
            let source = program.open("/tmp/source")
            let target = program.open("/tmp/target", OpenFlags.create | OpenFlags.readWrite)
            let offset = program.place([4, 0, 0, 0, 0, 0, 0, 0])
            #expect(program.call(40, UInt64(target), UInt64(source), offset, 3) == 3)
            #expect(program.value(offset, UInt64.self) == 7)
            #expect(program.call(40, UInt64(target), UInt64(source), 0, 100) == 10)
            #expect(program.contents("/tmp/target") == "4560123456789")
            #expect(program.call(326, UInt64(source), offset, UInt64(target), 0, 100, 0) == 3)
            #expect(program.contents("/tmp/target") == "4560123456789789")
            let (reader, writer) = pipe()
            #expect(program.write(writer, "piped") == 5)
            #expect(program.call(275, UInt64(reader), 0, UInt64(target), 0, 100, 0) == 5)
            #expect(program.contents("/tmp/target") == "4560123456789789piped")
        }

        @Test(
            "record locks exclude other owners, split, and go with the first close; flock is apart from them")
        func locks() {
            let other = try! TestProgram()
            #expect(program.put("/tmp/l", "0123456789") == 10)
            let (mine, theirs) = (program.open("/tmp/l", 2), other.open("/tmp/l", 2))
            func lock(
                _ who: TestProgram, _ file: Int, _ type: UInt8, _ start: UInt8, _ length: UInt8,
                _ call: UInt64 = 6
            ) -> Int {
                var bytes = [UInt8](repeating: 0, count: 32)
                (bytes[0], bytes[8], bytes[16]) = (type, start, length)
                return who.call(72, UInt64(file), call, who.place(bytes))
            }
            #expect(lock(program, mine, 1, 0, 0) == 0)
            #expect(lock(other, theirs, 0, 5, 1) == -11)
            #expect(lock(program, mine, 2, 4, 2) == 0)
            #expect(lock(other, theirs, 1, 4, 2) == 0)
            #expect(lock(other, theirs, 1, 3, 1) == -11)
            #expect(other.call(73, UInt64(theirs), 2 | 4) == 0)
            #expect(program.call(73, UInt64(mine), 2 | 4) == -11)
            program.close(program.open("/tmp/l"))
            #expect(lock(other, theirs, 1, 0, 0) == 0)
            other.close(theirs)
            #expect(program.call(73, UInt64(mine), 2 | 4) == 0)
        }

        @Test("a memfd is a file without a name; seals hold")
        func memoryFile() {
            let file = program.call(319, program.path("x"), 2)
            #expect(program.write(file, "sealed") == 6)
            #expect(program.call(72, UInt64(file), 1033, 8 | 2) == 0)
            #expect(program.write(file, "x") == -1)
            #expect(program.call(77, UInt64(file), 1) == -1)
            #expect(program.call(72, UInt64(file), 1034) == 10)
            let buffer = program.room(64)
            let count = program.call(89, program.path("/proc/self/fd/\(file)"), buffer, 64)
            #expect(text(program.bytes(buffer, count)) == "/memfd:x (deleted)")
        }

        // MARK: /proc

        @Test("/proc shows the process: itself, its descriptors, limits, mounts and memory")
        func proc() {
            let id = program.process.id
            #expect(program.put("/tmp/shown", "text") == 4)
            let file = program.open("/tmp/shown")
            let buffer = program.room(64)
            let count = program.call(89, program.path("/proc/self/fd/\(file)"), buffer, 64)
            #expect(text(program.bytes(buffer, count)) == "/tmp/shown")
            #expect(program.contents("/proc/self/fd/\(file)") == "text")
            #expect(program.contents("/proc/self/stat").hasPrefix("\(id) (test) R 0 \(id) \(id) 0 -1 "))
            #expect(program.contents("/proc/self/stat").split(separator: " ").count == 52)
            #expect(program.contents("/proc/\(id)/comm") == "test\n")
            #expect(program.contents("/proc/mounts").contains("tmpfs /dev tmpfs rw"))
            #expect(
                program.contents("/proc/self/limits").contains(
                    "Max open files            1024                 1048576"))
            #expect(program.contents("/proc/self/maps").contains("00100000-00200000 rw-p"))
            #expect(program.contents("/proc/meminfo").hasPrefix("MemTotal:"))
            #expect(program.list("/proc/self/fd").contains("\(file)"))
            #expect(program.list("/proc").contains("\(id)"))
            #expect(program.list("/proc/self/task") == [".", "..", "\(id)"])
            #expect(program.contents("/proc/999999/stat") == "error 2")
            #expect(program.put("/proc/self/comm", "renamed\n") == 8)
            #expect(program.process.name == Array("renamed".utf8))
            #expect(program.put("/proc/new", "") == -2)
            #expect(program.put("/proc/meminfo", "") == -13)
            #expect(program.contents("/proc/sys/kernel/ostype") == "Linux\n")
            #expect(program.call(80, program.path("/proc/self")) == 0)
            #expect(program.call(79, buffer, 64) == "/proc/\(id)".utf8.count + 1)
        }
    }
}
