import Testing

@testable import GuestKernel

extension KernelSuite {
    /// Orphaned groups, heirs of children, and what stops whom.
    @Suite(.serialized) struct ProcessGroupTests {
        private let program: TestProgram

        init() throws {
            try ProgramFixture.start()
            program = try TestProgram()
        }

        private func child(of parent: Process, group: Int32? = nil) throws -> Process {
            let child = Process(
                id: Processes.newID(), parent: parent, space: try AddressSpace(), files: FileTable(),
                directories: FileSystemContext())
            child.threads = [Thread(id: child.id, process: child)]
            child.group = group ?? child.id
            child.session = parent.session
            parent.children.append(child)
            Processes.all.append(child)
            return child
        }

        private func forget(_ processes: Process...) {
            Processes.all.removeAll { one in processes.contains { $0 === one } }
        }

        @Test("a job of a shell is not orphaned while the shell lives, and is when it leads another session")
        func orphaned() throws {
            let job = try child(of: program.process)
            #expect(!Processes.isOrphaned(job.group))
            job.session = job.id
            #expect(Processes.isOrphaned(job.group))
            forget(job)
        }

        @Test("Ctrl-Z stops a job; one that nobody could continue goes on, but SIGSTOP stops that too")
        func stops() throws {
            let job = try child(of: program.process)
            sendSignal(Signal.terminalStop, toProcess: job)
            deliver(to: job)
            #expect(job.isStopped)
            sendSignal(Signal.resume, toProcess: job)
            #expect(!job.isStopped)

            job.session = job.id
            sendSignal(Signal.terminalStop, toProcess: job)
            #expect(job.threads[0].deliverSignals())
            #expect(!job.isStopped)
            forget(job)
        }

        /// As `deliverSignals`, but the test has no processor to give away: SIGCONT is what ends the stop.
        private func deliver(to job: Process) { job.stop(by: Signal.terminalStop) }

        @Test("stopped processes of a group that becomes orphaned get SIGHUP and go on")
        func newlyOrphaned() throws {
            let shell = try child(of: program.process)
            let job = try child(of: shell)
            job.stop(by: Signal.terminalStop)
            shell.requestEnd(.exited(code: 0))
            shell.threads[0].leave()
            #expect(!job.isStopped)
            #expect(job.signals.pending.bits & Signal.bit(Signal.hangUp) != 0)
            forget(shell, job)
        }

        @Test("children without a parent go to the nearest subreaper")
        func subreaper() throws {
            let keeper = try child(of: program.process)
            keeper.isSubreaper = true
            let middle = try child(of: keeper)
            let orphan = try child(of: middle)
            middle.requestEnd(.exited(code: 0))
            middle.threads[0].leave()
            #expect(orphan.parent === keeper)
            #expect(keeper.children.contains { $0 === orphan })
            forget(keeper, middle, orphan)
        }

        @Test("what was SIGCHLD's disposition decides whether a child becomes a zombie")
        func ignoredChild() throws {
            program.process.signals.actions[Signal.child] = SignalAction(handler: SignalAction.ignore)
            let job = try child(of: program.process)
            job.requestEnd(.exited(code: 0))
            job.threads[0].leave()
            #expect(Processes.find(job.id) == nil)
        }

        @Test("a session's leader takes a terminal by opening it; the terminal's end sends SIGHUP and SIGCONT")
        func controllingTerminal() throws {
            program.process.session = program.process.id
            program.process.group = program.process.id
            let master = try PseudoTerminals.open(nil, flags: 0, owner: Credentials())
            let terminal = master.terminal
            #expect(throws: Errno.ioError) { _ = try terminal.inode.open(flags: OpenFlags.readWrite) }
            terminal.isLocked = false
            var file: File? = try terminal.inode.open(flags: OpenFlags.readWrite)
            #expect(program.process.terminal === terminal)
            #expect(terminal.foregroundGroup == program.process.group)
            program.process.threads[0].signals.blocked = .max
            terminal.closeMaster()
            #expect(program.process.terminal == nil)
            let hangUp = Signal.bit(Signal.hangUp) | Signal.bit(Signal.resume)
            #expect(program.process.signals.pending.bits & hangUp == hangUp)
            #expect(file?.readiness().contains(.hangUp) == true)
            file = nil
            #expect(PseudoTerminals.find(terminal.number) == nil)
        }
    }

    @Suite(.serialized) struct PendingSignalTests {
        private func info(_ signal: Int32, _ value: UInt64) -> SignalInfo {
            var info = SignalInfo(signal, code: -1)
            info.detail[1] = value
            return info
        }

        @Test("real-time signals keep their number and order, ordinary ones are one")
        func order() {
            var pending = PendingSignals()
            for i in 0..<2000 as Range<UInt64> {
                pending.add(info(40, i))
                pending.add(info(10, i))
                pending.add(info(35, i))
            }
            let first = pending.take(.max)
            #expect(first?.signal == 10)
            for signal: Int32 in [40, 35] {
                for i in 0..<2000 as Range<UInt64> {
                    let next = pending.take(Signal.bit(signal))
                    #expect(next?.detail[1] == i)
                }
            }
            #expect(pending.bits == 0)
        }

        @Test("RLIMIT_SIGPENDING bounds the real-time ones, and never loses an ordinary one")
        func limit() {
            var pending = PendingSignals()
            let added = [40, 40, 10].map { pending.add(info($0, 0), limit: 1) }
            #expect(added == [true, false, true])
        }
    }
}
