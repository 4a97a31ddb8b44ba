import GuestNucleus

/// Signal numbers and what they do by default (signal(7)).
enum Signal {
    static let hangUp: Int32 = 1
    static let interrupt: Int32 = 2
    static let quit: Int32 = 3
    static let illegalInstruction: Int32 = 4
    static let trap: Int32 = 5
    static let abort: Int32 = 6
    static let bus: Int32 = 7
    static let floatingPoint: Int32 = 8
    static let kill: Int32 = 9
    static let segmentationFault: Int32 = 11
    static let pipe: Int32 = 13
    static let alarm: Int32 = 14
    static let child: Int32 = 17
    static let resume: Int32 = 18          // SIGCONT
    static let stop: Int32 = 19
    static let terminalStop: Int32 = 20
    static let terminalRead: Int32 = 21
    static let terminalWrite: Int32 = 22
    static let urgent: Int32 = 23
    static let cpuLimit: Int32 = 24
    static let virtualAlarm: Int32 = 26
    static let profile: Int32 = 27
    static let windowChanged: Int32 = 28
    static let firstRealTime: Int32 = 32
    static let last: Int32 = 64

    enum DefaultAction { case terminate, dumpCore, ignore, stop, resume }

    static func isValid(_ signal: Int32) -> Bool { signal >= 1 && signal <= last }

    /// The signal's place in a sigset_t.
    static func bit(_ signal: Int32) -> UInt64 { 1 << UInt64(signal - 1) }

    static let stopping = bit(stop) | bit(terminalStop) | bit(terminalRead) | bit(terminalWrite)
    static let ignoredByDefault = bit(child) | bit(resume) | bit(urgent) | bit(windowChanged)
    /// What can be neither blocked nor caught nor ignored.
    static let unblockable = bit(kill) | bit(stop)
    /// What the processor itself raises: delivered before anything else, and never lost in a blocked mask.
    static let synchronous =
        bit(segmentationFault) | bit(bus) | bit(illegalInstruction) | bit(trap) | bit(floatingPoint)
    private static let dumping = synchronous | bit(quit) | bit(abort) | bit(cpuLimit) | bit(25) | bit(31)

    static func defaultAction(_ signal: Int32) -> DefaultAction {
        let one = bit(signal)
        if signal == resume { return .resume }
        if ignoredByDefault & one != 0 { return .ignore }
        if stopping & one != 0 { return .stop }
        return dumping & one != 0 ? .dumpCore : .terminate
    }
}

/// siginfo_t, as far as the kernel fills it: three numbers, then what depends on `code`, at byte 16 of 128.
struct SignalInfo {
    var signal: Int32
    var code: Int32
    var errno: Int32 = 0
    /// Bytes 16…47: si_pid and si_uid, si_addr, si_status, si_value and so on.
    var detail = InlineArray<4, UInt64>(repeating: 0)

    static let bytes = 128
    // si_code: who sent it.
    static let user: Int32 = 0             // SI_USER: kill(2)
    static let kernel: Int32 = 0x80        // SI_KERNEL
    static let timer: Int32 = -2           // SI_TIMER
    static let thread: Int32 = -6          // SI_TKILL

    init(_ signal: Int32, code: Int32) {
        self.signal = signal
        self.code = code
    }

    /// From a process: kill(2), tkill(2).
    init(_ signal: Int32, code: Int32, from sender: Process) {
        self.init(signal, code: code)
        detail[0] = UInt64(UInt32(bitPattern: sender.id)) | UInt64(sender.credentials.user) << 32
    }

    /// A processor fault at `address`.
    init(_ signal: Int32, code: Int32, address: UInt64) {
        self.init(signal, code: code)
        detail[0] = address
    }
}

/// struct sigaction as the kernel's ABI has it; four words.
struct SignalAction {
    var handler: UInt64 = Self.byDefault
    var flags: UInt64 = 0
    var restorer: UInt64 = 0
    var mask: UInt64 = 0

    static let byDefault: UInt64 = 0       // SIG_DFL
    static let ignore: UInt64 = 1          // SIG_IGN

    static let noChildStop: UInt64 = 1     // SA_NOCLDSTOP
    static let noChildWait: UInt64 = 2     // SA_NOCLDWAIT
    static let wantsInfo: UInt64 = 4       // SA_SIGINFO
    static let hasRestorer: UInt64 = 0x0400_0000
    static let onAlternateStack: UInt64 = 0x0800_0000
    static let restart: UInt64 = 0x1000_0000
    static let noDefer: UInt64 = 0x4000_0000
    static let resetHandler: UInt64 = 0x8000_0000

    /// What sigaction(2) keeps: those above, SA_EXPOSE_TAGBITS and the mark of a restorer.
    static let knownFlags: UInt64 =
        noChildStop | noChildWait | wantsInfo | hasRestorer | onAlternateStack | restart | noDefer
        | resetHandler | 0x800

    var isHandler: Bool { handler > Self.ignore }
}

/// A process's signal dispositions; shared with CLONE_SIGHAND.
final class SignalActions {
    private var table = [SignalAction](repeating: SignalAction(), count: Int(Signal.last))
    /// Signals that would do nothing if they came now.
    private(set) var ignored = Signal.ignoredByDefault

    subscript(signal: Int32) -> SignalAction {
        get { table[Int(signal - 1)] }
        set {
            table[Int(signal - 1)] = newValue
            let ignores = newValue.handler == SignalAction.ignore
                || (newValue.handler == SignalAction.byDefault
                    && Signal.ignoredByDefault & Signal.bit(signal) != 0)
            if ignores { ignored |= Signal.bit(signal) } else { ignored &= ~Signal.bit(signal) }
        }
    }

    /// The signals, as a sigset_t, whose action is so.
    func all(where isWanted: (SignalAction) -> Bool) -> UInt64 {
        var set: UInt64 = 0
        for signal in 1...Signal.last where isWanted(self[signal]) { set |= Signal.bit(signal) }
        return set
    }

    func copy() -> SignalActions {
        let other = SignalActions()
        other.table = table
        other.ignored = ignored
        return other
    }

    /// For exec: handlers are gone with the program they were in; what was ignored stays ignored.
    func resetHandlers() {
        for signal in 1...Signal.last {
            let keepsIgnoring = self[signal].handler == SignalAction.ignore
            self[signal] = SignalAction(handler: keepsIgnoring ? SignalAction.ignore : SignalAction.byDefault)
        }
    }

    /// CLONE_CLEAR_SIGHAND.
    func resetAll() {
        for signal in 1...Signal.last { self[signal] = SignalAction() }
    }
}

/// Signals sent and not yet delivered. Of an ordinary signal there is at most one, real-time ones queue up.
struct PendingSignals {
    /// RLIMIT_SIGPENDING cannot be more: what they take is the kernel's memory.
    static let maximumQueued = 16384
    /// bit n-1: signal n.
    private(set) var bits: UInt64 = 0
    private var queue: [SignalInfo] = []
    /// What is before it in `queue` has been taken.
    private var start = 0

    /// - Parameter limit: how many may be queued; ordinary signals always may.
    /// - Returns: false when the queue of a real-time signal is full.
    @discardableResult
    mutating func add(_ info: SignalInfo, limit: UInt64 = .max) -> Bool {
        let bit = Signal.bit(info.signal)
        if info.signal < Signal.firstRealTime {
            if bits & bit != 0 { return true }
        } else {
            guard queue.count - start < Self.maximumQueued, UInt64(queue.count - start) < limit else {
                return false
            }
        }
        bits |= bit
        queue.append(info)
        return true
    }

    /// Takes out the next signal of `wanted`: processor faults first, then the lowest number.
    mutating func take(_ wanted: UInt64) -> SignalInfo? {
        let candidates = bits & wanted
        if candidates == 0 { return nil }
        let faults = candidates & Signal.synchronous
        let signal = Int32((faults != 0 ? faults : candidates).trailingZeroBitCount) + 1
        guard let i = queue[start...].firstIndex(where: { $0.signal == signal }) else { return nil }
        let info = queue[i]
        // The first one is the usual one, and thousands may be behind it.
        if i == start { start += 1 } else { queue.remove(at: i) }
        if start == queue.count || start > 512 && start * 2 > queue.count {
            queue.removeFirst(start)
            start = 0
        }
        if !queue[start...].contains(where: { $0.signal == signal }) { bits &= ~Signal.bit(signal) }
        return info
    }

    mutating func discard(_ unwanted: UInt64) {
        if bits & unwanted == 0 { return }
        bits &= ~unwanted
        queue.removeFirst(start)
        start = 0
        queue.removeAll { Signal.bit($0.signal) & unwanted != 0 }
    }
}

/// What each thread has of its own.
struct ThreadSignals {
    var pending = PendingSignals()
    var blocked: UInt64 = 0
    /// The mask to come back to when the system call that replaced it for its duration ends (sigsuspend, ppoll).
    var savedMask: UInt64?
    /// What sigtimedwait is waiting for.
    var awaited: UInt64 = 0
    var alternateStack = AlternateStack()
}

/// sigaltstack(2); stack_t.
struct AlternateStack {
    var start: UInt64 = 0
    var size: UInt64 = 0       // 0: none
    var disarms = false        // SS_AUTODISARM

    func contains(_ stackPointer: UInt64) -> Bool {
        size != 0 && stackPointer > start && stackPointer - start <= size
    }
}

/// What a process's threads share.
struct ProcessSignals {
    var pending = PendingSignals()
    var actions = SignalActions()
}
