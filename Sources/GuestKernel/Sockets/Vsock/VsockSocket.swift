/// AF_VSOCK (vsock(7)) of a program. It reaches other sockets of this guest only: connections to the host are the kernel's
/// own (the job protocol), so a program that tries one finds nobody listening there.
final class VsockSocket: StreamSocket {
    private static let anyCID: UInt32 = .max
    private static let anyPort: UInt32 = .max
    private static let localCID: UInt32 = 1
    private static let addressBytes = 16

    /// VMADDR_CID of this guest.
    static var guestCID: UInt32 { UInt32(truncatingIfNeeded: Devices.vsock?.guestCID ?? 3) }

    private var binding: VsockPorts.Binding?
    /// SO_VM_SOCKETS_BUFFER_SIZE, MIN_SIZE and MAX_SIZE, by their numbers. The size is what the peer may have on its way.
    private var bufferSizes: [UInt64] = [262_144, 128, 262_144]

    init(_ type: SocketType, flags: UInt32) {
        super.init(family: AddressFamily.vsock, type: type, protocolNumber: 0, flags: flags)
    }

    static func make(_ type: SocketType, _ number: Int32, flags: UInt32) throws(Errno) -> Socket {
        guard number == 0 || number == Int32(AddressFamily.vsock) else { throw .protocolNotSupported }
        guard type == .stream || type == .sequencedPacket else { throw .socketTypeNotSupported }
        return VsockSocket(type, flags: flags)
    }

    deinit {
        if let binding { VsockPorts.remove(binding) }
    }

    // MARK: Addresses: family u16, reserved u16, port u32, context u32, flags and padding

    private static func address(_ cid: UInt32, _ port: UInt32) -> [UInt8] {
        [UInt8](of: UInt32(AddressFamily.vsock)) + [UInt8](of: port) + [UInt8](of: cid) + [0, 0, 0, 0]
    }

    private static func read(_ address: [UInt8]) throws(Errno) -> (cid: UInt32, port: UInt32) {
        guard address.count >= addressBytes else { throw .invalidArgument }
        guard address.load(UInt16.self, at: 0) == AddressFamily.vsock else {
            throw .addressFamilyNotSupported
        }
        return (address.load(UInt32.self, at: 8), address.load(UInt32.self, at: 4))
    }

    private static func isHere(_ cid: UInt32) -> Bool { cid == localCID || cid == guestCID }

    override func bind(_ address: [UInt8]) throws(Errno) {
        if binding != nil { throw .invalidArgument }
        let (cid, port) = try Self.read(address)
        guard cid == Self.anyCID || Self.isHere(cid) else { throw .addressNotAvailable }
        if port < 1024, !Scheduler.current.process.credentials.has(.bindLowPort) { throw .accessDenied }
        binding = try VsockPorts.bind(cid, port == Self.anyPort ? nil : port, type)
    }

    private func bindAutomatically() throws(Errno) {
        if binding == nil { binding = try VsockPorts.bind(Self.anyCID, nil, type) }
    }

    override func localAddress() -> [UInt8] {
        if let end { return end.local.address }
        return Self.address(binding?.cid ?? Self.anyCID, binding?.port ?? Self.anyPort)
    }

    // MARK: Connecting

    override func listen(backlog: Int) throws(Errno) {
        guard let binding, end == nil else { throw .invalidArgument }
        if let listener {
            listener.backlog = backlog
            return
        }
        let new = Listener(backlog: backlog, changed: changed)
        listener = new
        binding.listener = new
    }

    override func connect(_ address: [UInt8]) throws(Errno) {
        if isConnecting { return try finishConnecting() }
        if end != nil { throw .isConnected }
        if listener != nil { throw .invalidArgument }
        let (cid, port) = try Self.read(address)
        try Socket.requireMemory()
        // As from Linux's driver for virtio, when the host has nobody at that port.
        guard Self.isHere(cid), let target = VsockPorts.find(port), target.type == type,
            target.cid == Self.anyCID || target.cid == cid, let listener = target.listener,
            !listener.isClosed, listener.canWait
        else { throw .connectionReset }
        try bindAutomatically()
        let credentials = PeerCredentials(process: 0, user: .max, group: .max)
        let (near, far) = StreamEnd.pair(
            EndName(Self.address(cid, binding?.port ?? 0), credentials),
            EndName(Self.address(cid, port), credentials), keepsMessages: keepsMessages)
        end = near
        listener.add(far)
        try finishConnecting()
    }

    override func makeAccepted(_ end: StreamEnd, flags: UInt32) -> StreamSocket {
        VsockSocket(type, flags: flags)
    }

    override func prepare(_ message: inout OutgoingMessage, for end: StreamEnd) throws(Errno) {
        if message.address != nil { throw .isConnected }
        if message.flags.contains(.outOfBand) { throw .notSupported }
    }

    // MARK: Options

    /// SO_VM_SOCKETS_CONNECT_TIMEOUT: shown, and taken without effect, as nobody here takes time.
    private static let connectTimeout: Int32 = 6

    override func option(_ level: Int32, _ name: Int32) throws(Errno) -> [UInt8]? {
        guard level == Int32(AddressFamily.vsock) else { return nil }
        switch name {
        case 0...2: return [UInt8](of: bufferSizes[Int(name)])
        case Self.connectTimeout: return [UInt8](of: UInt64(2)) + [UInt8](of: UInt64(0))
        default: return nil
        }
    }

    override func setOption(_ level: Int32, _ name: Int32, _ value: [UInt8]) throws(Errno) -> Bool {
        guard level == Int32(AddressFamily.vsock), (0...2).contains(name) || name == Self.connectTimeout
        else {
            return false
        }
        guard value.count >= 8 else { throw .invalidArgument }
        if name == Self.connectTimeout { return true }
        bufferSizes[Int(name)] = value.load(UInt64.self, at: 0)
        bufferSizes[0] = max(min(bufferSizes[0], bufferSizes[2]), bufferSizes[1])
        optionsChanged()
        return true
    }

    override func optionsChanged() {
        guard let end else { return }
        let size = Int(min(bufferSizes[0], UInt64(SocketLimits.bufferBytesMaximum)))
        end.incoming.sendCapacity = max(size, SocketLimits.bufferBytesMinimum)
    }

    override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        guard request == VsockDeviceFile.getLocalCID else { return try super.control(request, argument) }
        try Scheduler.current.process.space.store(Self.guestCID, at: argument)
        return 0
    }
}

/// The ports of programs' vsock sockets.
enum VsockPorts {
    final class Binding {
        let cid: UInt32
        let port: UInt32
        let type: SocketType
        var listener: Listener?

        init(_ cid: UInt32, _ port: UInt32, _ type: SocketType) {
            self.type = type
            self.cid = cid
            self.port = port
        }
    }

    // SAFETY: see Frames. Sorted by port; at most one binding a socket.
    nonisolated(unsafe) private static var bindings: [Binding] = []
    nonisolated(unsafe) private static var lastAutomatic: UInt32 = 1023

    private static func index(of port: UInt32) -> Int {
        var low = 0
        var high = bindings.count
        while low < high {
            let middle = (low + high) / 2
            if bindings[middle].port < port { low = middle + 1 } else { high = middle }
        }
        return low
    }

    static func find(_ port: UInt32) -> Binding? {
        let i = index(of: port)
        return i < bindings.count && bindings[i].port == port ? bindings[i] : nil
    }

    /// - Parameter wanted: nil: any free one.
    static func bind(_ cid: UInt32, _ wanted: UInt32?, _ type: SocketType) throws(Errno) -> Binding {
        var port = wanted ?? lastAutomatic
        if wanted == nil {
            // There are fewer sockets than ports.
            repeat { port = port >= UInt32(Int32.max) ? 1024 : port + 1 } while find(port) != nil
            lastAutomatic = port
        } else if find(port) != nil {
            throw .addressInUse
        }
        let binding = Binding(cid, port, type)
        bindings.insert(binding, at: index(of: port))
        return binding
    }

    static func remove(_ binding: Binding) {
        binding.listener = nil
        let i = index(of: binding.port)
        if i < bindings.count, bindings[i] === binding { bindings.remove(at: i) }
    }
}

/// /dev/vsock: asked for this machine's context identifier.
final class VsockDeviceFile: File {
    /// IOCTL_VM_SOCKETS_GET_LOCAL_CID.
    static let getLocalCID: UInt32 = 0x7B9

    private let node: Inode
    override var inode: Inode? { node }

    init(_ node: Inode, flags: UInt32) {
        self.node = node
        super.init(flags: flags)
    }

    override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        guard request == Self.getLocalCID else { throw .notTerminal }
        try Scheduler.current.process.space.store(VsockSocket.guestCID, at: argument)
        return 0
    }
}
