/// prctl(2): what programs ask for; the rest is refused and counted.
private enum ProcessControl: UInt64 {
    case setParentDeathSignal = 1, getParentDeathSignal = 2, getDumpable = 3, setDumpable = 4
    case getKeepCapabilities = 7, setKeepCapabilities = 8, setName = 15, getName = 16, getSeccomp = 21
    case readBoundingCapability = 23, getTimeStampCounter = 25, getSecureBits = 27
    case setTimerSlack = 29, getTimerSlack = 30, setSubreaper = 36, getSubreaper = 37
    case setNoNewPrivileges = 38, getNoNewPrivileges = 39, getTIDAddress = 40
    case setHugePagesOff = 41, getHugePagesOff = 42, ambientCapabilities = 47
    case nameMapping = 0x5356_4D41
}

/// What prctl(2) keeps for a process without anything coming of it.
struct ProcessAttributes {
    /// PR_SET_DUMPABLE.
    var dumpable: UInt64 = 1
    var keepsCapabilities = false
    var hasHugePagesOff = false
    /// Nanoseconds; PR_SET_TIMERSLACK.
    var timerSlack: UInt64 = 50_000
    /// personality(2).
    var personality: UInt32 = 0
}

func processControl(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    let process = thread.process
    let space = process.space
    let b = arguments.b
    guard let control = ProcessControl(rawValue: arguments.a) else {
        SystemCalls.countUnsupported(.prctl)
        throw .invalidArgument
    }
    switch control {
    case .setParentDeathSignal:
        let signal = Int32(truncatingIfNeeded: b)
        guard signal == 0 || Signal.isValid(signal) else { throw .invalidArgument }
        process.parentDeathSignal = signal
    case .getParentDeathSignal: try space.store(process.parentDeathSignal, at: b)
    case .getDumpable: return Int(process.attributes.dumpable)
    case .setDumpable:
        guard b <= 1 else { throw .invalidArgument }
        process.attributes.dumpable = b
    case .getKeepCapabilities: return process.attributes.keepsCapabilities ? 1 : 0
    case .setKeepCapabilities:
        guard b <= 1 else { throw .invalidArgument }
        process.attributes.keepsCapabilities = b == 1
    case .setName:
        let text: [UInt8]
        do throws(Errno) {
            text = try space.string(at: b, limit: 16)
        } catch {
            guard error == .nameTooLong else { throw error }
            text = try space.read(from: b, count: 15)
        }
        thread.name = Array(text.prefix(15))
    case .getName:
        var name = thread.name
        while name.count < 16 { name.append(0) }
        try space.write(name, to: b)
    case .getSeccomp, .getSecureBits: return 0
    case .readBoundingCapability:
        guard b <= 40 else { throw .invalidArgument }
        return 1
    case .getTimeStampCounter: try space.store(Int32(1), at: b)  // PR_TSC_ENABLE
    case .setTimerSlack: process.attributes.timerSlack = b == 0 ? ProcessAttributes().timerSlack : b
    case .getTimerSlack: return Int(min(process.attributes.timerSlack, UInt64(Int64.max)))
    case .setSubreaper: process.isSubreaper = b != 0
    case .getSubreaper: try space.store(Int32(process.isSubreaper ? 1 : 0), at: b)
    case .setNoNewPrivileges:
        guard b == 1, arguments.c | arguments.d | arguments.e == 0 else { throw .invalidArgument }
        process.credentials.hasNoNewPrivileges = true
    case .getNoNewPrivileges:
        guard b | arguments.c | arguments.d | arguments.e == 0 else { throw .invalidArgument }
        return process.credentials.hasNoNewPrivileges ? 1 : 0
    case .getTIDAddress: try space.store(thread.clearChildTID, at: b)
    case .setHugePagesOff: process.attributes.hasHugePagesOff = b != 0
    case .getHugePagesOff: return process.attributes.hasHugePagesOff ? 1 : 0
    case .ambientCapabilities:
        // PR_CAP_AMBIENT_IS_SET 1, CLEAR_ALL 4: there are none. RAISE and LOWER need what nobody has.
        guard b == 1 || b == 4 else { throw b == 2 || b == 3 ? .notPermitted : .invalidArgument }
    case .nameMapping: break  // PR_SET_VMA: names for mappings
    }
    return 0
}
