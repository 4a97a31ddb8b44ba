import GuestNucleus

// struct rt_sigframe (Linux arch/x86/include/asm/sigframe.h), from its lowest address:
//
//     | return address 8 | ucontext: flags 8, link 8, stack_t 24, sigcontext 256, mask 8 | siginfo 128 |
//     … up to 64-byte alignment …
//     | XSAVE area, with FP_XSTATE_MAGIC1 in its bytes 464…511 and FP_XSTATE_MAGIC2 behind it |
private enum Frame {
    static let context: UInt64 = 8
    static let stack: UInt64 = context + 16
    static let machine: UInt64 = context + 40
    static let mask: UInt64 = machine + 256
    static let info: UInt64 = mask + 8
    static let bytes: UInt64 = info + 128
    static let contextFlags: UInt64 = 7  // UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS
    static let redZone: UInt64 = 128

    static let softwareBytes = 464  // where struct _fpx_sw_bytes lies in the XSAVE area
    static let magic1: UInt32 = 0x4650_5853
    static let magic2: UInt32 = 0x4650_5845
    static let header = 512  // XSTATE_BV, XCOMP_BV, reserved
    static let mxcsr = 24
    static let mxcsrMask: UInt32 = 0xFFFF
}

extension Thread {
    /// Lets the program go on in its handler, with everything it was in the middle of on its stack.
    /// - Throws: `.badAddress`, `.noMemory`.
    func pushSignalFrame(_ info: SignalInfo, _ action: SignalAction) throws(Errno) {
        guard action.flags & SignalAction.hasRestorer != 0 else { throw .badAddress }
        let space = process.space
        let old = registers.pointee
        let isOnAlternate = signals.alternateStack.contains(old.rsp)
        var top = old.rsp &- Frame.redZone
        if action.flags & SignalAction.onAlternateStack != 0, signals.alternateStack.size != 0, !isOnAlternate
        {
            top = signals.alternateStack.start &+ signals.alternateStack.size
        }
        let stateBytes = UInt64(VectorState.bytes)
        let state = (top &- stateBytes &- 4) & ~63
        // At the handler's first instruction the stack is as after a call: 8 more than a multiple of 16.
        let start = ((state &- Frame.bytes) & ~15) &- 8
        guard start < AddressSpace.top, start >= AddressSpace.lowest else { throw .badAddress }
        // What does not fit on the alternate stack must not run over what lies below it.
        let isOnIt = isOnAlternate || top == signals.alternateStack.start &+ signals.alternateStack.size
        if isOnIt && signals.alternateStack.size != 0 && start < signals.alternateStack.start {
            throw .badAddress
        }

        try pushVectorState(at: state, in: space)
        try space.store(action.restorer, at: start)
        try space.store((Frame.contextFlags, UInt64(0)), at: start + Frame.context)
        try storeStack(at: start + Frame.stack, in: space, isOnAlternate: isOnAlternate)
        try pushRegisters(old, at: start + Frame.machine, state: state, in: space)
        try space.store(signals.savedMask ?? signals.blocked, at: start + Frame.mask)
        try space.write(info.encoded(), to: start + Frame.info)
        signals.savedMask = nil

        if signals.alternateStack.disarms && !isOnAlternate { signals.alternateStack = AlternateStack() }
        signals.blocked |= action.mask & ~Signal.unblockable
        if action.flags & SignalAction.noDefer == 0 {
            signals.blocked |= Signal.bit(info.signal) & ~Signal.unblockable
        }
        if action.flags & SignalAction.resetHandler != 0 {
            process.signals.actions[info.signal] = SignalAction()
        }

        registers.pointee.rsp = start
        registers.pointee.rip = action.handler
        registers.pointee.rax = 0
        registers.pointee.rdi = UInt64(info.signal)
        registers.pointee.rsi = start + Frame.info
        registers.pointee.rdx = start + Frame.context
        registers.pointee.rflags = old.rflags & ~ProgramRegisters.handlerClearedFlags
        if !ProgramRegisters.isCodeAddress(action.handler) { registers.pointee.rip = 0 }
        VectorState.reset(self)  // a handler starts with fresh vector registers
    }

    private func pushVectorState(at address: UInt64, in space: AddressSpace) throws(Errno) {
        let area = VectorState.area(of: self)
        let bytes = VectorState.bytes
        try space.write(UnsafeRawBufferPointer(start: area, count: bytes), to: address)
        // struct _fpx_sw_bytes: magic1, extended_size, xfeatures, xstate_size.
        try space.store(
            (Frame.magic1, UInt32(bytes + 4), VectorState.components, UInt32(bytes), UInt32(0)),
            at: address + UInt64(Frame.softwareBytes))
        try space.store(Frame.magic2, at: address + UInt64(bytes))
    }

    private func pushRegisters(
        _ old: program_registers, at address: UInt64, state: UInt64, in space: AddressSpace
    ) throws(Errno) {
        try space.store(
            (old.r8, old.r9, old.r10, old.r11, old.r12, old.r13, old.r14, old.r15), at: address)
        try space.store(
            (old.rdi, old.rsi, old.rbp, old.rbx, old.rdx, old.rax, old.rcx, old.rsp), at: address + 64)
        let selectors = UInt64(SWIFTLET_USER_CS) | UInt64(SWIFTLET_USER_SS) << 48
        try space.store(
            (
                old.rip, old.rflags, selectors, trap.error, UInt64(trap.vector), signals.blocked,
                trap.address, state
            ),
            at: address + 128)
        try space.write([UInt8](repeating: 0, count: 64), to: address + 192)
    }

    /// stack_t: ss_sp, ss_flags, ss_size.
    func storeStack(at address: UInt64, in space: AddressSpace, isOnAlternate: Bool) throws(Errno) {
        let stack = signals.alternateStack
        var flags: UInt64 = stack.size == 0 ? 2 : isOnAlternate ? 1 : 0  // SS_DISABLE, SS_ONSTACK
        if stack.disarms { flags |= 1 << 31 }
        try space.store((stack.start, flags, stack.size), at: address)
    }

    /// rt_sigreturn(2): takes up what `pushSignalFrame` put down, or what the program made of it: nothing of it is believed
    /// that could get out of ring 3 or fault in the kernel.
    /// - Returns: what RAX shall be.
    func returnFromSignal() throws(Errno) -> UInt64 {
        let space = process.space
        let start = registers.pointee.rsp &- 8
        let machine = start &+ Frame.machine
        let a = try space.load(
            (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64).self, at: machine)
        let b = try space.load(
            (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64).self, at: machine &+ 64)
        let c = try space.load(
            (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64).self, at: machine &+ 128)
        let mask = try space.load(UInt64.self, at: start &+ Frame.mask)
        guard ProgramRegisters.isCodeAddress(c.0) else { throw .badAddress }
        try popVectorState(at: c.7, in: space)
        restoreStack(from: try space.load((UInt64, UInt64, UInt64).self, at: start &+ Frame.stack))
        (registers.pointee.r8, registers.pointee.r9, registers.pointee.r10, registers.pointee.r11) = (
            a.0, a.1, a.2, a.3
        )
        (registers.pointee.r12, registers.pointee.r13, registers.pointee.r14, registers.pointee.r15) = (
            a.4, a.5, a.6, a.7
        )
        (registers.pointee.rdi, registers.pointee.rsi, registers.pointee.rbp, registers.pointee.rbx) = (
            b.0, b.1, b.2, b.3
        )
        (registers.pointee.rdx, registers.pointee.rax, registers.pointee.rcx, registers.pointee.rsp) = (
            b.4, b.5, b.6, b.7
        )
        registers.pointee.rip = c.0
        registers.pointee.rflags = ProgramRegisters.sanitized(flags: c.1)
        registers.pointee.system_call = .max
        signals.blocked = mask & ~Signal.unblockable
        process.timers?.handlerReturned()
        return b.5
    }

    private func popVectorState(at address: UInt64, in space: AddressSpace) throws(Errno) {
        if address == 0 { return VectorState.reset(self) }
        let area = VectorState.area(of: self)
        // From here on the area is what counts: reading from the program may wait, and another thread's turn must not
        // save the registers over it.
        VectorState.reload(self)
        let bytes = VectorState.bytes
        let magic = try space.load(
            (UInt32, UInt32, UInt64, UInt32).self, at: address &+ UInt64(Frame.softwareBytes))
        var isExtended = magic.0 == Frame.magic1 && magic.3 == UInt32(bytes)
        if isExtended {
            isExtended = try space.load(UInt32.self, at: address &+ UInt64(bytes)) == Frame.magic2
        }
        let count = isExtended ? bytes : Frame.header
        try space.read(from: address, into: UnsafeMutableRawBufferPointer(start: area, count: count))
        // What XRSTOR would refuse with #GP is taken out: unknown components, the compact form, reserved bits.
        let components =
            isExtended ? area.load(fromByteOffset: Frame.header, as: UInt64.self) & VectorState.components : 3
        wide_zero(area + Frame.softwareBytes, UInt64(Frame.header - Frame.softwareBytes))
        wide_zero(area + Frame.header, 64)
        area.storeBytes(of: components, toByteOffset: Frame.header, as: UInt64.self)
        let mxcsr = area.load(fromByteOffset: Frame.mxcsr, as: UInt32.self) & Frame.mxcsrMask
        area.storeBytes(of: mxcsr, toByteOffset: Frame.mxcsr, as: UInt32.self)
    }

    private func restoreStack(from words: (UInt64, UInt64, UInt64)) {
        if words.1 & 2 != 0 {
            signals.alternateStack = AlternateStack()
        } else if words.2 >= 2048, words.0 < AddressSpace.top, words.2 < AddressSpace.top {
            signals.alternateStack = AlternateStack(
                start: words.0, size: words.2, disarms: words.1 & 1 << 31 != 0)
        }
    }
}

extension SignalInfo {
    /// siginfo_t, 128 bytes.
    func encoded() -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(Self.bytes)
        for word in [UInt32(bitPattern: signal), UInt32(bitPattern: errno), UInt32(bitPattern: code), 0] {
            for shift in 0..<4 { result.append(UInt8(truncatingIfNeeded: word >> UInt32(shift * 8))) }
        }
        for i in 0..<4 {
            for shift in 0..<8 { result.append(UInt8(truncatingIfNeeded: detail[i] >> UInt64(shift * 8))) }
        }
        for _ in result.count..<Self.bytes { result.append(0) }
        return result
    }
}
