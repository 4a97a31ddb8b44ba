/// getsockopt(2) and setsockopt(2).
extension SocketCall {
    /// Descriptor, level, name, where the value is, its size.
    func setOption() throws(Errno) -> Int {
        let socket = try socket()
        let level = Int32(truncatingIfNeeded: arguments.b)
        let name = Int32(truncatingIfNeeded: arguments.c)
        let size = Int32(truncatingIfNeeded: arguments.e)
        guard size >= 0 else { throw .invalidArgument }
        // No option there is has a larger value.
        let value = try space.read(from: arguments.d, count: min(Int(size), 512))
        if try socket.setOption(level, name, value) { return 0 }
        if level == OptionLevel.socket, try setSocketOption(socket, name, value) {
            socket.optionsChanged()
            return 0
        }
        guard let option = IntegerOption.find(level, name, for: socket) else {
            throw refusal(level, socket)
        }
        // The older options of IP take a single byte too.
        let isByte = value.count > 0 && value.count < 4 && level == OptionLevel.ip
        var number = isByte ? Int32(value[0]) : try integer(value)
        if option.isSwitch { number = number == 0 ? 0 : 1 }
        // -1 brings some back to what they were.
        if number == -1 && option.values.lowerBound == -1 { number = option.initial }
        guard option.values.contains(number) else { throw .invalidArgument }
        socket.options[level, name] = number
        socket.optionsChanged()
        return 0
    }

    private func refusal(_ level: Int32, _ socket: Socket) -> Errno {
        SystemCalls.countUnsupported(.setsockopt)
        return socket.family == AddressFamily.unix && level != OptionLevel.socket
            ? .notSupported : .noProtocolOption
    }

    private func integer(_ value: [UInt8]) throws(Errno) -> Int32 {
        guard value.count >= 4 else { throw .invalidArgument }
        return value.load(Int32.self, at: 0)
    }

    /// Options of SOL_SOCKET that are more than a number to keep.
    /// - Returns: false for the others.
    private func setSocketOption(_ socket: Socket, _ name: Int32, _ value: [UInt8]) throws(Errno) -> Bool {
        switch name {
        case SocketOption.sendBuffer, SocketOption.sendBufferForce:
            socket.options.sendBuffer = buffer(try integer(value))
        case SocketOption.receiveBuffer, SocketOption.receiveBufferForce:
            socket.options.receiveBuffer = buffer(try integer(value))
        case SocketOption.linger:
            guard value.count >= 8 else { throw .invalidArgument }
            socket.options.linger = try integer(value) == 0 ? nil : value.load(Int32.self, at: 4)
        case SocketOption.receiveTimeout, SocketOption.receiveTimeoutNew:
            socket.options.receiveTimeout = try timeout(value)
        case SocketOption.sendTimeout, SocketOption.sendTimeoutNew:
            socket.options.sendTimeout = try timeout(value)
        case SocketOption.passCredentials:
            guard socket.family == AddressFamily.unix || socket.family == AddressFamily.netlink else {
                throw .notSupported
            }
            socket.options.passCredentials = try integer(value) != 0
        case SocketOption.reusePort where socket.family == AddressFamily.unix: throw .notSupported
        case SocketOption.type, SocketOption.error, SocketOption.isListening, SocketOption.protocolNumber,
            SocketOption.domain, SocketOption.peerCredentials:
            throw .noProtocolOption
        default: return false
        }
        return true
    }

    private func buffer(_ asked: Int32) -> Int {
        let doubled = Int(asked) * 2
        return min(max(doubled, SocketLimits.bufferBytesMinimum), SocketLimits.bufferBytesMaximum)
    }

    /// A `struct timeval` in nanoseconds.
    private func timeout(_ value: [UInt8]) throws(Errno) -> UInt64 {
        guard value.count >= 16 else { throw .invalidArgument }
        let seconds = value.load(Int64.self, at: 0)
        let microseconds = value.load(Int64.self, at: 8)
        guard (0..<1_000_000).contains(microseconds) else { throw Errno(code: 33) }  // EDOM
        // As on Linux, a negative time is over at once.
        if seconds < 0 { return 1 }
        let limit: Int64 = 1 << 32
        return UInt64(min(seconds, limit)) * 1_000_000_000 + UInt64(microseconds) * 1000
    }

    // MARK: Reading

    /// Descriptor, level, name, where the value goes, where its size is.
    func getOption() throws(Errno) -> Int {
        let socket = try socket()
        let level = Int32(truncatingIfNeeded: arguments.b)
        let name = Int32(truncatingIfNeeded: arguments.c)
        let size = try space.load(Int32.self, at: arguments.e)
        guard size >= 0 else { throw .invalidArgument }
        let value = try option(socket, level, name)
        let count = min(Int(size), value.count)
        try space.write(Array(value[0..<count]), to: arguments.d)
        try space.store(Int32(count), at: arguments.e)
        return 0
    }

    private func option(_ socket: Socket, _ level: Int32, _ name: Int32) throws(Errno) -> [UInt8] {
        if let value = try socket.option(level, name) { return value }
        if level == OptionLevel.socket, let value = socketOption(socket, name) { return value }
        guard let option = IntegerOption.find(level, name, for: socket) else {
            SystemCalls.countUnsupported(.getsockopt)
            throw socket.family == AddressFamily.unix && level != OptionLevel.socket
                ? .notSupported : .noProtocolOption
        }
        return [UInt8](of: socket.options[level, name] ?? option.initial)
    }

    private func socketOption(_ socket: Socket, _ name: Int32) -> [UInt8]? {
        let options = socket.options
        switch name {
        case SocketOption.type: return [UInt8](of: socket.type.rawValue)
        case SocketOption.error: return [UInt8](of: socket.takePendingError()?.code ?? 0)
        case SocketOption.sendBuffer: return [UInt8](of: Int32(options.sendBuffer))
        case SocketOption.receiveBuffer: return [UInt8](of: Int32(options.receiveBuffer))
        case SocketOption.linger:
            return [UInt8](of: Int32(options.linger == nil ? 0 : 1)) + [UInt8](of: options.linger ?? 0)
        case SocketOption.receiveTimeout, SocketOption.receiveTimeoutNew: return time(options.receiveTimeout)
        case SocketOption.sendTimeout, SocketOption.sendTimeoutNew: return time(options.sendTimeout)
        case SocketOption.passCredentials: return [UInt8](of: Int32(options.passCredentials ? 1 : 0))
        case SocketOption.peerCredentials:
            let peer = socket.peerCredentials
            return [UInt8](of: peer.process) + [UInt8](of: peer.user) + [UInt8](of: peer.group)
        case SocketOption.isListening: return [UInt8](of: Int32(socket.isListening ? 1 : 0))
        case SocketOption.protocolNumber: return [UInt8](of: socket.protocolNumber)
        case SocketOption.domain: return [UInt8](of: Int32(socket.family))
        default: return nil
        }
    }

    private func time(_ nanoseconds: UInt64) -> [UInt8] {
        [UInt8](of: nanoseconds / 1_000_000_000) + [UInt8](of: nanoseconds % 1_000_000_000 / 1000)
    }
}
