/// poll(2), select(2), epoll(7), eventfd(2).
extension FileCall {
    // MARK: Waiting

    /// Runs `check` until it finds something, the deadline passes or a signal comes.
    /// - Parameters:
    ///   - restarts: goes on if the signal was not caught.
    ///   - check: looks at everything and collects the queues to wait in; returns how much is ready.
    private func wait(
        until deadline: UInt64, restarts: Bool = true, _ check: (inout [WaitQueue]) throws(Errno) -> Int
    ) throws(Errno) -> Int {
        let deadline = restarts ? thread.takeRestartDeadline() ?? deadline : deadline
        while true {
            var queues: [WaitQueue] = []
            let ready = try check(&queues)
            if ready > 0 { return ready }
            do throws(Errno) {
                if try !WaitQueue.waitAny(queues, until: deadline) {
                    var unused: [WaitQueue] = []
                    return try check(&unused)
                }
            } catch {
                // A handler always ends it; poll and select go on after a stop and SIGCONT, epoll_wait does not (signal(7)).
                if error != .restart { throw error }
                throw restarts ? thread.restart(until: deadline) : .interrupted
            }
        }
    }

    /// The deadline of a timeout in milliseconds; negative: never.
    private func deadline(milliseconds: UInt64) -> UInt64 {
        let milliseconds = Int32(truncatingIfNeeded: milliseconds)
        return milliseconds < 0 ? .max : deadline(after: UInt64(milliseconds) * 1_000_000)
    }

    /// Runs `body` with another signal mask, which a signal that interrupts it still sees (pselect(2)).
    /// - Parameter mask: address of a sigset_t, or 0: the mask stays.
    func withMask(_ mask: UInt64, size: UInt64, _ body: () throws(Errno) -> Int) throws(Errno) -> Int {
        if mask == 0 { return try body() }
        guard size == 8 else { throw .invalidArgument }
        try thread.replaceSignalMask(with: try space.load(UInt64.self, at: mask))
        let result: Int
        do throws(Errno) {
            result = try body()
        } catch {
            // With EINTR the signal is delivered first; its frame holds the old mask.
            if error != .interrupted && error != .restartWithoutHandler { thread.restoreSignalMask() }
            throw error
        }
        thread.restoreSignalMask()
        return result
    }

    // MARK: poll

    func poll() throws(Errno) -> Int { try poll(until: deadline(milliseconds: arguments.c)) }

    /// ppoll(2): array, count, timespec, mask, its size. The time that was left is not written back, as the C
    /// library's own wrapper hides it.
    func pollWithMask() throws(Errno) -> Int {
        let deadline = arguments.c == 0 ? UInt64.max : deadline(after: try duration(at: arguments.c))
        return try withMask(arguments.d, size: arguments.e) { () throws(Errno) -> Int in
            try poll(until: deadline)
        }
    }

    private struct PollWish {
        let file: File?
        let events: UInt32
        var result: UInt32 = 0
    }

    private func poll(until deadline: UInt64) throws(Errno) -> Int {
        let count = arguments.b
        guard count <= UInt64(descriptorLimit) else { throw .invalidArgument }
        var wishes: [PollWish] = []
        wishes.reserveCapacity(Int(count))
        for i in 0..<count {
            let word = try space.load(UInt64.self, at: arguments.a &+ i * 8)  // fd i32, events i16, revents i16
            let descriptor = Int32(truncatingIfNeeded: word)
            let events = UInt32(truncatingIfNeeded: word >> 32) & 0xFFFF
            if descriptor < 0 {
                wishes.append(PollWish(file: nil, events: 0))
            } else if let file = try? file(UInt64(descriptor)) {
                wishes.append(PollWish(file: file, events: events | 0x18))
            } else {
                wishes.append(PollWish(file: nil, events: 0, result: PollEvents.invalid.rawValue))
            }
        }
        let ready = try wait(until: deadline) { (queues: inout [WaitQueue]) throws(Errno) -> Int in
            var ready = 0
            for i in wishes.indices {
                if let file = wishes[i].file {
                    wishes[i].result = file.readiness().withAliases.rawValue & wishes[i].events
                    if wishes[i].result == 0 { file.addReadinessQueues(to: &queues) }
                }
                if wishes[i].result != 0 { ready += 1 }
            }
            return ready
        }
        for i in wishes.indices {
            try space.store(
                UInt16(truncatingIfNeeded: wishes[i].result), at: arguments.a &+ (UInt64(i) * 8 + 6))
        }
        return ready
    }

    // MARK: select

    /// select(2): count, three sets, timeval. The time left is written back.
    func select() throws(Errno) -> Int {
        if arguments.e == 0 { return try select(until: .max) }
        let seconds = try space.load(Int64.self, at: arguments.e)
        let microseconds = try space.load(Int64.self, at: arguments.e &+ 8)
        guard seconds >= 0, microseconds >= 0 else { throw .invalidArgument }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflows) = product.addingReportingOverflow(UInt64(min(microseconds, 1 << 50)) * 1000)
        let deadline = deadline(after: overflow || overflows ? .max : sum)
        let ready = try select(until: deadline)
        if deadline != .max {
            let now = Clock.monotonic
            let left = deadline > now ? deadline - now : 0
            try? space.store(left / 1_000_000_000, at: arguments.e)
            try? space.store(left % 1_000_000_000 / 1000, at: arguments.e &+ 8)
        }
        return ready
    }

    /// pselect6(2): as select, with a timespec, and where a mask and its size are.
    func selectWithMask() throws(Errno) -> Int {
        let deadline = arguments.e == 0 ? UInt64.max : deadline(after: try duration(at: arguments.e))
        var mask: UInt64 = 0
        var size: UInt64 = 8
        if arguments.f != 0 {
            mask = try space.load(UInt64.self, at: arguments.f)
            size = try space.load(UInt64.self, at: arguments.f &+ 8)
        }
        return try withMask(mask, size: size) { () throws(Errno) -> Int in try select(until: deadline) }
    }

    private struct SelectWish {
        let descriptor: Int
        let file: File
        /// Bit 0: in the read set, bit 1: write, bit 2: exceptional.
        let sets: Int
    }

    /// What makes a descriptor ready for each of the three sets (select(2), "Correspondence between select()
    /// and poll()").
    private static let selectEvents: [UInt32] = [0x001 | 0x010 | 0x008, 0x004 | 0x008, 0x002]

    private func select(until deadline: UInt64) throws(Errno) -> Int {
        let count = Int(Int32(truncatingIfNeeded: arguments.a))
        guard count >= 0 else { throw .invalidArgument }
        let addresses = [arguments.b, arguments.c, arguments.d]
        let words = (min(count, descriptorLimit) + 63) / 64
        var wanted = [UInt64](repeating: 0, count: words * 3)
        for set in 0..<3 where addresses[set] != 0 {
            for i in 0..<words {
                wanted[set * words + i] = try space.load(UInt64.self, at: addresses[set] &+ UInt64(i) * 8)
            }
        }
        var wishes: [SelectWish] = []
        for descriptor in 0..<min(count, words * 64) {
            let bit: UInt64 = 1 << UInt64(descriptor % 64)
            var sets = 0
            for set in 0..<3 where wanted[set * words + descriptor / 64] & bit != 0 { sets |= 1 << set }
            if sets == 0 { continue }
            wishes.append(
                SelectWish(descriptor: descriptor, file: try file(UInt64(descriptor)), sets: sets))
        }
        var result = [UInt64](repeating: 0, count: words * 3)
        let ready = try wait(until: deadline) { (queues: inout [WaitQueue]) throws(Errno) -> Int in
            var ready = 0
            for wish in wishes {
                let events = wish.file.readiness().rawValue
                var isReady = false
                for set in 0..<3 where wish.sets >> set & 1 != 0 && events & Self.selectEvents[set] != 0 {
                    result[set * words + wish.descriptor / 64] |= 1 << UInt64(wish.descriptor % 64)
                    ready += 1
                    isReady = true
                }
                if !isReady { wish.file.addReadinessQueues(to: &queues) }
            }
            return ready
        }
        for set in 0..<3 where addresses[set] != 0 {
            for i in 0..<words {
                try space.store(result[set * words + i], at: addresses[set] &+ UInt64(i) * 8)
            }
        }
        return ready
    }

    // MARK: epoll

    func makeEpoll(flags: UInt64) throws(Errno) -> Int {
        guard flags & ~UInt64(OpenFlags.closeOnExec) == 0 else { throw .invalidArgument }
        return try add(Epoll(), closeOnExec: flags != 0)
    }

    private func epoll(_ descriptor: UInt64) throws(Errno) -> Epoll {
        guard let epoll = try file(descriptor).asEpoll else { throw .invalidArgument }
        return epoll
    }

    /// epoll_ctl(2): epoll, EPOLL_CTL_ADD 1, DEL 2, MOD 3, descriptor, event (u32 events, u64 data, packed).
    func epollControl() throws(Errno) -> Int {
        let file = try file(arguments.c)
        let epoll = try epoll(arguments.a)
        let descriptor = Int32(truncatingIfNeeded: arguments.c)
        if arguments.b == 2 {
            try epoll.remove(file, descriptor)
            return 0
        }
        let events = try space.load(UInt32.self, at: arguments.d)
        let data = try space.load(UInt64.self, at: arguments.d &+ 4)
        switch arguments.b {
        case 1: try epoll.add(file, descriptor, events: events, data: data)
        case 3: try epoll.modify(file, descriptor, events: events, data: data)
        default: throw .invalidArgument
        }
        return 0
    }

    func epollWait() throws(Errno) -> Int { try epollWait(until: deadline(milliseconds: arguments.d)) }

    /// epoll_pwait(2), epoll_pwait2(2): epoll, events, how many, timeout, mask, its size.
    func epollWaitWithMask(hasTimespec: Bool) throws(Errno) -> Int {
        var deadline = UInt64.max
        if !hasTimespec {
            deadline = self.deadline(milliseconds: arguments.d)
        } else if arguments.d != 0 {
            deadline = self.deadline(after: try duration(at: arguments.d))
        }
        return try withMask(arguments.e, size: arguments.f) { () throws(Errno) -> Int in
            try epollWait(until: deadline)
        }
    }

    private func epollWait(until deadline: UInt64) throws(Errno) -> Int {
        let epoll = try epoll(arguments.a)
        let maximum = Int32(truncatingIfNeeded: arguments.c)
        guard maximum > 0 else { throw .invalidArgument }
        var events: [(events: UInt32, data: UInt64)] = []
        let count = try wait(until: deadline, restarts: false) {
            (queues: inout [WaitQueue]) throws(Errno) -> Int in
            events = epoll.collect(limit: Int(maximum))
            if events.isEmpty { epoll.addReadinessQueues(to: &queues) }
            return events.count
        }
        for (i, event) in events.enumerated() {
            let address = arguments.b &+ UInt64(i) * 12
            try space.store(event.events, at: address)
            try space.store(event.data, at: address &+ 4)
        }
        return count
    }

    // MARK: eventfd

    /// eventfd2(2): EFD_SEMAPHORE 1, EFD_NONBLOCK, EFD_CLOEXEC.
    func makeEventCounter(flags: UInt64) throws(Errno) -> Int {
        let flags = UInt32(truncatingIfNeeded: flags)
        guard flags & ~(1 | OpenFlags.nonblocking | OpenFlags.closeOnExec) == 0 else {
            throw .invalidArgument
        }
        let counter = EventCounter(
            count: UInt64(UInt32(truncatingIfNeeded: arguments.a)), isSemaphore: flags & 1 != 0,
            flags: flags & OpenFlags.nonblocking)
        return try add(counter, closeOnExec: flags & OpenFlags.closeOnExec != 0)
    }
}
