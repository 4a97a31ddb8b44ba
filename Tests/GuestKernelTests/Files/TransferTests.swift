import Testing

@testable import GuestKernel

extension KernelSuite {
    /// sendfile(2), splice(2): between files within the kernel. What the target does not take stays in the source.
    @Suite struct TransferTests {
        let program: TestProgram

        init() throws {
            FakeMachine.start()
            try FileSystem.startEmpty()
            program = try TestProgram()
        }

        private func descriptor(_ number: Int) -> UInt64 { UInt64(bitPattern: Int64(number)) }

        /// A nonblocking pipe: reader and writer.
        private func pipe() -> (Int, Int) {
            let pair = program.room(8)
            #expect(program.call(293, pair, UInt64(OpenFlags.nonblocking)) == 0)
            return (Int(program.value(pair, Int32.self)), Int(program.value(pair + 4, Int32.self)))
        }

        private func sendFile(_ target: Int, _ source: Int, _ offset: UInt64, _ count: UInt64) -> Int {
            program.call(40, descriptor(target), descriptor(source), offset, count)
        }

        private func position(_ number: Int) -> Int { program.call(8, descriptor(number), 0, 1) }

        @Test("from a device, whose position never moves, into one that takes nothing: EINVAL and no more")
        func deviceIntoFull() {
            for path in ["/dev/zero", "/dev/urandom", "/dev/full"] {
                let source = program.open(path)
                let full = program.open("/dev/full", OpenFlags.writeOnly)
                #expect(sendFile(full, source, 0, 7) == -22)
                #expect(position(source) == 0)
            }
        }

        @Test("files that tell of events, and directories, are not for sendfile and splice")
        func events() {
            let (reader, writer) = pipe()
            #expect(program.write(writer, "12345678") == 8)
            // eventfd2, epoll_create1, timerfd_create, inotify_init1.
            let makers: [(UInt64, UInt64)] = [(290, 1), (291, 0), (283, 1), (294, 0)]
            let files = makers.map { program.call($0.0, $0.1) }
            let zero = program.open("/dev/zero")
            for file in files {
                #expect(program.call(275, descriptor(reader), 0, descriptor(file), 0, 8, 0) < 0)
                #expect(program.call(275, descriptor(file), 0, descriptor(writer), 0, 8, 0) < 0)
                #expect(sendFile(file, zero, 0, 8) < 0)
            }
            #expect(sendFile(writer, program.open("/", OpenFlags.directory), 0, 8) == -22)
            #expect(program.read(reader) == "12345678")
        }

        @Test("from a device into a pipe: what it has room for, then EAGAIN, then EPIPE")
        func deviceIntoPipe() {
            let source = program.open("/dev/urandom")
            let (reader, writer) = pipe()
            #expect(sendFile(writer, source, 0, 100_000) == 65_536)
            #expect(sendFile(writer, source, 0, 100_000) == -11)
            #expect(program.call(275, descriptor(source), 0, descriptor(writer), 0, 100, 2) == -11)
            program.close(reader)
            #expect(sendFile(writer, source, 0, 100_000) == -32)
            #expect(position(source) == 0)
        }

        @Test("a file's position goes on by what the target took, and so does an offset; by nothing when it took nothing")
        func fileIntoPipe() {
            let size = 100_000
            let file = program.open("/f", OpenFlags.create | OpenFlags.readWrite)
            let bytes = program.place((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            #expect(program.call(1, descriptor(file), bytes, UInt64(size)) == size)
            #expect(program.call(8, descriptor(file), 10, 0) == 10)
            let (reader, writer) = pipe()
            #expect(sendFile(writer, file, 0, UInt64(size)) == 65_536)
            #expect(position(file) == 10 + 65_536)
            #expect(sendFile(writer, file, 0, UInt64(size)) == -11)
            #expect(position(file) == 10 + 65_536)
            let buffer = program.room(size)
            #expect(program.call(0, descriptor(reader), buffer, UInt64(size)) == 65_536)
            #expect(program.bytes(buffer, 65_536) == program.bytes(bytes + 10, 65_536))
            #expect(sendFile(writer, file, 0, UInt64(size)) == size - 10 - 65_536)
            #expect(sendFile(writer, file, 0, UInt64(size)) == 0)

            let offset = program.room(8)
            try! program.process.space.store(UInt64(99_990), at: offset)
            #expect(program.call(0, descriptor(reader), buffer, UInt64(size)) == size - 10 - 65_536)
            #expect(sendFile(writer, file, offset, 100) == 10)
            #expect(program.value(offset, UInt64.self) == 100_000)
            #expect(position(file) == size)
        }

        @Test("offsets at the end of all offsets are the end of the file, or refused")
        func lastOffsets() {
            #expect(program.put("/f", "text") == 4)
            let file = program.open("/f")
            let null = program.open("/dev/null", OpenFlags.writeOnly)
            let offset = program.room(8)
            for (value, answer) in [(UInt64(Int64.max), 0), (UInt64(Int64.max) + 1, -22), (.max, -22)] {
                try! program.process.space.store(value, at: offset)
                #expect(sendFile(null, file, offset, .max) == answer)
            }
            #expect(program.call(8, descriptor(file), UInt64(Int64.max), 0) == Int.max)
            #expect(sendFile(null, file, 0, .max) == 0)
            #expect(position(file) == Int.max)
        }

        @Test("a directory that was seeked to the end of all positions has no more entries")
        func directoryPosition() {
            let directory = program.open("/", OpenFlags.directory)
            for place in [2, 3, UInt64(Int64.max)] {
                #expect(program.call(8, descriptor(directory), place, 0) == Int(place))
                #expect(program.call(217, descriptor(directory), program.room(4096), 4096) >= 0)
            }
            #expect(program.call(217, descriptor(directory), program.room(4096), 4096) == 0)
        }
    }
}
