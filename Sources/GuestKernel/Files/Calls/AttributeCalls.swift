/// chmod(2), chown(2), utimensat(2), truncate(2), fallocate(2).
extension FileCall {
    func changeMode(_ inode: Inode, _ mode: UInt64) throws(Errno) -> Int {
        guard credentials.owns(inode) else { throw .notPermitted }
        if inode.type == .symbolicLink { throw .notSupported }
        var permissions = UInt32(truncatingIfNeeded: mode) & 0o7777
        if !credentials.has(.keepSetID) && !credentials.isMember(of: inode.ownership.group) {
            permissions &= ~0o2000
        }
        try inode.change(AttributeChange(permissions: permissions))
        return 0
    }

    /// An identity of 2^32 - 1 stays as it is.
    func changeOwner(_ inode: Inode, _ user: UInt64, _ group: UInt64) throws(Errno) -> Int {
        let user = UInt32(truncatingIfNeeded: user)
        let group = UInt32(truncatingIfNeeded: group)
        let owner = inode.ownership
        if !credentials.has(.changeOwner) {
            guard credentials.fileUser == owner.user, user == .max || user == owner.user,
                group == .max || credentials.isMember(of: group)
            else { throw .notPermitted }
        }
        var change = AttributeChange()
        if user != .max { change.user = user }
        if group != .max { change.group = group }
        if !inode.isDirectory && (user != .max || group != .max) {
            // A file with another owner does not run as its old one.
            let isGroupExecutable = owner.permissions & 0o010 != 0
            change.permissions = owner.permissions & ~(isGroupExecutable ? 0o6000 : 0o4000)
        }
        try inode.change(change)
        return 0
    }

    func changeOwnerAt() throws(Errno) -> Int {
        guard arguments.e & ~(Self.noFollow | Self.emptyPath) == 0 else { throw .invalidArgument }
        return try changeOwner(
            try inode(arguments.a, arguments.b, flags: arguments.e), arguments.c, arguments.d)
    }

    // MARK: Times

    /// UTIME_NOW and UTIME_OMIT in tv_nsec.
    private static let timeNow: Int64 = 0x3FFF_FFFF
    private static let timeOmit: Int64 = 0x3FFF_FFFE

    /// utimensat(2): directory, path (or 0: the descriptor itself), times (or 0: now), flags.
    func changeTimes() throws(Errno) -> Int {
        guard arguments.d & ~(Self.noFollow | Self.emptyPath) == 0 else { throw .invalidArgument }
        var times: (access: UInt64?, modification: UInt64?) = (Clock.realtime, Clock.realtime)
        var isNow = true
        if arguments.c != 0 {
            let access = try timeWish(at: arguments.c)
            let modification = try timeWish(at: arguments.c &+ 16)
            if access == .omit && modification == .omit { return 0 }
            isNow = access == .now && modification == .now
            times = (access.time, modification.time)
        }
        let inode =
            arguments.b == 0
            ? try self.inode(of: arguments.a) : try self.inode(arguments.a, arguments.b, flags: arguments.d)
        return try changeTimes(inode, times.access, times.modification, isNow: isNow)
    }

    private enum TimeWish: Equatable {
        case now, omit
        case at(UInt64)

        var time: UInt64? {
            switch self {
            case .now: Clock.realtime
            case .omit: nil
            case .at(let time): time
            }
        }
    }

    private func timeWish(at address: UInt64) throws(Errno) -> TimeWish {
        let seconds = try space.load(Int64.self, at: address)
        let nanoseconds = try space.load(Int64.self, at: address &+ 8)
        if nanoseconds == Self.timeNow { return .now }
        if nanoseconds == Self.timeOmit { return .omit }
        guard (0..<1_000_000_000).contains(nanoseconds) else { throw .invalidArgument }
        return .at(Self.time(seconds: seconds, nanoseconds: nanoseconds))
    }

    /// Nanoseconds since 1970, kept within what 64 bits hold: times before 1970 become 1970.
    private static func time(seconds: Int64, nanoseconds: Int64) -> UInt64 {
        if seconds < 0 { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product &+ UInt64(nanoseconds)
    }

    private func changeTimes(
        _ inode: Inode, _ access: UInt64?, _ modification: UInt64?, isNow: Bool
    ) throws(Errno) -> Int {
        if !credentials.owns(inode) {
            guard isNow else { throw .notPermitted }
            guard credentials.may(.write, inode) else { throw .accessDenied }
        }
        try inode.change(AttributeChange(accessTime: access, modificationTime: modification))
        return 0
    }

    /// utimes(2), futimesat(2): two `struct timeval`, or 0: now.
    func changeTimesInMicroseconds(_ directory: UInt64, _ path: UInt64, _ times: UInt64) throws(Errno) -> Int
    {
        let inode = try inode(directory, path, flags: 0)
        if times == 0 { return try changeTimes(inode, Clock.realtime, Clock.realtime, isNow: true) }
        var values: [UInt64] = []
        for i: UInt64 in 0..<2 {
            let microseconds = try space.load(Int64.self, at: times &+ (i * 16 + 8))
            guard (0..<1_000_000).contains(microseconds) else { throw .invalidArgument }
            values.append(
                Self.time(
                    seconds: try space.load(Int64.self, at: times &+ i * 16), nanoseconds: microseconds * 1000
                ))
        }
        return try changeTimes(inode, values[0], values[1], isNow: false)
    }

    /// utime(2): two times in seconds, or 0: now.
    func changeTimesInSeconds(_ directory: UInt64, _ path: UInt64, _ times: UInt64) throws(Errno) -> Int {
        let inode = try inode(directory, path, flags: 0)
        if times == 0 { return try changeTimes(inode, Clock.realtime, Clock.realtime, isNow: true) }
        let access = Self.time(seconds: try space.load(Int64.self, at: times), nanoseconds: 0)
        let modification = Self.time(seconds: try space.load(Int64.self, at: times &+ 8), nanoseconds: 0)
        return try changeTimes(inode, access, modification, isNow: false)
    }

    // MARK: Size

    private func truncate(_ inode: Inode, to size: UInt64) throws(Errno) -> Int {
        guard size <= UInt64(Int64.max) else { throw .invalidArgument }
        if try size > inode.status().size { try limitFileSize(to: size) }
        try inode.truncate(to: size)
        inode.happened(.modify)
        return 0
    }

    /// RLIMIT_FSIZE, for a file that is to grow.
    /// - Throws: `.fileTooLarge`, with SIGXFSZ.
    private func limitFileSize(to size: UInt64) throws(Errno) {
        if size <= process.limits.soft[1] { return }
        sendSignal(25, to: thread)
        throw .fileTooLarge
    }

    func truncatePath() throws(Errno) -> Int {
        let inode = try inode(UInt64(bitPattern: Int64(Self.workingDirectory)), arguments.a, flags: 0)
        if inode.isDirectory { throw .isDirectory }
        guard credentials.may(.write, inode) else { throw .accessDenied }
        if inode.executions > 0 { throw .textBusy }
        return try truncate(inode, to: arguments.b)
    }

    func truncateDescriptor() throws(Errno) -> Int {
        let file = try file(arguments.a)
        guard file.isWritable, let inode = file.inode else { throw .invalidArgument }
        return try truncate(inode, to: arguments.b)
    }

    /// fallocate(2): descriptor, mode, offset, length.
    func allocateSpace() throws(Errno) -> Int {
        let file = try file(arguments.a)
        guard file.isWritable else { throw .badDescriptor }
        guard let node = file.asRegular?.node else {
            throw file.inode?.type == .fifo ? .illegalSeek : .noSuchDevice
        }
        guard arguments.c <= UInt64(Int64.max), arguments.d > 0, arguments.d <= UInt64(Int64.max) else {
            throw .invalidArgument
        }
        // BOUNDED: each by Int64.max, just before, so the sum fits.
        let end = arguments.c + arguments.d
        guard end <= LayerFile.maximumSize else { throw .fileTooLarge }
        if let seals = node.seals, seals & 8 != 0 || seals & 4 != 0 && end > node.size {
            throw .notPermitted
        }
        let keepSize = arguments.b & 1 != 0
        if !keepSize && end > node.size { try limitFileSize(to: end) }
        switch arguments.b & ~1 {
        case 0: try node.allocate(from: arguments.c, to: end, keepSize: keepSize)
        case 2:  // FALLOC_FL_PUNCH_HOLE
            guard keepSize else { throw .notSupported }
            try node.clear(from: arguments.c, to: end)
        case 0x10:  // FALLOC_FL_ZERO_RANGE
            try node.clear(from: arguments.c, to: end)
            try node.allocate(from: arguments.c, to: end, keepSize: keepSize)
        default: throw .notSupported
        }
        node.happened(.modify)
        return 0
    }
}
