/// Pending signals as a file descriptor (signalfd(2)): reading takes those of the reader, whoever made the descriptor.
final class SignalFile: File {
    // SAFETY: the kernel is single-threaded (see Frames).
    /// Woken when a signal becomes pending, anywhere. One queue for all: such descriptors are few, and readers look again.
    nonisolated(unsafe) private static let arrivals = WaitQueue()
    nonisolated(unsafe) private static var openCount = 0

    private var mask: UInt64
    private let number = AnonymousInode.newNumber()

    init(mask: UInt64, flags: UInt32) {
        self.mask = mask
        super.init(flags: flags | OpenFlags.readWrite)
        Self.openCount += 1
    }

    deinit { Self.openCount -= 1 }

    static func signalArrived() {
        if openCount > 0 { arrivals.wakeAll() }
    }

    override var givesToSplice: Bool { false }
    override var takesFromSplice: Bool { false }
    override var asSignals: SignalFile? { self }
    override func status() throws(Errno) -> FileStatus { AnonymousInode.status(number: number) }
    override func describe() -> [UInt8] { Text.bytes("anon_inode:[signalfd]") }
    override var readinessChanged: WaitQueue? { Self.arrivals }

    override func readiness() -> PollEvents {
        let thread: Thread = Scheduler.current
        let pending = thread.signals.pending.bits | thread.process.signals.pending.bits
        return pending & mask != 0 ? .readable : []
    }

    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        guard buffer.remaining >= SignalInfo.bytes else { throw .invalidArgument }
        let thread: Thread = Scheduler.current
        var done = 0
        while buffer.remaining >= SignalInfo.bytes {
            guard let info = thread.takePending(mask) else {
                if done > 0 { return done }
                if isNonblocking { throw .wouldBlock }
                try Self.arrivals.wait()
                continue
            }
            done += try Terminal.copy(info.encodedForFile(), to: &buffer)
        }
        return done
    }

    func change(mask: UInt64) {
        self.mask = mask
        Self.arrivals.wakeAll()
    }
}

extension SignalInfo {
    /// struct signalfd_siginfo, 128 bytes. Which of siginfo_t's overlapping fields are meant follows from signal and code.
    fileprivate func encodedForFile() -> [UInt8] {
        var words = [UInt32](repeating: 0, count: 32)
        let low = UInt32(truncatingIfNeeded: detail[0])
        let high = UInt32(truncatingIfNeeded: detail[0] >> 32)
        func setLong(_ at: Int, _ value: UInt64) {
            words[at] = UInt32(truncatingIfNeeded: value)
            words[at + 1] = UInt32(truncatingIfNeeded: value >> 32)
        }
        words[0] = UInt32(bitPattern: signal)
        words[1] = UInt32(bitPattern: errno)
        words[2] = UInt32(bitPattern: code)
        let isFault = code > 0 && Signal.synchronous & Signal.bit(signal) != 0
        if isFault {
            setLong(18, detail[0])  // ssi_addr
        } else if code == Self.timer {
            (words[6], words[8]) = (low, high)  // ssi_tid, ssi_overrun
            words[11] = UInt32(truncatingIfNeeded: detail[1])  // ssi_int
            setLong(12, detail[1])  // ssi_ptr
        } else {
            (words[3], words[4]) = (low, high)  // ssi_pid, ssi_uid
            if signal == Signal.child, code > 0 {
                words[10] = UInt32(truncatingIfNeeded: detail[1])  // ssi_status
                setLong(14, detail[2])  // ssi_utime
                setLong(16, detail[3])  // ssi_stime
            } else if code < 0 {
                words[11] = UInt32(truncatingIfNeeded: detail[1])
                setLong(12, detail[1])
            }
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.bytes)
        for word in words {
            for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(shift * 8))) }
        }
        return bytes
    }
}

/// signalfd(2) and signalfd4(2): descriptor or -1, mask, its size, flags.
func signalFileCall(_ arguments: SystemCallArguments, flags: UInt64, _ process: Process) throws(Errno)
    -> Int
{
    let flags = UInt32(truncatingIfNeeded: flags)
    guard arguments.c == 8, flags & ~(OpenFlags.nonblocking | OpenFlags.closeOnExec) == 0 else {
        throw .invalidArgument
    }
    let mask = try process.space.load(UInt64.self, at: arguments.b) & ~Signal.unblockable
    let descriptor = Int32(truncatingIfNeeded: arguments.a)
    if descriptor != -1 {
        guard let file = try process.files.file(descriptor).asSignals else { throw .invalidArgument }
        file.change(mask: mask)
        return Int(descriptor)
    }
    let limit = Int(min(process.limits.soft[7], 1 << 20))
    let file = SignalFile(mask: mask, flags: flags & OpenFlags.nonblocking)
    return Int(try process.files.add(file, closeOnExec: flags & OpenFlags.closeOnExec != 0, limit: limit))
}
