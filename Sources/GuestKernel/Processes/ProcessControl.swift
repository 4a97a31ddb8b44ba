/// prctl(2): what programs ask for; the rest is refused and counted.
private enum ProcessControl: UInt64 {
    case setParentDeathSignal = 1
    case getParentDeathSignal = 2
    case getDumpable = 3
    case setDumpable = 4
    case getKeepCapabilities = 7
    case setKeepCapabilities = 8
    case setName = 15
    case getName = 16
    case getSeccomp = 21
    case readBoundingCapability = 23
    case dropBoundingCapability = 24
    case getTimeStampCounter = 25
    case getSecureBits = 27
    case setSecureBits = 28
    case setTimerSlack = 29
    case getTimerSlack = 30
    case setSubreaper = 36
    case getSubreaper = 37
    case setNoNewPrivileges = 38
    case getNoNewPrivileges = 39
    case getTIDAddress = 40
    case setHugePagesOff = 41
    case getHugePagesOff = 42
    case ambientCapabilities = 47
    case nameMapping = 0x5356_4D41
}

/// What prctl(2) keeps for a process without anything coming of it.
struct ProcessAttributes {
    /// PR_SET_DUMPABLE.
    var dumpable: UInt64 = 1
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
    case .getKeepCapabilities:
        return process.credentials.capabilities.secureBits.contains(.keep) ? 1 : 0
    case .setKeepCapabilities: try process.keepCapabilities(b)
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
    case .getSeccomp: return 0
    case .getSecureBits: return Int(process.credentials.capabilities.secureBits.rawValue)
    case .setSecureBits: try process.setSecureBits(b)
    case .readBoundingCapability, .dropBoundingCapability:
        return try process.boundingCapability(b, drops: control == .dropBoundingCapability)
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
    case .ambientCapabilities: return try process.ambientCapability(arguments)
    case .nameMapping: break  // PR_SET_VMA: names for mappings
    }
    return 0
}
