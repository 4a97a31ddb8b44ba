import GuestNucleus

extension Thread {
    /// The processor refused an instruction: becomes SIGILL, SIGFPE, SIGSEGV, SIGBUS or SIGTRAP.
    /// - Parameter address: where.
    func raiseException(_ trap: Trap, at address: UInt64) {
        switch ExceptionVector(rawValue: trap.vector) {
        case .divideError: force(SignalInfo(Signal.floatingPoint, code: 1, address: address))  // FPE_INTDIV
        case .floatingPoint, .vectorFloatingPoint:
            force(SignalInfo(Signal.floatingPoint, code: 3, address: address))
        case .overflow, .boundRange: force(SignalInfo(Signal.segmentationFault, code: SignalInfo.kernel))
        case .debug: force(SignalInfo(Signal.trap, code: 2, address: address))  // TRAP_TRACE
        case .breakpoint: force(SignalInfo(Signal.trap, code: SignalInfo.kernel))
        case .invalidOpcode: force(SignalInfo(Signal.illegalInstruction, code: 2, address: address))  // ILL_ILLOPN
        case .alignment: force(SignalInfo(Signal.bus, code: 1, address: 0))  // BUS_ADRALN
        default: force(SignalInfo(Signal.segmentationFault, code: SignalInfo.kernel))
        }
    }

    /// Becomes SIGSEGV or SIGBUS, or ends the process for want of memory.
    func raiseMemoryFault(_ failure: AddressSpace.FaultFailure, at address: UInt64) {
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
