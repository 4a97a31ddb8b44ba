/// An epoll(7) instance.
final class Epoll: File {
    private struct Interest {
        // Not what keeps the file open: `forget` takes it out with the file's last descriptor.
        let file: File
        let descriptor: Int32
        var events: UInt32
        var data: UInt64
        /// Edge-triggered: the file's wake-up count when it was last reported.
        var reportedWakeups: UInt64?
    }

    /// Flags of epoll_ctl(2) beside the PollEvents.
    private static let edgeTriggered: UInt32 = 1 << 31
    private static let oneShot: UInt32 = 1 << 30
    /// EPOLLERR and EPOLLHUP are always reported.
    private static let always: UInt32 = 0x18
    private static let flagMask: UInt32 = 0xF000_0000

    /// Sorted by descriptor. A number may be here twice: for a file that is open under another one still, too.
    private var interests: [Interest] = []
    private let changed = WaitQueue()
    private let number = AnonymousInode.newNumber()
    /// Where the next report begins, so that nobody starves behind busy files.
    private var first = 0

    init() { super.init(flags: OpenFlags.readWrite) }

    override func status() throws(Errno) -> FileStatus { AnonymousInode.status(number: number) }
    override func describe() -> [UInt8] { Text.bytes("anon_inode:[eventpoll]") }

    // MARK: Interests

    /// Where an interest is, or else would be put in.
    private func firstIndex(of descriptor: Int32, _ file: File) -> Int {
        var low = 0
        var high = interests.count
        while low < high {
            let middle = (low + high) / 2
            if interests[middle].descriptor < descriptor { low = middle + 1 } else { high = middle }
        }
        while low < interests.count, interests[low].descriptor == descriptor, interests[low].file !== file {
            low += 1
        }
        return low
    }

    private func isInterest(_ index: Int, _ file: File, _ descriptor: Int32) -> Bool {
        index < interests.count && interests[index].descriptor == descriptor && interests[index].file === file
    }

    func add(_ file: File, _ descriptor: Int32, events: UInt32, data: UInt64) throws(Errno) {
        if file === self { throw .invalidArgument }
        if file.isEpoll {
            // One level of nesting, so that there are no circles.
            guard watchers.isEmpty, !file.watchesEpoll else { throw .tooManySymbolicLinks }
        } else if file.readinessChanged == nil, let inode = file.inode,
            inode.type == .regular || inode.type == .directory
        {
            throw .notPermitted
        }
        let i = firstIndex(of: descriptor, file)
        if isInterest(i, file, descriptor) { throw .exists }
        interests.insert(Interest(file: file, descriptor: descriptor, events: events, data: data), at: i)
        file.watchers.append(self)
        changed.wakeAll()
    }

    func modify(_ file: File, _ descriptor: Int32, events: UInt32, data: UInt64) throws(Errno) {
        let i = firstIndex(of: descriptor, file)
        guard isInterest(i, file, descriptor) else { throw .noSuchFile }
        interests[i].events = events
        interests[i].data = data
        interests[i].reportedWakeups = nil
        changed.wakeAll()
    }

    func remove(_ file: File, _ descriptor: Int32) throws(Errno) {
        let i = firstIndex(of: descriptor, file)
        guard isInterest(i, file, descriptor) else { throw .noSuchFile }
        interests.remove(at: i)
        if let j = file.watchers.firstIndex(where: { $0 === self }) { file.watchers.remove(at: j) }
    }

    /// The file's last descriptor is gone.
    func forget(_ file: File) { interests.removeAll { $0.file === file } }

    override func lastDescriptorClosed() {
        let old = interests
        interests = []
        for interest in old { interest.file.watchers.removeAll { $0 === self } }
    }

    override var givesToSplice: Bool { false }
    override var takesFromSplice: Bool { false }
    override var asEpoll: Epoll? { self }
    override var watchesEpoll: Bool { interests.contains { $0.file.isEpoll } }

    // MARK: Events

    private func pending(_ interest: Interest) -> UInt32 {
        let mask = interest.events & ~Self.flagMask | Self.always
        // A one-shot interest that has been reported asks for nothing, not even errors.
        if interest.events & ~Self.flagMask == 0 && interest.events & Self.oneShot != 0 { return 0 }
        let events = interest.file.readiness().withAliases.rawValue & mask
        if events != 0, interest.events & Self.edgeTriggered != 0, interest.file.readinessChanged != nil,
            interest.reportedWakeups == interest.file.readinessCount
        {
            return 0
        }
        return events
    }

    /// What is ready now, at most `limit`.
    func collect(limit: Int) -> [(events: UInt32, data: UInt64)] {
        var result: [(events: UInt32, data: UInt64)] = []
        let count = interests.count
        for step in 0..<count where result.count < limit {
            let i = (first + step) % count
            let events = pending(interests[i])
            if events == 0 { continue }
            result.append((events, interests[i].data))
            interests[i].reportedWakeups = interests[i].file.readinessCount
            if interests[i].events & Self.oneShot != 0 { interests[i].events &= Self.flagMask }
        }
        first = count == 0 ? 0 : (first + max(result.count, 1)) % count
        return result
    }

    override func readiness() -> PollEvents { interests.contains { pending($0) != 0 } ? .readable : [] }

    /// Every queue whose wake-up may make something ready.
    override func addReadinessQueues(to queues: inout [WaitQueue]) {
        queues.append(changed)
        for interest in interests { interest.file.addReadinessQueues(to: &queues) }
    }
}
