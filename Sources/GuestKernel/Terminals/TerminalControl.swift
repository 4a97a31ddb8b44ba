/// ioctl(2) on either side of a terminal (tty_ioctl(4)).
struct TerminalControl {
    private let terminal: Terminal
    private let isMaster: Bool
    private let file: File
    private let process: Process
    private var space: AddressSpace { process.space }

    init(_ terminal: Terminal, isMaster: Bool, _ file: File) {
        self.terminal = terminal
        self.isMaster = isMaster
        self.file = file
        process = Scheduler.current.process
    }

    /// The requests, by Linux's names.
    private enum Request: UInt32 {
        case TCGETS = 0x5401
        case TCSETS = 0x5402
        case TCSETSW = 0x5403
        case TCSETSF = 0x5404
        case TCGETA = 0x5405
        case TCSETA = 0x5406
        case TCSETAW = 0x5407
        case TCSETAF = 0x5408
        case TCSBRK = 0x5409
        case TCXONC = 0x540A
        case TCFLSH = 0x540B
        case TIOCEXCL = 0x540C
        case TIOCNXCL = 0x540D
        case TIOCSCTTY = 0x540E
        case TIOCGPGRP = 0x540F
        case TIOCSPGRP = 0x5410
        case TIOCOUTQ = 0x5411
        case TIOCSTI = 0x5412
        case TIOCGWINSZ = 0x5413
        case TIOCSWINSZ = 0x5414
        case FIONREAD = 0x541B
        case TIOCPKT = 0x5420
        case TIOCNOTTY = 0x5422
        case TIOCSETD = 0x5423
        case TIOCGETD = 0x5424
        case TCSBRKP = 0x5425
        case TIOCSBRK = 0x5427
        case TIOCCBRK = 0x5428
        case TIOCGSID = 0x5429
        case TCGETS2 = 0x802C_542A
        case TCSETS2 = 0x402C_542B
        case TCSETSW2 = 0x402C_542C
        case TCSETSF2 = 0x402C_542D
        case TIOCGPTN = 0x8004_5430
        case TIOCSPTLCK = 0x4004_5431
        case TIOCGDEV = 0x8004_5432
        case TIOCSIG = 0x4004_5436
        case TIOCVHANGUP = 0x5437
        case TIOCGPKT = 0x8004_5438
        case TIOCGPTLCK = 0x8004_5439
        case TIOCGEXCL = 0x8004_5440
        case TIOCGPTPEER = 0x5441
    }

    func serve(_ number: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        guard let request = Request(rawValue: number) else { throw .notTerminal }
        if terminal.isHungUp && !isMaster {
            throw request == .TIOCSPGRP || request == .TIOCGPGRP ? .notTerminal : .ioError
        }
        if isMaster, let result = try serveMaster(request, argument) { return result }
        if let result = try serveSettings(request, argument) { return result }
        return try serveOwner(request, argument)
    }

    // MARK: The master's own

    private func serveMaster(_ request: Request, _ argument: UInt64) throws(Errno) -> Int? {
        switch request {
        case .TIOCGPTN: try space.store(UInt32(terminal.number), at: argument)
        case .TIOCSPTLCK: terminal.isLocked = try space.load(Int32.self, at: argument) != 0
        case .TIOCGPTLCK: try space.store(Int32(terminal.isLocked ? 1 : 0), at: argument)
        case .TIOCPKT:
            terminal.isPacketMode = try space.load(Int32.self, at: argument) != 0
            terminal.packetStatus = 0
        case .TIOCGPKT: try space.store(Int32(terminal.isPacketMode ? 1 : 0), at: argument)
        case .TIOCSIG:
            let signal = Int32(truncatingIfNeeded: argument)
            guard signal == Signal.interrupt || signal == Signal.quit || signal == Signal.terminalStop else {
                throw .invalidArgument
            }
            if terminal.foregroundGroup != 0 { Processes.send(signal, toGroup: terminal.foregroundGroup) }
        case .TIOCGPTPEER:
            let flags = UInt32(truncatingIfNeeded: argument)
            let peer = try terminal.inode.open(flags: flags)
            let limit = Int(min(process.limits.soft[7], 1 << 20))
            return Int(
                try process.files.add(peer, closeOnExec: flags & OpenFlags.closeOnExec != 0, limit: limit))
        case .FIONREAD: try space.store(Int32(clamping: terminal.output.count), at: argument)
        case .TIOCSTI, .TIOCSCTTY, .TIOCNOTTY: throw .notTerminal
        default: return nil
        }
        return 0
    }

    // MARK: Settings, queues, window

    private func serveSettings(_ request: Request, _ argument: UInt64) throws(Errno) -> Int? {
        switch request {
        case .TCGETS: try space.write(terminal.settings.encoded(withSpeeds: false), to: argument)
        case .TCGETS2: try space.write(terminal.settings.encoded(withSpeeds: true), to: argument)
        case .TCGETA: try space.write(terminal.settings.encodedOld(), to: argument)
        case .TCSETS, .TCSETSW, .TCSETSF, .TCSETS2, .TCSETSW2, .TCSETSF2, .TCSETA, .TCSETAW, .TCSETAF:
            try setSettings(request, argument)
        case .TIOCGWINSZ:
            let size = terminal.window
            try space.store((size.rows, size.columns, size.width, size.height), at: argument)
        case .TIOCSWINSZ:
            let size = try space.load((UInt16, UInt16, UInt16, UInt16).self, at: argument)
            terminal.setWindow(WindowSize(rows: size.0, columns: size.1, width: size.2, height: size.3))
        case .TIOCOUTQ: try space.store(Int32(0), at: argument)
        case .FIONREAD:
            let count = terminal.settings.isCanonical ? terminal.input.lineByteCount : terminal.input.count
            try space.store(Int32(clamping: count), at: argument)
        case .TCFLSH:
            try requireForegroundForChange()
            guard argument <= 2 else { throw .invalidArgument }
            // The master's input is the programs' output.
            if argument != 1 { isMaster ? terminal.flushOutput() : terminal.flushInput() }
            if argument != 0 { isMaster ? terminal.flushInput() : terminal.flushOutput() }
        case .TCXONC:
            try requireForegroundForChange()
            switch argument {
            case 0: terminal.stopOutput()
            case 1: terminal.startOutput()
            case 2, 3:
                let byte = terminal.settings[argument == 2 ? .stop : .start]
                if byte != 0 { terminal.echoRaw(byte) }
                terminal.masterChanged.wakeAll()
            default: throw .invalidArgument
            }
        case .TCSBRK, .TCSBRKP, .TIOCSBRK, .TIOCCBRK: break  // output is never slow here, and there is no line to break
        case .TIOCGETD: try space.store(Int32(0), at: argument)
        case .TIOCSETD: guard try space.load(Int32.self, at: argument) == 0 else { throw .invalidArgument }
        default: return nil
        }
        return 0
    }

    private func setSettings(_ request: Request, _ argument: UInt64) throws(Errno) {
        try requireForegroundForChange()
        var new = terminal.settings
        switch request {
        case .TCSETA, .TCSETAW, .TCSETAF:
            new.decodeOld(try space.read(from: argument, count: TerminalSettings.oldBytes))
        case .TCSETS2, .TCSETSW2, .TCSETSF2:
            new.decode(try space.read(from: argument, count: TerminalSettings.bytesWithSpeeds))
        default: new.decode(try space.read(from: argument, count: TerminalSettings.bytes))
        }
        if request == .TCSETSF || request == .TCSETSF2 || request == .TCSETAF { terminal.flushInput() }
        terminal.change(to: new)
    }

    private func requireForegroundForChange() throws(Errno) {
        if !isMaster { try terminal.requireForeground(Signal.terminalWrite) }
    }

    // MARK: Whose it is

    private func serveOwner(_ request: Request, _ argument: UInt64) throws(Errno) -> Int {
        switch request {
        case .TIOCGPGRP:
            guard isMaster || process.terminal === terminal else { throw .notTerminal }
            try space.store(terminal.foregroundGroup, at: argument)
        case .TIOCSPGRP: try setForeground(try space.load(Int32.self, at: argument))
        case .TIOCGSID:
            guard isMaster || process.terminal === terminal, terminal.session != 0 else { throw .notTerminal }
            try space.store(terminal.session, at: argument)
        case .TIOCSCTTY: try takeControl(isForced: argument == 1)
        case .TIOCNOTTY:
            guard process.terminal === terminal else { throw .notTerminal }
            process.leaveTerminal(isEnding: false)
        case .TIOCEXCL: terminal.isExclusive = true
        case .TIOCNXCL: terminal.isExclusive = false
        case .TIOCGEXCL: try space.store(Int32(terminal.isExclusive ? 1 : 0), at: argument)
        case .TIOCGDEV: try space.store(UInt32(TerminalInode.device(terminal.number)), at: argument)
        case .TIOCSTI:
            guard process.credentials.has(.administer) else { throw .ioError }
            let byte = try space.load(UInt8.self, at: argument)
            guard terminal.typed.count < Terminal.typedMaximum else { throw .wouldBlock }
            terminal.typed.append(byte)
            terminal.takeTyped()
        case .TIOCVHANGUP:
            guard process.credentials.has(.administer) else { throw .notPermitted }
            Processes.hangUp(terminal)
        default: throw .notTerminal
        }
        return 0
    }

    private func setForeground(_ group: Int32) throws(Errno) {
        guard process.terminal === terminal, terminal.session == process.session else { throw .notTerminal }
        if !isMaster { try terminal.requireForeground(Signal.terminalWrite) }
        guard group >= 0 else { throw .invalidArgument }
        guard let member = Processes.all.first(where: { $0.group == group }) else { throw .noSuchProcess }
        guard member.session == process.session else { throw .notPermitted }
        terminal.foregroundGroup = group
    }

    private func takeControl(isForced: Bool) throws(Errno) {
        let isLeader = process.session == process.id
        if isLeader && terminal.session == process.session && process.terminal === terminal { return }
        guard isLeader, process.terminal == nil else { throw .notPermitted }
        if terminal.session != 0 {
            guard isForced, process.credentials.has(.administer) else { throw .notPermitted }
            Processes.forgetTerminal(terminal)
        }
        guard file.isReadable || process.credentials.has(.administer) else { throw .notPermitted }
        process.take(terminal)
    }
}
