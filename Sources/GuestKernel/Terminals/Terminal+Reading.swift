/// read(2) on the programs' side: lines, or as VMIN and VTIME say (termios(3), "Canonical and noncanonical mode").
extension Terminal {
    /// Whether a read would return now.
    var isInputReady: Bool {
        if settings.isCanonical { return input.hasLine }
        let minimum = Int(settings[.minimum])
        return input.count >= (settings[.time] == 0 ? max(minimum, 1) : 1)
    }

    func read(_ buffer: inout IOBuffer, nonblocking: Bool) throws(Errno) -> Int {
        if buffer.remaining == 0 || isHungUp { return 0 }
        try requireForeground(Signal.terminalRead)
        let tenth: UInt64 = 100_000_000
        let time = UInt64(settings[.time]) * tenth
        var minimum = 1
        var betweenBytes: UInt64 = 0
        var deadline = UInt64.max
        if !settings.isCanonical {
            if settings[.minimum] > 0 {
                minimum = Int(settings[.minimum])
                betweenBytes = time
            } else {
                deadline = Clock.monotonic + time
            }
        }
        var done = 0
        while true {
            if settings.isCanonical ? input.hasLine : input.count > 0 {
                done += try take(&buffer)
                if settings.isCanonical || done >= minimum || buffer.remaining == 0 { return done }
                if betweenBytes > 0 { deadline = Clock.monotonic + betweenBytes }
                continue
            }
            if isHungUp || deadline <= Clock.monotonic { return done }
            do throws(Errno) {
                if nonblocking { throw .wouldBlock }
                if try !changed.wait(until: deadline) { return done }
            } catch {
                if done > 0 { return done }
                throw error
            }
        }
    }

    private func take(_ buffer: inout IOBuffer) throws(Errno) -> Int {
        let wanted = min(buffer.remaining, TypedInput.capacity)
        let bytes = settings.isCanonical ? input.takeLine(wanted).bytes : input.takeRaw(wanted)
        takeTyped()
        masterChanged.wakeAll()
        return try Self.copy(bytes, to: &buffer)
    }

    static func copy(_ bytes: [UInt8], to buffer: inout IOBuffer) throws(Errno) -> Int {
        var count = 0
        var failure: Errno?
        bytes.withUnsafeBytes { source in
            do throws(Errno) { count = try buffer.put(source) } catch { failure = error }
        }
        if let failure { throw failure }
        return count
    }

    // MARK: Job control

    /// A read or write of a process in the background: its group is stopped, or the call fails if nobody could continue it
    /// (setpgid(2), "A session can have a controlling terminal").
    /// - Throws: `.restart` after sending the signal, `.ioError`.
    func requireForeground(_ signal: Int32) throws(Errno) {
        let thread: Thread = Scheduler.current
        let process = thread.process
        guard process.terminal === self, foregroundGroup != 0, process.group != foregroundGroup else {
            return
        }
        let isIgnored = process.signals.actions[signal].handler == SignalAction.ignore
        if isIgnored || thread.signals.blocked & Signal.bit(signal) != 0 {
            if signal == Signal.terminalRead { throw .ioError }
            return
        }
        if Processes.isOrphaned(process.group) { throw .ioError }
        Processes.send(signal, toGroup: process.group)
        throw .restart
    }
}
