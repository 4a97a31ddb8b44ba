/// The superuser's power in parts (capabilities(7)): the bits' numbers, of those that something here asks for.
enum Capability: UInt64 {
    case changeOwner = 0
    case overridePermissions = 1
    case readAndSearch = 2
    case actAsOwner = 3
    case keepSetID = 4
    case kill = 5
    case setGroup = 6
    case setUser = 7
    case setCapabilities = 8
    case bindLowPort = 10
    case lockMemory = 14
    case ownIPC = 15
    case changeRoot = 18
    case trace = 19
    case administer = 21
    case raisePriority = 23
    case exceedResources = 24
    case setTime = 25
    case makeNode = 27

    /// CAP_LAST_CAP.
    static let last: UInt64 = 40
    static let all: UInt64 = (1 << (last + 1)) - 1
    /// What goes and comes with user 0 in setfsuid(2): those that are about files.
    static let aboutFiles: UInt64 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 9 | 1 << 27 | 1 << 32
}

/// A process's capability sets. A program begins with what `executing` leaves of them; of files' own capabilities
/// (the attribute security.capability) nothing is known here.
struct Capabilities {
    var inheritable: UInt64 = 0
    var permitted = Capability.all
    var effective = Capability.all
    var bounding = Capability.all
    var ambient: UInt64 = 0
    var secureBits: SecureBits = []

    /// PR_SET_SECUREBITS.
    struct SecureBits: OptionSet {
        let rawValue: UInt32
        static let noRoot = SecureBits(rawValue: 1)
        static let noFixup = SecureBits(rawValue: 4)
        static let keep = SecureBits(rawValue: 16)
        static let keepLocked = SecureBits(rawValue: 32)
        static let noAmbientRaise = SecureBits(rawValue: 64)
        static let known = SecureBits(rawValue: 0xFF)
        /// Each lock is the bit above the one that it holds.
        static let locks = SecureBits(rawValue: 0xAA)
    }

    /// The user numbers have changed (capabilities(7), "Effect of user ID changes on capabilities").
    mutating func usersChanged(wasRoot: Bool, isRoot: Bool, effective before: UInt32, _ after: UInt32) {
        if secureBits.contains(.noFixup) { return }
        if wasRoot && !isRoot {
            if !secureBits.contains(.keep) {
                permitted = 0
                effective = 0
            }
            ambient = 0
        }
        if before == 0 && after != 0 { effective = 0 }
        if before != 0 && after == 0 { effective = permitted }
    }

    /// The number for files has changed, by setfsuid(2) alone.
    mutating func fileUserChanged(from before: UInt32, to after: UInt32) {
        if secureBits.contains(.noFixup) { return }
        if before == 0 && after != 0 { effective &= ~Capability.aboutFiles }
        if before != 0 && after == 0 { effective |= permitted & Capability.aboutFiles }
    }

    /// execve(2): what the new program has.
    /// - Parameter isSetID: whether the file's set-user-ID or set-group-ID bit has changed who runs it.
    func executing(user: UInt32, effectiveUser: UInt32, isSetID: Bool) -> Capabilities {
        var new = self
        let hasRoot = !secureBits.contains(.noRoot)
        if isSetID { new.ambient = 0 }
        let isRoot = hasRoot && (user == 0 || effectiveUser == 0)
        new.permitted = (isRoot ? bounding | inheritable : 0) | new.ambient
        new.effective = hasRoot && effectiveUser == 0 ? new.permitted : new.ambient
        new.secureBits.remove(.keep)
        return new
    }
}

// MARK: capget(2), capset(2)

/// `struct __user_cap_header_struct`: how many words the sets have, and whose they are.
private func loadHeader(_ arguments: SystemCallArguments, _ process: Process) throws(Errno) -> (
    words: UInt64, process: Int32
) {
    let id = try process.space.load(Int32.self, at: arguments.a &+ 4)
    switch try process.space.load(UInt32.self, at: arguments.a) {
    case 0x1998_0330: return (1, id)
    case 0x2007_1026, 0x2008_0522: return (2, id)
    default:
        try process.space.store(UInt32(0x2008_0522), at: arguments.a)
        throw .invalidArgument
    }
}

func getCapabilities(_ arguments: SystemCallArguments, _ process: Process) throws(Errno) -> Int {
    let header: (words: UInt64, process: Int32)
    do throws(Errno) {
        header = try loadHeader(arguments, process)
    } catch {
        // Who gives no place for an answer only asks which version there is.
        if error == .invalidArgument && arguments.b == 0 { return 0 }
        throw error
    }
    guard header.process >= 0 else { throw .invalidArgument }
    let target: Process
    if header.process == 0 || header.process == process.id {
        target = process
    } else {
        guard let found = Processes.find(header.process) else { throw .noSuchProcess }
        target = found
    }
    if arguments.b == 0 { return 0 }
    let sets = target.credentials.capabilities
    for (i, set) in [sets.effective, sets.permitted, sets.inheritable].enumerated() {
        for word in 0..<header.words {
            let value = UInt32(truncatingIfNeeded: set >> (word * 32))
            try process.space.store(value, at: arguments.b &+ (word * 12 + UInt64(i) * 4))
        }
    }
    return 0
}

func setCapabilities(_ arguments: SystemCallArguments, _ process: Process) throws(Errno) -> Int {
    let header = try loadHeader(arguments, process)
    guard header.process == 0 || header.process == process.id else { throw .notPermitted }
    var sets: [UInt64] = [0, 0, 0]
    for i in 0..<3 {
        for word in 0..<header.words {
            let at = arguments.b &+ (word * 12 + UInt64(i) * 4)
            sets[i] |= UInt64(try process.space.load(UInt32.self, at: at)) << (word * 32)
        }
        sets[i] &= Capability.all
    }
    let (effective, permitted, inheritable) = (sets[0], sets[1], sets[2])
    let old = process.credentials.capabilities
    let mayInherit = process.credentials.has(.setCapabilities) ? old.bounding : old.permitted
    guard inheritable & ~(old.inheritable | mayInherit) == 0,
        inheritable & ~(old.inheritable | old.bounding) == 0,
        permitted & ~old.permitted == 0, effective & ~permitted == 0
    else { throw .notPermitted }
    var new = old
    new.effective = effective
    new.permitted = permitted
    new.inheritable = inheritable
    new.ambient &= permitted & inheritable
    process.credentials.capabilities = new
    return 0
}

// MARK: prctl(2)

extension Process {
    /// PR_CAPBSET_READ and PR_CAPBSET_DROP.
    func boundingCapability(_ number: UInt64, drops: Bool) throws(Errno) -> Int {
        if drops && !credentials.has(.setCapabilities) { throw .notPermitted }
        guard number <= Capability.last else { throw .invalidArgument }
        if !drops { return Int(credentials.capabilities.bounding >> number & 1) }
        credentials.capabilities.bounding &= ~(1 << number)
        return 0
    }

    /// PR_SET_SECUREBITS.
    func setSecureBits(_ wanted: UInt64) throws(Errno) {
        let old = credentials.capabilities.secureBits.rawValue
        let locks = Capabilities.SecureBits.locks.rawValue
        let new = UInt32(truncatingIfNeeded: wanted)
        guard wanted & ~UInt64(Capabilities.SecureBits.known.rawValue) == 0,
            (old & locks) >> 1 & (old ^ new) == 0,
            old & locks & ~new == 0, credentials.has(.setCapabilities)
        else { throw .notPermitted }
        credentials.capabilities.secureBits = Capabilities.SecureBits(rawValue: new)
    }

    /// PR_SET_KEEPCAPS.
    func keepCapabilities(_ keeps: UInt64) throws(Errno) {
        guard keeps <= 1 else { throw .invalidArgument }
        guard !credentials.capabilities.secureBits.contains(.keepLocked) else { throw .notPermitted }
        if keeps == 1 {
            credentials.capabilities.secureBits.insert(.keep)
        } else {
            credentials.capabilities.secureBits.remove(.keep)
        }
    }

    /// PR_CAP_AMBIENT: IS_SET 1, RAISE 2, LOWER 3, CLEAR_ALL 4.
    func ambientCapability(_ arguments: SystemCallArguments) throws(Errno) -> Int {
        var sets = credentials.capabilities
        if arguments.b == 4 {
            guard arguments.c | arguments.d | arguments.e == 0 else { throw .invalidArgument }
            credentials.capabilities.ambient = 0
            return 0
        }
        guard arguments.c <= Capability.last, arguments.d | arguments.e == 0 else { throw .invalidArgument }
        let bit: UInt64 = 1 << arguments.c
        switch arguments.b {
        case 1: return sets.ambient & bit != 0 ? 1 : 0
        case 2:
            guard sets.permitted & sets.inheritable & bit != 0, !sets.secureBits.contains(.noAmbientRaise)
            else {
                throw .notPermitted
            }
            sets.ambient |= bit
        case 3: sets.ambient &= ~bit
        default: throw .invalidArgument
        }
        credentials.capabilities = sets
        return 0
    }
}
