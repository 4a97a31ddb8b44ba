import GuestNucleus
import Testing

@testable import GuestKernel

extension KernelSuite {
    @Suite(.serialized) struct SignalTests {
        private let program: TestProgram
        private var thread: Thread { program.process.threads[0] }
        private var frame: UnsafeMutablePointer<program_registers> { thread.registers }

        init() throws {
            try ProgramFixture.start()
            program = try TestProgram()
        }

        /// A handler at 0x1234 for `signal`, and a stack pointer in the program's memory.
        private func catchSignal(_ signal: Int32, flags: UInt64 = 0, mask: UInt64 = 0) {
            program.process.signals.actions[signal] = SignalAction(
                handler: 0x1234, flags: flags | SignalAction.hasRestorer | SignalAction.wantsInfo,
                restorer: 0x5678, mask: mask)
            frame.pointee = ProgramRegisters.fresh(entry: 0x1000, stack: 0x1F_0000)
        }

        private func send(_ signal: Int32) {
            thread.receive(SignalInfo(signal, code: SignalInfo.user, from: program.process))
        }

        @Test("a handler gets signal, siginfo and context, a stack aligned as after a call, and its mask")
        func handlerFrame() throws {
            catchSignal(10, mask: Signal.bit(12))
            frame.pointee.rbx = 77
            send(10)
            #expect(thread.deliverSignals())
            #expect(frame.pointee.rip == 0x1234)
            #expect(frame.pointee.rdi == 10)
            #expect(frame.pointee.rsp % 16 == 8)
            let space = program.process.space
            #expect(try space.load(UInt64.self, at: frame.pointee.rsp) == 0x5678)
            #expect(try space.load(Int32.self, at: frame.pointee.rsi) == 10)
            // uc_mcontext.gregs: RBX is the eleventh register, RIP the sixteenth after RDI.
            #expect(try space.load(UInt64.self, at: frame.pointee.rdx + 40 + 11 * 8) == 77)
            #expect(try space.load(UInt64.self, at: frame.pointee.rdx + 40 + 16 * 8) == 0x1000)
            #expect(thread.signals.blocked == Signal.bit(10) | Signal.bit(12))
        }

        @Test("a frame that cannot be written is SIGSEGV, which a handler on another stack can catch")
        func unwritableFrame() throws {
            catchSignal(10)
            catchSignal(Signal.segmentationFault, flags: SignalAction.onAlternateStack)
            let stack = program.room(16384)
            thread.signals.alternateStack = AlternateStack(start: stack, size: 16384)
            frame.pointee.rsp = 4096
            send(10)
            #expect(thread.deliverSignals())
            #expect(frame.pointee.rip == 0x1234)
            #expect(frame.pointee.rdi == UInt64(Signal.segmentationFault))
            #expect(frame.pointee.rsp > stack && frame.pointee.rsp < stack + 16384)
        }

        @Test("sigreturn brings back registers, mask and vector state")
        func roundTrip() throws {
            catchSignal(10)
            frame.pointee.r12 = 5
            frame.pointee.rax = 6
            let before = frame.pointee
            send(10)
            #expect(thread.deliverSignals())
            frame.pointee.r12 = 0
            frame.pointee.rsp += 8
            #expect(try thread.returnFromSignal() == 6)
            #expect(frame.pointee.r12 == 5)
            #expect(frame.pointee.rip == before.rip && frame.pointee.rsp == before.rsp)
            #expect(frame.pointee.rflags == before.rflags)
            #expect(thread.signals.blocked == 0)
        }

        @Test(
            "sigreturn to a non-canonical address is refused; flags keep interrupts on and I/O privilege off")
        func hostileContext() throws {
            catchSignal(10)
            send(10)
            #expect(thread.deliverSignals())
            let context = frame.pointee.rdx
            frame.pointee.rsp += 8
            try program.process.space.store(UInt64.max, at: context + 40 + 17 * 8)  // EFLAGS
            _ = try thread.returnFromSignal()
            #expect(frame.pointee.rflags & 0x200 != 0)
            #expect(frame.pointee.rflags & 0x3000 == 0)
            #expect(frame.pointee.rflags & 0x2_4000 == 0)  // NT and VM

            catchSignal(10)
            send(10)
            #expect(thread.deliverSignals())
            try program.process.space.store(UInt64(1) << 47, at: frame.pointee.rdx + 40 + 16 * 8)
            frame.pointee.rsp += 8
            #expect(throws: Errno.badAddress) { try thread.returnFromSignal() }
        }

        @Test("whatever a program writes over its vector state, XRSTOR takes what comes back")
        func hostileVectorState() throws {
            let own = VectorState.allocate()
            defer { VectorState.deallocate(own) }
            for pattern in [0x00, 0xFF, 0xA5, 0x7F] as [UInt8] {
                catchSignal(10)
                send(10)
                #expect(thread.deliverSignals())
                let space = program.process.space
                let state = try space.load(UInt64.self, at: frame.pointee.rdx + 40 + 23 * 8)
                // All but struct _fpx_sw_bytes, so that it is taken for a whole area.
                try space.write([UInt8](repeating: pattern, count: 464), to: state)
                try space.write(
                    [UInt8](repeating: pattern, count: VectorState.bytes - 512), to: state + 512)
                frame.pointee.rsp += 8
                _ = try thread.returnFromSignal()
                // A general-protection fault here would end the test process. Its own registers come back at once.
                let area = VectorState.area(of: thread)
                save_vector_state(own, VectorState.components)
                restore_vector_state(area)
                restore_vector_state(own)
            }
        }

        @Test("XSAVE writes no further than an area is long, whatever the processor has beside it")
        func vectorAreaBounds() {
            let end = VectorState.bytes
            let behind = end..<end + 16 << 10
            let area = UnsafeMutableRawPointer.allocate(byteCount: behind.upperBound, alignment: 64)
            defer { area.deallocate() }
            wide_zero(area, UInt64(end))
            for offset in behind { area.storeBytes(of: 0xEE, toByteOffset: offset, as: UInt8.self) }
            save_vector_state(area, VectorState.components)
            #expect(VectorState.components & ~0xE7 == 0 && VectorState.components & 3 == 3)
            #expect(behind.allSatisfy { area.load(fromByteOffset: $0, as: UInt8.self) == 0xEE })
        }

        @Test("a frame that does not fit on the alternate stack ends the program instead of running over it")
        func alternateStackTooSmall() throws {
            catchSignal(10, flags: SignalAction.onAlternateStack)
            let start = program.room(8192)
            thread.signals.alternateStack = AlternateStack(start: start + 4096, size: 512)
            send(10)
            #expect(!thread.deliverSignals())
            guard case .signaled(let signal, _)? = program.process.ending else {
                Issue.record("the process goes on")
                return
            }
            #expect(signal == Signal.segmentationFault)
        }

        @Test("an interrupted call is made again with SA_RESTART and fails with EINTR without")
        func restart() {
            for (flags, result, handled) in [
                (SignalAction.restart, Errno.restart, false), (0, Errno.restart, true),
                (SignalAction.restart, Errno.restartWithoutHandler, true),
            ] {
                catchSignal(10, flags: flags)
                frame.pointee.rip = 0x2002
                frame.pointee.system_call = 7
                frame.pointee.rax = UInt64(bitPattern: -Int64(result.code))
                send(10)
                #expect(thread.deliverSignals())
                let context = frame.pointee.rdx
                let rip = try? program.process.space.load(UInt64.self, at: context + 40 + 16 * 8)
                let rax = try? program.process.space.load(UInt64.self, at: context + 40 + 13 * 8)
                #expect(rip == (handled ? 0x2002 : 0x2000))
                #expect(rax == (handled ? UInt64(bitPattern: -4) : 7))
                thread.signals.blocked = 0
            }
        }

        @Test("real-time signals queue, others do not; the lowest number comes first, faults before all")
        func pendingOrder() {
            var pending = PendingSignals()
            for signal in [40, 40, 12, 12, 11] as [Int32] { pending.add(SignalInfo(signal, code: 0)) }
            var order: [Int32] = []
            while let info = pending.take(.max) { order.append(info.signal) }
            #expect(order == [11, 12, 40, 40])
            #expect(pending.bits == 0)
        }

        @Test("an ignored signal is dropped when sent, a blocked one waits, and ignoring it later drops it")
        func ignoring() throws {
            send(Signal.child)
            #expect(thread.signals.pending.bits == 0)
            thread.signals.blocked = Signal.bit(10)
            send(10)
            #expect(thread.signals.pending.bits == Signal.bit(10))
            let action = program.place([UInt8](repeating: 0, count: 32))
            try program.process.space.store(SignalAction.ignore, at: action)
            #expect(program.call(13, 10, action, 0, 8) == 0)
            #expect(thread.signals.pending.bits == 0)
        }

        @Test("SIGKILL and SIGSTOP can be neither caught nor blocked")
        func unblockable() throws {
            let words = program.place([UInt8](repeating: 0xFF, count: 32))
            #expect(program.call(13, 9, words, 0, 8) == -22)
            #expect(program.call(13, 19, words, 0, 8) == -22)
            #expect(program.call(14, 2, words, 0, 8) == 0)
            #expect(thread.signals.blocked & Signal.unblockable == 0)
        }

        @Test("SIGCONT takes back a pending stop, and a stop a pending SIGCONT")
        func stopAndContinue() {
            thread.signals.blocked = .max & ~Signal.unblockable
            send(Signal.terminalStop)
            send(Signal.resume)
            #expect(thread.signals.pending.bits == Signal.bit(Signal.resume))
            send(Signal.terminalStop)
            #expect(thread.signals.pending.bits == Signal.bit(Signal.terminalStop))
        }
    }
}
