import GuestNucleus

extension Thread {
    /// The processor refused an instruction: becomes SIGILL, SIGFPE, SIGSEGV, SIGBUS or SIGTRAP. CR2 stays the last page
    /// fault's for the handler.
    /// - Parameter address: where.
    func raiseException(_ trap: Trap, at address: UInt64) {
        self.trap.vector = trap.vector
        self.trap.error = trap.error
        switch ExceptionVector(rawValue: trap.vector) {
        case .divideError: force(SignalInfo(Signal.floatingPoint, code: 1, address: address))  // FPE_INTDIV
        case .floatingPoint, .vectorFloatingPoint:
            let code = floatingPointCode(
                isVector: trap.vector == ExceptionVector.vectorFloatingPoint.rawValue)
            force(SignalInfo(Signal.floatingPoint, code: code, address: address))
        case .segmentNotPresent, .stackFault: force(SignalInfo(Signal.bus, code: SignalInfo.kernel))
        case .overflow, .boundRange: force(SignalInfo(Signal.segmentationFault, code: SignalInfo.kernel))
        case .debug:
            let isStep = registers.pointee.rflags & ProgramRegisters.trapFlag != 0
            force(SignalInfo(Signal.trap, code: isStep ? 2 : 1, address: address))  // TRAP_TRACE, TRAP_BRKPT
        case .breakpoint: force(SignalInfo(Signal.trap, code: SignalInfo.kernel))
        case .invalidOpcode: force(SignalInfo(Signal.illegalInstruction, code: 2, address: address))  // ILL_ILLOPN
        case .alignment: force(SignalInfo(Signal.bus, code: 1, address: 0))  // BUS_ADRALN
        default: force(SignalInfo(Signal.segmentationFault, code: SignalInfo.kernel))
        }
    }

    /// Which of the exceptions that the program does not mask has happened: FPE_FLTINV, and so on. The bits of the x87's
    /// status and of MXCSR are the same six.
    private func floatingPointCode(isVector: Bool) -> Int32 {
        let area = VectorState.area(of: self)
        let flags: UInt32
        if isVector {
            let mxcsr = area.load(fromByteOffset: 24, as: UInt32.self)
            flags = mxcsr & ~(mxcsr >> 7)
        } else {
            let control = area.load(fromByteOffset: 0, as: UInt16.self)
            flags = UInt32(area.load(fromByteOffset: 2, as: UInt16.self) & ~control)
        }
        if flags & 1 != 0 { return 7 }  // invalid
        if flags & 4 != 0 { return 3 }  // division by 0
        if flags & 8 != 0 { return 4 }  // overflow
        if flags & 0x12 != 0 { return 5 }  // underflow, or a denormal operand
        return flags & 0x20 != 0 ? 6 : 0  // inexact
    }

    /// Behind the last page that a program can have under Linux: a page short of the lower half.
    private static let topOfLinuxPrograms: UInt64 = 0x7FFF_FFFF_F000

    /// Becomes SIGSEGV or SIGBUS, or ends the process for want of memory.
    func raiseMemoryFault(_ failure: AddressSpace.FaultFailure, _ trap: Trap) {
        let address = trap.address
        self.trap = trap
        // Whether a page was there, as Linux tells it: not in what is barred altogether, always where programs have nothing.
        let isBarred = process.space.area(at: address)?.access.isEmpty ?? true
        if address >= Self.topOfLinuxPrograms {
            self.trap.error |= 1
        } else if isBarred {
            self.trap.error &= ~1
        }
        switch failure {
        case .notMapped: force(SignalInfo(Signal.segmentationFault, code: 1, address: address))  // SEGV_MAPERR
        case .notAllowed: force(SignalInfo(Signal.segmentationFault, code: 2, address: address))  // SEGV_ACCERR
        case .beyondEndOfFile: force(SignalInfo(Signal.bus, code: 2, address: address))  // BUS_ADRERR
        case .noMemory: OutOfMemory.endLargest(inFavourOf: self)
        }
    }

    /// Last step before the program goes on: builds signal frames, stops, or ends the thread.
    /// - Returns: false when the thread has left its process.
    func deliverSignals() -> Bool {
        if signals.pending.bits | process.signals.pending.bits == 0, !isKilled,
            process.requestedEnding == nil,
            !process.isStopped, registers.pointee.system_call == .max, signals.savedMask == nil
        {
            return true
        }
        while true {
            if isKilled || process.requestedEnding != nil {
                leave()
                return false
            }
            if process.isStopped {
                _ = try? process.continued.wait(interruptible: false)
                continue
            }
            guard let info = takePending(~signals.blocked, forHandler: true) else { break }
            act(on: info)
        }
        finishInterruptedCall(handler: nil)
        if let mask = signals.savedMask {
            signals.blocked = mask
            signals.savedMask = nil
        }
        registers.pointee.system_call = .max
        return true
    }

    private func act(on info: SignalInfo) {
        let action = process.signals.actions[info.signal]
        if action.isHandler {
            finishInterruptedCall(handler: action)
            do throws(Errno) {
                try pushSignalFrame(info, action)
            } catch {
                // No room for the frame. That is a fault of the program's own, which it may catch, on another stack perhaps;
                // but one that it cannot be told of ends it.
                if info.signal == Signal.segmentationFault {
                    process.requestEnd(.signaled(signal: Signal.segmentationFault, coreDumped: false))
                } else {
                    force(SignalInfo(Signal.segmentationFault, code: SignalInfo.kernel))
                }
            }
            return
        }
        if action.handler == SignalAction.ignore { return }
        switch Signal.defaultAction(info.signal) {
        case .ignore, .resume: return
        case .stop:
            // Nobody could continue an orphaned group; only SIGSTOP stops it all the same.
            if info.signal != Signal.stop && Processes.isOrphaned(process.group) { return }
            process.stop(by: info.signal)
        // There are no core files here.
        case .terminate, .dumpCore: process.requestEnd(.signaled(signal: info.signal, coreDumped: false))
        }
    }

    /// What an interrupted system call returns: it starts anew, or fails with EINTR when a handler runs that does not ask
    /// for SA_RESTART (signal(7)).
    private func finishInterruptedCall(handler: SignalAction?) {
        let call = registers.pointee.system_call
        guard call != .max else { return }
        let result = Int64(bitPattern: registers.pointee.rax)
        let restarts: Bool
        if result == -Int64(Errno.restart.code) {
            restarts = handler.map { $0.flags & SignalAction.restart != 0 } ?? true
        } else if result == -Int64(Errno.restartWithoutHandler.code) {
            restarts = handler == nil
        } else {
            registers.pointee.system_call = .max
            return
        }
        if restarts {
            registers.pointee.rax = call
            registers.pointee.rip &-= 2  // back to the `syscall` instruction
        } else {
            registers.pointee.rax = UInt64(bitPattern: -Int64(Errno.interrupted.code))
            restartDeadline = nil
        }
        registers.pointee.system_call = .max
    }

    // MARK: Masks for the duration of a call (ppoll, pselect, sigsuspend)

    /// Blocks `mask` until the system call that asked for it has ended and its signals are delivered.
    func replaceSignalMask(with mask: UInt64) throws(Errno) {
        if signals.savedMask == nil { signals.savedMask = signals.blocked }
        signals.blocked = mask & ~Signal.unblockable
    }

    /// The call ended without a signal.
    func restoreSignalMask() {
        if let mask = signals.savedMask { signals.blocked = mask }
        signals.savedMask = nil
    }
}
