/// wait4(2) and waitid(2).
private struct WaitRequest {
    enum Who {
        case any
        case process(Int32)
        case group(Int32)
    }

    static let noHang: UInt64 = 1
    static let stopped: UInt64 = 2
    static let exited: UInt64 = 4
    static let continued: UInt64 = 8
    static let noWait: UInt64 = 0x0100_0000
    static let all: UInt64 = 0x4000_0000
    static let clones: UInt64 = 0x8000_0000

    var who: Who
    var options: UInt64

    func includes(_ child: Process) -> Bool {
        // Children of clone(2) that send something else than SIGCHLD are for those who ask for them.
        let isClone = child.exitSignal != Signal.child
        if options & Self.all == 0 && isClone != (options & Self.clones != 0) { return false }
        switch who {
        case .any: return true
        case .process(let id): return child.id == id
        case .group(let id): return child.group == id
        }
    }

    var isNonblocking: Bool { options & Self.noHang != 0 }
    var keepsIt: Bool { options & Self.noWait != 0 }
}

/// What a wait found.
private struct WaitResult {
    var child: Process
    /// As wait4 shows it.
    var status: Int32
    /// si_code and si_status of waitid.
    var code: Int32
    var detail: Int32
    var usage: Usage
}

extension Process {
    /// - Returns: nil when WNOHANG finds nothing.
    /// - Throws: `.noChild`, `.restart`.
    fileprivate func wait(_ request: WaitRequest) throws(Errno) -> WaitResult? {
        while true {
            var isAny = false
            for child in children where request.includes(child) {
                isAny = true
                if let result = take(child, request) { return result }
            }
            if !isAny { throw .noChild }
            if request.isNonblocking { return nil }
            try childEvents.wait()
        }
    }

    private func take(_ child: Process, _ request: WaitRequest) -> WaitResult? {
        if let how = child.ending {
            guard request.options & WaitRequest.exited != 0 else { return nil }
            var result = WaitResult(
                child: child, status: how.waitStatus, code: 1, detail: 0, usage: child.usage)
            switch how {
            case .exited(let code): result.detail = Int32(code)
            case .signaled(let signal, let coreDumped):
                result.code = coreDumped ? 3 : 2
                result.detail = signal
            }
            result.usage.add(child.childUsage)
            if !request.keepsIt { child.reap() }
            return result
        }
        switch child.jobEvent {
        case .stopped(let signal):
            guard request.options & WaitRequest.stopped != 0 else { return nil }
            if !request.keepsIt { child.jobEvent = nil }
            return WaitResult(
                child: child, status: signal << 8 | 0x7F, code: 5, detail: signal, usage: child.usage)
        case .continued:
            guard request.options & WaitRequest.continued != 0 else { return nil }
            if !request.keepsIt { child.jobEvent = nil }
            return WaitResult(
                child: child, status: 0xFFFF, code: 6, detail: Signal.resume, usage: child.usage)
        case nil: return nil
        }
    }
}

func waitSystemCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno)
    -> Int
{
    call == .wait4 ? try wait4(arguments, thread) : try waitid(arguments, thread)
}

private func wait4(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    let process = thread.process
    let id = Int32(truncatingIfNeeded: arguments.a)
    let options = arguments.c & 0xFFFF_FFFF
    guard options & ~0xE000_000B == 0 else { throw .invalidArgument }  // __WNOTHREAD makes no difference here
    if id == Int32.min { throw .noSuchProcess }
    let who: WaitRequest.Who =
        if id > 0 { .process(id) } else if id == -1 { .any } else {
            .group(id == 0 ? process.group : 0 &- id)
        }
    let request = WaitRequest(who: who, options: options | WaitRequest.exited)
    guard let result = try process.wait(request) else { return 0 }
    if arguments.b != 0 { try process.space.store(result.status, at: arguments.b) }
    if arguments.d != 0 { try storeUsage(process.space, result.usage, at: arguments.d) }
    return Int(result.child.id)
}

private func waitid(_ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int {
    let process = thread.process
    let id = Int32(truncatingIfNeeded: arguments.b)
    let who: WaitRequest.Who
    var isNonblockingFile = false
    switch arguments.a {
    case 0: who = .any
    case 1: who = .process(id)
    case 2: who = .group(id == 0 ? process.group : id)
    case 3:  // P_PIDFD
        let file = try process.files.file(id)
        guard let target = file.asProcess else { throw .badDescriptor }
        isNonblockingFile = file.isNonblocking
        who = .process(target.id)
    default: throw .invalidArgument
    }
    let options = arguments.d & 0xFFFF_FFFF
    guard options & ~0xE100_000F == 0, options & 0xE != 0 else { throw .invalidArgument }
    let waits = options & WaitRequest.noHang == 0 && !isNonblockingFile
    let result = try process.wait(
        WaitRequest(who: who, options: waits ? options : options | WaitRequest.noHang))
    if result == nil && options & WaitRequest.noHang == 0 { throw .wouldBlock }
    if arguments.c != 0 {
        var info = [UInt32](repeating: 0, count: 32)
        if let result {
            info[0] = UInt32(Signal.child)
            info[2] = UInt32(result.code)
            info[4] = UInt32(result.child.id)
            info[5] = result.child.credentials.user
            info[6] = UInt32(result.detail)
        }
        var bytes: [UInt8] = []
        for word in info {
            for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(shift * 8))) }
        }
        try process.space.write(bytes, to: arguments.c)
    }
    if arguments.e != 0, let result { try storeUsage(process.space, result.usage, at: arguments.e) }
    return 0
}
