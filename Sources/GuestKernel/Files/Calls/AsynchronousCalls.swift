/// A context of Linux's asynchronous input and output (io_setup(2)). What is submitted is done before io_submit(2) returns,
/// as Linux does it but for files opened with O_DIRECT; here the results wait to be fetched.
final class AsynchronousContext {
    /// `struct io_event`: what the program called the request, where its `struct iocb` is, what came of it.
    struct Event {
        let data: UInt64
        let request: UInt64
        let result: Int64
    }

    /// fs.aio-max-nr: of all contexts of a program.
    static let maximumEvents: UInt64 = 65536

    /// The address of its page, which is what programs call it by.
    let id: UInt64
    let capacity: UInt64
    fileprivate var events: [Event] = []
    fileprivate let changed = WaitQueue()
    fileprivate var isDestroyed = false

    init(id: UInt64, capacity: UInt64) {
        self.id = id
        self.capacity = capacity
    }
}

/// io_setup(2), io_submit(2), io_getevents(2), io_pgetevents(2), io_cancel(2), io_destroy(2).
extension FileCall {
    /// - Returns: nil for another call.
    func serveAsynchronous(_ call: SystemCall) throws(Errno) -> Int? {
        switch call {
        case .io_setup: try setUpAsynchronous()
        case .io_submit: try submit()
        case .io_getevents: try fetchEvents()
        case .io_pgetevents: try fetchEventsWithMask()
        case .io_cancel: try cancelAsynchronous()
        case .io_destroy: try destroyAsynchronous()
        default: nil
        }
    }

    private func asynchronousContext() throws(Errno) -> AsynchronousContext {
        guard let context = space.asynchronousContexts.first(where: { $0.id == arguments.a }) else {
            throw .invalidArgument
        }
        return context
    }

    /// Its page begins with a `struct aio_ring` without the magic number, by which the C library knows that it has to ask
    /// the kernel for events.
    private func setUpAsynchronous() throws(Errno) -> Int {
        let count = arguments.a & 0xFFFF_FFFF
        guard try space.load(UInt64.self, at: arguments.b) == 0, count > 0 else { throw .invalidArgument }
        let used = space.asynchronousContexts.reduce(UInt64(0)) { $0 &+ $1.capacity }
        guard count <= AsynchronousContext.maximumEvents, used <= AsynchronousContext.maximumEvents - count
        else {
            throw .wouldBlock
        }
        try space.requireRoomForAreas(cutAt: 0, 0, more: 1)
        guard let start = space.findGap(pageSize) else { throw .noMemory }
        space.insert(
            MemoryArea(
                start: start, end: start + pageSize, access: [.read, .write], isShared: false,
                growsDown: false,
                backing: .anonymous, forkRule: .leaveOut))
        let context = AsynchronousContext(id: start, capacity: count)
        space.asynchronousContexts.append(context)
        do throws(Errno) {
            try space.store((UInt32(0), UInt32(count)), at: start)
            try space.store(start, at: arguments.b)
        } catch {
            destroy(context)
            throw error
        }
        return 0
    }

    private func destroyAsynchronous() throws(Errno) -> Int {
        destroy(try asynchronousContext())
        return 0
    }

    private func destroy(_ context: AsynchronousContext) {
        space.asynchronousContexts.removeAll { $0 === context }
        context.isDestroyed = true
        context.changed.wakeAll()
        space.unmap(from: context.id, to: context.id + pageSize)
    }

    /// io_submit(2): context, how many, an array of pointers to `struct iocb`.
    private func submit() throws(Errno) -> Int {
        let context = try asynchronousContext()
        let count = Int64(bitPattern: arguments.b)
        guard count >= 0 else { throw .invalidArgument }
        var done = 0
        while done < count {
            do throws(Errno) {
                guard UInt64(context.events.count) < context.capacity else { throw .wouldBlock }
                try submit(space.load(UInt64.self, at: arguments.c &+ UInt64(done) &* 8), to: context)
            } catch {
                if done == 0 { throw error }
                return done
            }
            done += 1
        }
        return done
    }

    /// `struct iocb`: data u64, key u32, flags u32, operation u16, priority i16, descriptor u32, buffer u64, bytes u64,
    /// offset i64, reserved u64, flags u32, eventfd u32.
    private func submit(_ request: UInt64, to context: AsynchronousContext) throws(Errno) {
        let (data, _, flags) = try space.load((UInt64, UInt32, UInt32).self, at: request)
        let (operation, _, descriptor) = try space.load((UInt16, Int16, UInt32).self, at: request &+ 16)
        let (reserved, options, eventDescriptor) = try space.load(
            (UInt64, UInt32, UInt32).self, at: request &+ 48)
        guard reserved == 0, options & ~3 == 0 else { throw .invalidArgument }
        guard flags & ~0xF == 0 else { throw .notSupported }
        let file = try file(UInt64(descriptor))
        var counter: EventCounter?
        if options & 1 != 0 {  // IOCB_FLAG_RESFD
            guard let found = try self.file(UInt64(eventDescriptor)).asEventCounter else {
                throw .invalidArgument
            }
            counter = found
        }
        try space.store(UInt32(0), at: request &+ 8)  // KIOCB_KEY
        let result = try perform(operation, on: file, request)
        if context.isDestroyed { return }
        context.events.append(AsynchronousContext.Event(data: data, request: request, result: result))
        context.changed.wakeAll()
        counter?.signal()
    }

    /// - Returns: what goes into the event.
    /// - Throws: what io_submit(2) itself refuses.
    private func perform(_ operation: UInt16, on file: File, _ request: UInt64) throws(Errno) -> Int64 {
        let (address, count, place) = try space.load((UInt64, UInt64, Int64).self, at: request &+ 24)
        let isRead = operation == 0 || operation == 7
        switch operation {
        case 0, 7: guard file.isReadable else { throw .badDescriptor }
        case 1, 8: guard file.isWritable else { throw .badDescriptor }
        case 2, 3: return 0  // IOCB_CMD_FSYNC, IOCB_CMD_FDSYNC: nothing survives a job
        case 5:  // IOCB_CMD_POLL
            SystemCalls.countUnsupported(.io_submit)
            throw .invalidArgument
        default: throw .invalidArgument
        }
        guard place >= 0 || !file.isSeekable else { throw .invalidArgument }
        let buffer = operation < 2 ? try buffer(address, count) : try vector(address, count)
        let offset = file.isSeekable ? UInt64(place) : nil
        do throws(Errno) {
            return Int64(isRead ? try read(file, buffer, at: offset) : try write(file, buffer, at: offset))
        } catch {
            return -Int64(error == .restart ? Errno.interrupted.code : error.code)
        }
    }

    /// io_getevents(2): context, fewest, most, an array of `struct io_event`, a time or 0.
    private func fetchEvents() throws(Errno) -> Int {
        let context = try asynchronousContext()
        let (fewest, most) = (Int64(bitPattern: arguments.b), Int64(bitPattern: arguments.c))
        guard fewest >= 0, most >= 0, fewest <= most else { throw .invalidArgument }
        let deadline = arguments.e == 0 ? UInt64.max : deadline(after: try duration(at: arguments.e))
        var done = 0
        while true {
            while done < most, !context.events.isEmpty {
                // Taken out before it is handed over: that may wait, and another thread fetch meanwhile.
                let event = context.events.removeFirst()
                let record = (event.data, event.request, event.result, Int64(0))
                do throws(Errno) {
                    try space.store(record, at: arguments.d &+ UInt64(done) &* 32)
                } catch {
                    context.events.insert(event, at: 0)
                    if done == 0 { throw error }
                    return done
                }
                done += 1
            }
            if done >= fewest { return done }
            if context.isDestroyed { throw .invalidArgument }
            do throws(Errno) {
                if try !context.changed.wait(until: deadline) { return done }
            } catch {
                if done > 0 { return done }
                throw error == .restart ? .interrupted : error
            }
        }
    }

    /// io_pgetevents(2): and a `struct __aio_sigset`: the address of a signal mask, and its size.
    private func fetchEventsWithMask() throws(Errno) -> Int {
        var (mask, size): (UInt64, UInt64) = (0, 8)
        if arguments.f != 0 { (mask, size) = try space.load((UInt64, UInt64).self, at: arguments.f) }
        return try withMask(mask, size: size) { () throws(Errno) -> Int in try fetchEvents() }
    }

    /// io_cancel(2): whatever was submitted is done.
    private func cancelAsynchronous() throws(Errno) -> Int {
        _ = try space.load(UInt32.self, at: arguments.b &+ 8)
        _ = try asynchronousContext()
        throw .invalidArgument
    }
}
