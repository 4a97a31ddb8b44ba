import CLinux
import GuestMemory
public import LinuxSystem
import SystemPackage
import Virtio

/// A virtio socket device (virtio 1.2 §5.10) and its host side: stream connections between the guest and
/// descriptors, with credit both ways, so that memory is bounded whoever does not read.
///
///     guest  → transmit queue → connection → descriptor      VsockDevice+Transmit
///     guest  ←  receive queue ← connection ← descriptor      VsockDevice+Receive
///
/// Anything a correct driver would not send is answered with RST, and counted.
public final class VsockDevice: VirtioDevice {
    /// Connections at once, those draining included. More are refused with RST.
    static let connectionMaximum = 256
    /// RSTs for packets that belong to no connection, waiting for the guest to offer buffers. When it is full
    /// the transmit queue rests until then.
    static let strayResetMaximum = 64
    /// Bytes of buffer for a configured stream and for a Unix socket. Together with `connectionMaximum` this
    /// bounds the memory a guest can make us hold: 16 MiB for sockets.
    static let streamBufferSize: UInt32 = 256 << 10
    static let socketBufferSize: UInt32 = 64 << 10

    public let description: DeviceDescription
    let guestCID: UInt64
    private let onStreamClosed: (StreamClosed) -> Void
    private var streams: [UInt32: StreamSlot] = [:]
    let unixBridge: VsockUnixBridge?

    var receiveQueue: DeviceQueue?
    var transmitQueue: DeviceQueue?
    var host: DeviceHost?

    var connections: [VsockPorts: VsockConnection] = [:]
    /// Connections with something to send, in turn.
    var ready: [VsockConnection] = []
    /// Headers of RSTs that belong to no connection.
    var strayResets: [virtio_vsock_hdr] = []
    /// The transmit queue was left alone because `strayResets` was full.
    var isTransmitPaused = false

    /// CLOCK_MONOTONIC in nanoseconds; tests have a clock of their own.
    private let now: () -> UInt64
    /// The earliest `retryAt` of a connection that the loop knows of.
    private var nextRetry: UInt64?

    /// Packets that no correct driver sends.
    public internal(set) var refusedCount: UInt64 = 0

    static let receiveQueueIndex = 0
    static let transmitQueueIndex = 1

    /// - Parameters:
    ///   - guestCID: 3 or more (§5.10.4).
    ///   - unixBridge: for every other port, and for connections from the host.
    ///   - onStreamClosed: called on the device loop, once for each configured stream that the guest used.
    public init(
        guestCID: UInt64, unixBridge: VsockUnixBridge? = nil,
        now: @escaping () -> UInt64 = monotonicNanoseconds,
        onStreamClosed: @escaping (StreamClosed) -> Void
    ) {
        self.now = now
        self.guestCID = guestCID
        self.unixBridge = unixBridge
        self.onStreamClosed = onStreamClosed
        description = DeviceDescription(
            id: .vsock, features: [],
            queueSizes: Array(repeating: DeviceDescription.maximumQueueSize, count: 3),
            configuration: (0..<8).map { UInt8(truncatingIfNeeded: guestCID >> (8 * UInt64($0))) })
    }

    /// Called with a stream's port when the first byte beyond its limit has been dropped. Set before the guest runs.
    public var onLimitReached: ((UInt32) -> Void)?

    /// Adds a host port, which the guest may connect to once. Before the guest runs.
    ///
    /// - Throws: when the descriptor cannot be asked what it is.
    public func addStream(_ configuration: consuming StreamConfiguration) throws(Errno) {
        let slot = try StreamSlot(configuration)
        streams[slot.port] = slot
    }

    // MARK: VirtioDevice

    public func activate(_ queues: [DeviceQueue?], features: VirtioFeatures, host: DeviceHost) {
        receiveQueue = queues[VsockDevice.receiveQueueIndex]
        transmitQueue = queues[VsockDevice.transmitQueueIndex]
        self.host = host
        receiveQueue?.disableNotifications()
        unixBridge?.activate(self, host: host)
    }

    public func queueNotified(_ index: Int) throws(VirtioError) {
        switch index {
        case VsockDevice.transmitQueueIndex: try processTransmit()
        case VsockDevice.receiveQueueIndex: break
        default: return  // the event queue: we have no events before there are snapshots
        }
        try pumpReceive()
        if isTransmitPaused, strayResets.count < VsockDevice.strayResetMaximum {
            isTransmitPaused = false
            try processTransmit()
            try pumpReceive()
        }
    }

    public func timeReached() throws(VirtioError) {
        nextRetry = nil
        for connection in Array(connections.values) where connection.throttle?.retryAt != nil {
            connection.throttle?.retry()
            connection.flush()
            settle(connection)
        }
        try pumpReceive()
    }

    /// Has the loop come back when a refused stream may go on.
    func wakeForRetry(_ connection: VsockConnection) {
        guard let instant = connection.throttle?.retryAt, instant < nextRetry ?? .max else { return }
        nextRetry = instant
        host?.wake(at: instant)
    }

    public func reset() {
        unixBridge?.deactivate()
        orphanAll()
        receiveQueue = nil
        transmitQueue = nil
        strayResets = []
        isTransmitPaused = false
        // Orphans go on draining to their descriptors; `host` stays for that.
    }

    public func drain() throws(VirtioError) {
        strayResets = []
        isTransmitPaused = false
        try processTransmit()
        unixBridge?.deactivate()
        orphanAll()
    }

    public var isDrained: Bool {
        connections.values.allSatisfy { $0.pending.isEmpty }
    }

    private func orphanAll() {
        for connection in Array(connections.values) { orphan(connection) }
    }

    // MARK: Connections

    /// The guest asks for `ports.host`: a configured stream that is still free, or a Unix socket. nil:
    /// refused.
    func openForGuest(_ ports: VsockPorts) -> VsockConnection? {
        guard connections.count < VsockDevice.connectionMaximum else { return nil }
        if let slot = streams[ports.host] {
            guard let stream = slot.take() else { return nil }
            let connection = VsockConnection(
                ports: ports, stream: stream, phase: .established, bufferSize: VsockDevice.streamBufferSize,
                reportedPort: slot.port, limit: slot.limit,
                throttle: slot.bucket.map { StreamThrottle($0, now: now) })
            return insert(connection)
        }
        guard let stream = unixBridge?.connect(port: ports.host) else { return nil }
        return insert(
            VsockConnection(
                ports: ports, stream: stream, phase: .established, bufferSize: VsockDevice.socketBufferSize))
    }

    /// A host program asks for a port of the guest. nil: the table is full or the host refuses to watch the
    /// socket.
    func openForHost(guestPort: UInt32, stream: HostStream) -> VsockConnection? {
        guard connections.count < VsockDevice.connectionMaximum, let unixBridge else { return nil }
        var hostPort: UInt32
        repeat {
            hostPort = unixBridge.nextHostPort()
        } while connections[VsockPorts(host: hostPort, guest: guestPort)] != nil
        let connection = VsockConnection(
            ports: VsockPorts(host: hostPort, guest: guestPort), stream: stream, phase: .requested,
            bufferSize: VsockDevice.socketBufferSize)
        connection.due.insert(.request)
        return insert(connection)
    }

    private func insert(_ connection: VsockConnection) -> VsockConnection? {
        guard let host, let file = connection.stream.file else { return nil }
        var events: EpollEvents = [.edgeTriggered]
        if connection.stream.canRead { events.formUnion([.readable, .peerShutdown]) }
        if connection.stream.canWrite { events.insert(.writable) }
        let watcher = ConnectionWatcher(device: self, connection: connection)
        do throws(Errno) {
            connection.registration = try host.register(file, events, handler: watcher, token: 0)
        } catch {
            // EPERM: always ready, nothing to watch. Otherwise the host is out of memory or watches.
            guard error == .notPermitted else { return nil }
        }
        connections[connection.ports] = connection
        return connection
    }

    /// Puts the connection in line if it has something for the guest.
    func queueIfReady(_ connection: VsockConnection) {
        guard !connection.isQueued, connection.hasSomethingToSend else { return }
        connection.isQueued = true
        ready.append(connection)
    }

    /// The guest broke the rules of this connection, or the host cannot serve it: RST, and what was received
    /// still drains.
    func resetConnection(_ connection: VsockConnection) {
        connection.due = .reset
        queueIfReady(connection)
    }

    /// The guest's half is gone. What it had sent goes on to the descriptor.
    func orphan(_ connection: VsockConnection) {
        connection.phase = .orphaned
        connection.due = []
        settle(connection)
    }

    /// Takes the steps that are possible now towards the end of a connection. Call after every change to it.
    func settle(_ connection: VsockConnection) {
        wakeForRetry(connection)
        if connection.takeLimitReport(), let port = connection.reportedPort { onLimitReached?(port) }
        if connection.isInputFinished {
            if connection.phase == .orphaned || connection.guestShutdown == [.send, .receive] {
                unregister(connection)
                connection.stream.close()
            } else {
                if connection.stream.isOpen && !connection.stream.canRead { unregister(connection) }
                connection.stream.finishWriting()
            }
            if let report = connection.takeReport() { onStreamClosed(report) }
            if connection.phase == .orphaned {
                connections[connection.ports] = nil
                return
            }
            // §5.10.6.6: both halves shut down by the guest is answered with RST.
            if connection.guestShutdown == [.send, .receive] { connection.due = .reset }
        } else if connection.isLimitSettled, let report = connection.takeReport() {
            onStreamClosed(report)
        }
        queueIfReady(connection)
    }

    private func unregister(_ connection: VsockConnection) {
        guard let registration = connection.registration else { return }
        host?.unregister(registration)
        connection.registration = nil
    }

    // MARK: Descriptors

    fileprivate func streamReady(_ connection: VsockConnection, _ events: EpollEvents) {
        if !events.isDisjoint(with: [.readable, .peerShutdown, .hangUp, .error]) {
            connection.mayRead = true
        }
        if !events.isDisjoint(with: [.writable, .hangUp, .error]) {
            connection.mayWrite = true
            connection.flush()
        }
        settle(connection)
        pumpReceiveReportingFailure()
    }

    func pumpReceiveReportingFailure() {
        do throws(VirtioError) {
            try pumpReceive()
        } catch {
            host?.fail(error)
        }
    }
}

/// Connects one connection's descriptor to the device: the loop holds it, so it holds the device weakly.
private final class ConnectionWatcher: DescriptorHandler {
    private weak var device: VsockDevice?
    private let connection: VsockConnection

    init(device: VsockDevice, connection: VsockConnection) {
        self.device = device
        self.connection = connection
    }

    func descriptorReady(_ events: EpollEvents, token: Int) {
        device?.streamReady(connection, events)
    }
}
