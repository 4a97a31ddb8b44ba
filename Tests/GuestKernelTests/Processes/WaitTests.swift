import Testing

@testable import GuestKernel

extension KernelSuite {
    @Suite(.serialized) struct WaitTests {
        private let program: TestProgram

        init() throws {
            try ProgramFixture.start()
            program = try TestProgram()
        }

        private func child(_ ending: Process.Ending?) throws -> Process {
            let child = Process(
                id: Processes.newID(), parent: program.process, space: try AddressSpace(), files: FileTable(),
                directories: FileSystemContext())
            child.ending = ending
            program.process.children.append(child)
            Processes.all.append(child)
            return child
        }

        private static let any = UInt64.max

        @Test("wait4 tells exit codes and signals, each once, and then ECHILD")
        func statuses() throws {
            let first = try child(.exited(code: 7))
            let second = try child(.signaled(signal: 15, coreDumped: false))
            let status = program.room(4)
            #expect(program.call(61, Self.any, status, 0, 0) == Int(first.id))
            #expect(program.value(status, Int32.self) == 0x700)
            #expect(program.call(61, UInt64(second.id), status, 0, 0) == Int(second.id))
            #expect(program.value(status, Int32.self) == 15)
            #expect(program.call(61, Self.any, status, 0, 0) == -10)
            #expect(Processes.find(first.id) == nil)
        }

        @Test("WNOHANG answers 0 while the child runs; WNOWAIT leaves it to be waited for")
        func options() throws {
            let running = try child(nil)
            #expect(program.call(61, UInt64(running.id), 0, 1, 0) == 0)
            running.ending = .exited(code: 3)
            let info = program.room(128)
            #expect(program.call(247, 1, UInt64(running.id), info, 0x0100_0004, 0) == 0)
            #expect(program.value(info, Int32.self) == 17)
            #expect(program.value(info + 8, Int32.self) == 1)           // CLD_EXITED
            #expect(program.value(info + 16, Int32.self) == running.id)
            #expect(program.value(info + 24, Int32.self) == 3)
            #expect(program.call(61, UInt64(running.id), 0, 0, 0) == Int(running.id))
        }

        @Test("a group is waited for by its number; unknown options are EINVAL")
        func groups() throws {
            let other = try child(.exited(code: 0))
            other.group = other.id
            #expect(program.call(61, 0, 0, 1, 0) == -10)
            #expect(program.call(61, Self.any, 0, 0x40, 0) == -22)
            #expect(program.call(61, UInt64(bitPattern: -Int64(other.id)), 0, 0, 0) == Int(other.id))
        }

        @Test("a stopped and a continued child are told once, if asked for")
        func jobControl() throws {
            let running = try child(nil)
            running.jobEvent = .stopped(signal: 19)
            let status = program.room(4)
            #expect(program.call(61, Self.any, status, 1, 0) == 0)
            #expect(program.call(61, Self.any, status, 3, 0) == Int(running.id))
            #expect(program.value(status, Int32.self) == 0x137F)
            #expect(program.call(61, Self.any, status, 3, 0) == 0)
            running.jobEvent = .continued
            #expect(program.call(61, Self.any, status, 9, 0) == Int(running.id))
            #expect(program.value(status, Int32.self) == 0xFFFF)
        }

        @Test("setsid is refused to a group's leader")
        func sessions() throws {
            #expect(program.call(112) == -1)
            program.process.group = 9999
            #expect(program.call(112) == Int(program.process.id))
            #expect(program.process.session == program.process.id)
        }
    }
}
