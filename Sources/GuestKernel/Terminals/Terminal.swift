/// A terminal: a pseudo-terminal's two sides with the line discipline between them (tty_ioctl(4), pty(7)). The master's side
/// types and shows; the other one is what programs take for a terminal.
///
///     master writes → typed → line discipline (editing, echo, signals) → input → programs read
///     programs write → output processing → output → master reads
final class Terminal {
    /// Bytes from the master that wait for room in `input`.
    static let typedMaximum = 8192
    /// Bytes that wait for the master, before writers have to.
    static let outputMaximum = 8192
    /// Echo beyond this is lost; a writer's output is not.
    static let echoMaximum = outputMaximum + 4096

    /// N of /dev/pts/N.
    let number: UInt64
    /// What /dev/pts/N is, for fstat and open.
    let inode: TerminalInode
    var settings = TerminalSettings()
    private(set) var window = WindowSize()

    /// The session whose controlling terminal this is, and its group in the foreground; 0: none.
    var session: Int32 = 0
    var foregroundGroup: Int32 = 0

    /// Cannot be opened until the master's owner says so (TIOCSPTLCK); TIOCEXCL.
    var isLocked = true
    var isExclusive = false
    private(set) var isMasterOpen = true
    /// Open descriptions of the programs' side.
    private(set) var openCount = 0
    private(set) var wasOpened = false

    var typed = ByteQueue()
    var input = TypedInput()
    var output = ByteQueue()
    /// Output is held: Ctrl-S, or TCXONC.
    private(set) var isStopped = false
    /// The next byte typed is taken as it is (VLNEXT).
    var takesNextLiterally = false
    /// Where the next character is shown, from 0; and where the line being edited began.
    var column = 0
    var editColumn = 0

    /// TIOCPKT: the master's reads say what happened (TIOCPKT_ bits) or begin with a zero.
    var isPacketMode = false
    var packetStatus: UInt8 = 0

    /// Woken when something changes for the programs, or for the master.
    let changed = WaitQueue()
    let masterChanged = WaitQueue()
    let writeLock = SleepLock()

    init(number: UInt64, owner: Credentials) {
        self.number = number
        inode = TerminalInode(number: number, owner: owner)
    }

    /// The master has gone, and with it whatever typed and showed.
    var isHungUp: Bool { !isMasterOpen }
    /// No program has it open any more: the master's reads end.
    var isAbandoned: Bool { isEnded || wasOpened && openCount == 0 }
    private var isEnded = false

    func wakeAll() {
        changed.wakeAll()
        masterChanged.wakeAll()
    }

    // MARK: Opening and closing

    func addOpen() {
        openCount += 1
        wasOpened = true
    }

    func dropOpen() {
        openCount -= 1
        if openCount > 0 { return }
        isExclusive = false
        masterChanged.wakeAll()
        PseudoTerminals.forgetIfUnused(self)
    }

    /// The last descriptor of the master is gone: hang-up (SIGHUP to the session's leader).
    func closeMaster() {
        isMasterOpen = false
        Processes.hangUp(self)
        typed.removeAll()
        output.removeAll()
        wakeAll()
        PseudoTerminals.forgetIfUnused(self)
    }

    /// No program will ever write again, whatever is still open.
    func endPrograms() {
        isEnded = true
        startOutput()
        masterChanged.wakeAll()
    }

    // MARK: Window

    func setWindow(_ size: WindowSize) {
        if size == window { return }
        window = size
        if foregroundGroup != 0 { Processes.send(Signal.windowChanged, toGroup: foregroundGroup) }
    }

    // MARK: Flow

    func stopOutput() {
        if isStopped { return }
        isStopped = true
        report(packet: .stop)
    }

    func startOutput() {
        guard isStopped else { return }
        isStopped = false
        report(packet: .start)
        wakeAll()
    }

    enum Packet: UInt8 {
        case flushRead = 1
        case flushWrite = 2
        case stop = 4
        case start = 8
        case noFlowControl = 16
        case flowControl = 32
    }

    func report(packet: Packet) {
        guard isPacketMode else { return }
        switch packet {
        case .stop: packetStatus &= ~Packet.start.rawValue
        case .start: packetStatus &= ~Packet.stop.rawValue
        case .noFlowControl: packetStatus &= ~Packet.flowControl.rawValue
        case .flowControl: packetStatus &= ~Packet.noFlowControl.rawValue
        default: break
        }
        packetStatus |= packet.rawValue
        masterChanged.wakeAll()
    }

    /// tcflush(3).
    func flushInput() {
        typed.removeAll()
        input.removeAll()
        takesNextLiterally = false
        report(packet: .flushRead)
        masterChanged.wakeAll()
    }

    func flushOutput() {
        output.removeAll()
        report(packet: .flushWrite)
        changed.wakeAll()
    }

    // MARK: Settings

    func change(to new: TerminalSettings) {
        let old = settings
        settings = new
        if old.isCanonical != new.isCanonical {
            input.change(toLines: new.isCanonical)
            takesNextLiterally = false
        }
        let hadFlowControl = old.input.contains(.flowControl)
        let hasFlowControl = new.input.contains(.flowControl)
        if hadFlowControl && !hasFlowControl { startOutput() }
        if hadFlowControl != hasFlowControl { report(packet: hasFlowControl ? .flowControl : .noFlowControl) }
        takeTyped()
        wakeAll()
    }
}
