/// A port that a socket has. The socket takes it out again when it closes.
final class PortBinding {
    let endpoint: Endpoint
    /// An IPv6 wildcard that is not IPv4's too.
    let isIPv6Only: Bool
    let reusesAddress: Bool
    let reusesPort: Bool
    let user: UInt32
    /// Of a listening TCP socket.
    var listener: Listener?
    /// Of a UDP socket, and whom it is connected to.
    var inbox: Inbox?
    var remote: Endpoint?

    fileprivate init(_ endpoint: Endpoint, _ options: SocketOptions, isIPv6Only: Bool) {
        self.endpoint = endpoint
        self.isIPv6Only = isIPv6Only
        reusesAddress = options.isOn(SocketOption.reuseAddress)
        reusesPort = options.isOn(SocketOption.reusePort)
        user = Scheduler.current.process.credentials.effectiveUser
    }

    /// Whether what is sent to `address` is for this socket.
    func covers(_ address: IPAddress) -> Bool {
        if endpoint.address == address { return true }
        if endpoint.address == .anyIPv4 { return address.ipv4 != nil }
        return endpoint.address == .any && (!isIPv6Only || address.ipv4 == nil)
    }

    fileprivate func overlaps(_ other: PortBinding) -> Bool {
        covers(other.endpoint.address) || other.covers(endpoint.address)
    }

    /// How well it covers an address: its own first, then IPv4's wildcard.
    fileprivate var precision: Int {
        endpoint.address == .any ? 0 : endpoint.address == .anyIPv4 ? 1 : 2
    }
}

/// The ports of one protocol.
final class Ports {
    /// net.ipv4.ip_local_port_range.
    private static let automatic: ClosedRange<UInt16> = 32768...60999

    // SAFETY: see Frames.
    nonisolated(unsafe) static let tcp = Ports(isTCP: true)
    nonisolated(unsafe) static let udp = Ports(isTCP: false)
    nonisolated(unsafe) static let udpLite = Ports(isTCP: false)

    private let isTCP: Bool
    /// Sorted by port.
    private(set) var bindings: [PortBinding] = []
    private var lastAutomatic = automatic.upperBound

    private init(isTCP: Bool) { self.isTCP = isTCP }

    /// Index of the first binding of a port, or of the next.
    private func firstIndex(of port: UInt16) -> Int {
        var low = 0
        var high = bindings.count
        while low < high {
            let middle = (low + high) / 2
            if bindings[middle].endpoint.port < port { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func forEach(port: UInt16, _ body: (PortBinding) -> Void) {
        var i = firstIndex(of: port)
        while i < bindings.count, bindings[i].endpoint.port == port {
            body(bindings[i])
            i += 1
        }
    }

    private func conflicts(_ new: PortBinding, strictly: Bool) -> Bool {
        var found = false
        forEach(port: new.endpoint.port) { old in
            if old === new || !old.overlaps(new) { return }
            let sharesPort = old.reusesPort && new.reusesPort && old.user == new.user
            let sharesAddress =
                old.reusesAddress && new.reusesAddress && !(isTCP && old.listener != nil)
            if strictly || !(sharesPort || sharesAddress) { found = true }
        }
        return found
    }

    // MARK: Binding

    /// - Parameter endpoint: with port 0, a free one is found.
    /// - Throws: `.addressInUse`.
    func bind(_ endpoint: Endpoint, _ options: SocketOptions, isIPv6Only: Bool) throws(Errno) -> PortBinding {
        if endpoint.port != 0 {
            let new = PortBinding(endpoint, options, isIPv6Only: isIPv6Only)
            if conflicts(new, strictly: false) { throw .addressInUse }
            insert(new)
            return new
        }
        for _ in Self.automatic {
            let isLast = lastAutomatic >= Self.automatic.upperBound
            lastAutomatic = isLast ? Self.automatic.lowerBound : lastAutomatic + 1
            let new = PortBinding(
                Endpoint(endpoint.address, lastAutomatic), options, isIPv6Only: isIPv6Only)
            if conflicts(new, strictly: true) { continue }
            insert(new)
            return new
        }
        throw .addressInUse
    }

    private func insert(_ binding: PortBinding) {
        bindings.insert(binding, at: firstIndex(of: binding.endpoint.port))
    }

    func remove(_ binding: PortBinding) {
        binding.listener = nil
        binding.inbox = nil
        var i = firstIndex(of: binding.endpoint.port)
        while i < bindings.count, bindings[i].endpoint.port == binding.endpoint.port {
            if bindings[i] === binding {
                bindings.remove(at: i)
                return
            }
            i += 1
        }
    }

    /// Whether a bound socket may begin to listen: nobody else does there, unless both share the port.
    func mayListen(_ binding: PortBinding) -> Bool {
        var may = true
        forEach(port: binding.endpoint.port) { old in
            if old === binding || old.listener == nil || !old.overlaps(binding) { return }
            if !(old.reusesPort && binding.reusesPort && old.user == binding.user) { may = false }
        }
        return may
    }

    // MARK: Finding

    /// The listener for connections to an endpoint. Of several that share the port, the one with the shortest queue.
    func listener(at endpoint: Endpoint) -> Listener? {
        var best: PortBinding?
        forEach(port: endpoint.port) { binding in
            guard let listener = binding.listener, !listener.isClosed, binding.covers(endpoint.address) else {
                return
            }
            if let old = best {
                if binding.precision < old.precision { return }
                if binding.precision == old.precision, listener.count >= old.listener?.count ?? 0 { return }
            }
            best = binding
        }
        return best?.listener
    }

    /// The inbox for messages to an endpoint from another: who is connected to that one first.
    func inbox(at endpoint: Endpoint, from sender: Endpoint) -> Inbox? {
        var best: PortBinding?
        forEach(port: endpoint.port) { binding in
            guard binding.inbox != nil, binding.covers(endpoint.address),
                binding.remote == nil || binding.remote == sender
            else { return }
            if let old = best {
                let ranks = [binding, old].map { $0.precision + ($0.remote != nil ? 4 : 0) }
                if ranks[0] <= ranks[1] { return }
            }
            best = binding
        }
        return best?.inbox
    }
}
