/// Ancillary data (cmsg(3)): a header of length (u64), level and type (i32 each), then the data, padded to 8 bytes.
enum ControlMessages {
    private static let headerBytes = 16
    private static let rights: Int32 = 1
    private static let credentials: Int32 = 2

    // MARK: From a program

    /// - Throws: `.invalidArgument`, `.badDescriptor`, `.notPermitted` for another's credentials, `.tooManyReferences`.
    static func read(_ bytes: [UInt8], for socket: Socket, from thread: Thread) throws(Errno) -> Ancillary {
        var ancillary = Ancillary()
        var header = PacketHeader(options: socket.options, family: socket.family)
        var at = 0
        while bytes.count - at >= headerBytes {
            let length = bytes.load(UInt64.self, at: at)
            guard length >= UInt64(headerBytes), length <= UInt64(bytes.count - at) else {
                throw .invalidArgument
            }
            let level = bytes.load(Int32.self, at: at + 8)
            let type = bytes.load(Int32.self, at: at + 12)
            let data = Array(bytes[(at + headerBytes)..<(at + Int(length))])
            if level == OptionLevel.socket && socket.family == AddressFamily.unix {
                switch type {
                case rights: try readRights(data, thread, &ancillary)
                case credentials: ancillary.credentials = try readCredentials(data, thread.process)
                default: throw .invalidArgument
                }
            } else if !header.set(level, type, data) {
                throw .invalidArgument
            }
            at += (Int(length) + 7) & ~7
        }
        ancillary.header = header
        return ancillary
    }

    private static func readRights(_ data: [UInt8], _ thread: Thread, _ ancillary: inout Ancillary)
        throws(Errno)
    {
        let count = data.count / 4
        guard ancillary.files.count + count <= SocketLimits.descriptorsInMessage else {
            throw .invalidArgument
        }
        for i in 0..<count {
            ancillary.files.append(try thread.process.files.file(data.load(Int32.self, at: i * 4)))
        }
    }

    private static func readCredentials(_ data: [UInt8], _ process: Process) throws(Errno) -> PeerCredentials
    {
        guard data.count == 12 else { throw .invalidArgument }
        let claimed = PeerCredentials(
            process: data.load(Int32.self, at: 0), user: data.load(UInt32.self, at: 4),
            group: data.load(UInt32.self, at: 8))
        let own = process.credentials
        let isUser = [own.user, own.effectiveUser, own.savedUser].contains(claimed.user)
        let isGroup = [own.group, own.effectiveGroup, own.savedGroup].contains(claimed.group)
        guard own.has(.administer) || claimed.process == process.id, own.has(.setUser) || isUser,
            own.has(.setGroup) || isGroup
        else {
            throw .notPermitted
        }
        guard claimed.process == process.id || Processes.find(claimed.process) != nil else {
            throw .noSuchProcess
        }
        return claimed
    }

    // MARK: To a program

    /// What a program gets beside a message, at most `limit` bytes; received files become descriptors of its.
    static func write(
        _ message: IncomingMessage, limit: Int, for socket: Socket, in call: SocketCall, closeOnExec: Bool
    ) -> ([UInt8], MessageFlags) {
        var writer = Writer(limit: limit)
        if socket.options.isOn(SocketOption.timestampNanoseconds) && message.arrival != 0 {
            let (seconds, rest) = (message.arrival / 1_000_000_000, message.arrival % 1_000_000_000)
            writer.add(
                OptionLevel.socket, SocketOption.timestampNanoseconds,
                [UInt8](of: seconds) + [UInt8](of: rest))
        } else if socket.options.isOn(SocketOption.timestamp) && message.arrival != 0 {
            let (seconds, rest) = (message.arrival / 1_000_000_000, message.arrival % 1_000_000_000)
            writer.add(
                OptionLevel.socket, SocketOption.timestamp, [UInt8](of: seconds) + [UInt8](of: rest / 1000))
        }
        if socket.options.passCredentials {
            let sender = message.ancillary.credentials ?? .nobody
            writer.add(
                OptionLevel.socket, credentials,
                [UInt8](of: sender.process) + [UInt8](of: sender.user) + [UInt8](of: sender.group))
        }
        message.ancillary.header?.write(to: &writer, asWantedBy: socket)
        addRights(message.ancillary.files, to: &writer, in: call, closeOnExec: closeOnExec)
        InFlightFiles.drop(message.ancillary.files)
        return (writer.bytes, writer.isTruncated ? .controlTruncated : [])
    }

    private static func addRights(
        _ files: [File], to writer: inout Writer, in call: SocketCall, closeOnExec: Bool
    ) {
        if files.isEmpty { return }
        let room = max(0, writer.room - headerBytes) / 4
        var data: [UInt8] = []
        for file in files.prefix(room) {
            // Linux too stops at the descriptor limit and says that something is missing.
            guard let descriptor = try? call.add(file, flags: closeOnExec ? OpenFlags.closeOnExec : 0) else {
                break
            }
            data.append(number: descriptor)
        }
        if !data.isEmpty { writer.add(OptionLevel.socket, rights, data) }
        if data.count / 4 < files.count { writer.isTruncated = true }
    }

    struct Writer {
        private(set) var bytes: [UInt8] = []
        private let limit: Int
        var isTruncated = false

        init(limit: Int) { self.limit = limit }

        var room: Int { max(0, limit - bytes.count) }

        /// A message is cut where the room ends, like Linux's; without room for its header it is left out.
        mutating func add(_ level: Int32, _ type: Int32, _ data: [UInt8]) {
            guard room >= headerBytes else {
                isTruncated = true
                return
            }
            let count = min(data.count, room - headerBytes)
            if count < data.count { isTruncated = true }
            bytes.append(number: UInt64(headerBytes + count))
            bytes.append(number: level)
            bytes.append(number: type)
            bytes.append(contentsOf: data[0..<count])
            // The padding behind the last message counts only if there is room for it.
            let padding = min((8 - count % 8) % 8, room)
            for _ in 0..<padding { bytes.append(0 as UInt8) }
        }
    }
}
