import CLinux
import Glibc
import GuestMemory
import LinuxSystem
import SystemPackage
import Virtio

/// Vsock over Unix sockets, in the convention that Firecracker's users know.
///
/// - Host → guest: a program connects to the listening socket, writes `CONNECT port\n`, and reads `OK
///   host_port\n` once the guest has accepted; after that the socket is the connection. If the guest refuses,
///   it is closed.
/// - Guest → host: a connection to a port goes to the listening socket `v.sock_PORT` in a directory.
public final class VsockUnixBridge: DescriptorHandler {
    /// Host programs that have connected and not yet finished their first line; more wait in the socket's
    /// backlog.
    static let handshakeMaximum = 32
    /// Host ports for connections that the host began: far from those a program would pick, as Firecracker
    /// has it.
    private static let firstHostPort: UInt32 = 1 << 30

    private var listener: OwnedDescriptor?
    private var directory: OwnedDescriptor?
    private var hostPort = VsockUnixBridge.firstHostPort
    private var handshakes: [Int: VsockHandshake] = [:]
    private var nextToken = 1
    private weak var device: VsockDevice?
    private var host: DeviceHost?
    private var listenerRegistration: LoopRegistration?

    private static let listenerToken = 0

    /// - Parameters:
    ///   - listener: a listening AF_UNIX stream socket.
    ///   - directory: where `v.sock_PORT` are. Connecting changes the process's working directory to it: a
    ///     Unix socket has
    ///     no other way to be named without a path that the jail does not have.
    public init(listener: consuming OwnedDescriptor?, directory: consuming OwnedDescriptor?) {
        self.listener = listener
        self.directory = directory
    }

    func activate(_ device: VsockDevice, host: DeviceHost) {
        self.device = device
        self.host = host
        guard let file = listener?.borrowed else { return }
        // If the host cannot watch it (out of memory), host programs wait in the backlog; the guest is not
        // hurt.
        listenerRegistration = try? host.register(
            file, [.readable, .edgeTriggered], handler: self, token: VsockUnixBridge.listenerToken)
    }

    func deactivate() {
        if let listenerRegistration { host?.unregister(listenerRegistration) }
        listenerRegistration = nil
        for token in Array(handshakes.keys) { endHandshake(token) }
        host = nil
    }

    func nextHostPort() -> UInt32 {
        let port = hostPort
        // Ports below 2^31 only, so that none is VMADDR_PORT_ANY.
        hostPort = port == UInt32(Int32.max) ? VsockUnixBridge.firstHostPort : port + 1
        return port
    }

    // MARK: Guest → host

    /// nil: no such socket, or nobody accepts there.
    func connect(port: UInt32) -> HostStream? {
        guard let directory = directory?.borrowed else { return nil }
        do throws(Errno) {
            let socket = try OwnedDescriptor(
                checking: linux_unix_socket(CInt(SOCK_STREAM.rawValue) | O_NONBLOCK))
            try checked(linux_fchdir(directory.rawValue))
            let file = socket.borrowed.rawValue
            // Non-blocking: a Unix connect succeeds or fails at once (EAGAIN: the backlog is full).
            try checked("v.sock_\(port)".withCString { linux_unix_connect(file, $0) })
            return try HostStream(owning: socket, direction: .both)
        } catch {
            return nil
        }
    }

    // MARK: Host → guest

    /// The guest has accepted: tells the host program.
    ///
    /// - Returns: false if it is gone.
    func confirm(_ connection: VsockConnection) -> Bool {
        let line = Array("OK \(connection.ports.host)\n".utf8)
        let outcome = line.withUnsafeBytes { connection.stream.write($0) }
        guard case .moved(line.count) = outcome else { return false }
        return true
    }

    public func descriptorReady(_ events: EpollEvents, token: Int) {
        if token == VsockUnixBridge.listenerToken { return acceptAll() }
        guard let handshake = handshakes[token] else { return }
        switch handshake.advance() {
        case .incomplete: return
        case .invalid: endHandshake(token)
        case .connect(let guestPort):
            let socket = handshake.takeSocket(unregisteringFrom: host)
            endHandshake(token)
            open(guestPort, socket)
        }
        acceptAll()
    }

    private func acceptAll() {
        guard let listener = listener?.borrowed, let host else { return }
        while handshakes.count < VsockUnixBridge.handshakeMaximum {
            guard (try? listener.isReady(for: CInt(POLLIN))) == true,
                let socket = try? OwnedDescriptor(checking: linux_accept(listener.rawValue, 0))
            else { return }
            let token = nextToken
            nextToken += 1
            let handshake = VsockHandshake(socket)
            guard handshake.register(with: host, handler: self, token: token) else { return }
            handshakes[token] = handshake
        }
    }

    private func endHandshake(_ token: Int) {
        handshakes[token]?.end(host)
        handshakes[token] = nil
    }

    private func open(_ guestPort: UInt32, _ socket: consuming OwnedDescriptor?) {
        guard let socket, let device,
            let stream = try? HostStream(owning: socket, direction: .both),
            let connection = device.openForHost(guestPort: guestPort, stream: stream)
        else { return }
        device.queueIfReady(connection)
        device.pumpReceiveReportingFailure()
    }
}

/// A host program that has connected and is about to say which port it wants.
final class VsockHandshake {
    enum Progress: Equatable {
        case incomplete
        case invalid
        case connect(guestPort: UInt32)
    }

    /// "CONNECT 4294967295\n" has 19 bytes.
    static let lineMaximum = 32

    private var socket: OwnedDescriptor?
    private var registration: LoopRegistration?

    init(_ socket: consuming OwnedDescriptor) {
        self.socket = consume socket
    }

    func register(with host: DeviceHost, handler: any DescriptorHandler, token: Int) -> Bool {
        guard let file = socket?.borrowed else { return false }
        registration = try? host.register(
            file, [.readable, .peerShutdown, .edgeTriggered], handler: handler, token: token)
        return registration != nil
    }

    /// Looks for a whole line without taking more than it from the socket: what follows is the connection's.
    func advance() -> Progress {
        guard let file = socket?.borrowed.rawValue else { return .invalid }
        var bytes = [UInt8](repeating: 0, count: VsockHandshake.lineMaximum)
        let count = linux_recv(file, &bytes, bytes.count, CInt(MSG_PEEK | MSG_DONTWAIT))
        if count == -Int(EAGAIN) || count == -Int(EINTR) { return .incomplete }
        guard count > 0 else { return .invalid }
        guard let end = bytes[..<count].firstIndex(of: UInt8(ascii: "\n")) else {
            return count == bytes.count ? .invalid : .incomplete
        }
        guard linux_recv(file, &bytes, end + 1, CInt(MSG_DONTWAIT)) == end + 1,
            let port = VsockHandshake.port(inLine: bytes[..<end])
        else { return .invalid }
        return .connect(guestPort: port)
    }

    /// The port in `CONNECT port`, if the line is one.
    static func port(inLine line: ArraySlice<UInt8>) -> UInt32? {
        let prefix = Array("CONNECT ".utf8)
        guard line.starts(with: prefix) else { return nil }
        let digits = line.dropFirst(prefix.count)
        guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt32(String(decoding: digits, as: UTF8.self)), port != VsockAddress.anyPort
        else { return nil }
        return port
    }

    func takeSocket(unregisteringFrom host: DeviceHost?) -> OwnedDescriptor? {
        unregister(host)
        return socket.take()
    }

    func end(_ host: DeviceHost?) {
        unregister(host)
        socket = nil
    }

    private func unregister(_ host: DeviceHost?) {
        if let registration { host?.unregister(registration) }
        registration = nil
    }
}
