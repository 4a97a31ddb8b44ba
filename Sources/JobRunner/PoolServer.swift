import CLinux
import Glibc
import LinuxSystem
import SystemPackage

/// Gives prepared machines to other processes of the same user, over a Unix socket, and stays their parent: it tells each
/// client how its VMM ended, and kills the VMM whose client is gone.
public final class PoolServer {
    /// One connection: first without a machine, then with the one it got.
    private final class Client {
        let connection: OwnedDescriptor
        /// Second of the pidfd of its machine.
        var pidfd: OwnedDescriptor?
        var group: ControlGroup?
        var isToldOfEnd = false
        var isGone = false
        /// When it came, on CLOCK_MONOTONIC in nanoseconds.
        let since = monotonicNanoseconds()

        /// Has not asked for a machine, or has got none.
        var isIdle: Bool { pidfd == nil }

        init(_ connection: consuming OwnedDescriptor) { self.connection = connection }

        /// -1, which poll skips: it has no machine, or that has ended.
        var processNumber: CInt {
            guard pidfd != nil, !isToldOfEnd else { return -1 }
            return pidfd?.borrowed.rawValue ?? -1
        }
    }

    private let path: String
    /// Of the socket, by which to know it again.
    private let identity: FileKey
    private let listener: OwnedDescriptor
    private let signals: OwnedDescriptor
    private let shells: ShellPool
    private let reaper: Reaper
    private var clients: [Client] = []
    public private(set) var given = 0

    /// More than this are told so.
    private let mostClients: Int
    /// A client asks at once or when its input files are looked through; one that never asks is not to hold a place for ever.
    private static let idleNanoseconds: UInt64 = 10_000_000_000
    fileprivate static let backlog: CInt = 128
    /// While VMMs are closing, which takes some 15 ms: between two looks whether they have gone.
    private static let collectNanoseconds: UInt64 = 50_000_000

    /// The socket, and the signals that end the pool: before there are threads, which share both.
    public struct Place: ~Copyable {
        let path: String
        let identity: FileKey
        let listener: OwnedDescriptor
        let signals: OwnedDescriptor

        public static func take(_ path: String) throws(PoolError) -> Place {
            try clear(path)
            do throws(Errno) {
                let listener = try listen(path)
                let identity = try PathStatus(of: Array(path.utf8), followingLinks: false).identity
                let signals = try OwnedDescriptor(checking: linux_stop_signals(0))
                return Place(path: path, identity: identity, listener: listener, signals: signals)
            } catch {
                throw .system(path: path, error)
            }
        }

        /// Somebody serves there: leave it alone. Nobody: a pool that was killed has left its socket. Whatever is no socket
        /// is somebody's file, and connecting to it is refused just the same.
        private static func clear(_ path: String) throws(PoolError) {
            let there = try? PathStatus(of: Array(path.utf8), followingLinks: false)
            if let there, there.kind != .socket { throw .notSocket(path: path) }
            do throws(PoolError) {
                _ = try PoolClient(path: path)
            } catch {
                if case .otherUser = error { throw error }
                if case .noPool(_, .connectionRefused) = error, let there {
                    PoolServer.unlinkSocket(path, there.identity)
                }
                return
            }
            throw .isServed(path: path)
        }

        private static func listen(_ path: String) throws(Errno) -> OwnedDescriptor {
            let socket = try OwnedDescriptor(checking: linux_unix_socket(CInt(SOCK_SEQPACKET.rawValue)))
            // From its first instant on it is for this user alone.
            let mask = umask(0o177)
            defer { umask(mask) }
            let number = socket.borrowed.rawValue
            try checked(path.withCString { linux_unix_listen(number, $0, PoolServer.backlog) })
            return socket
        }
    }

    /// How many clients a process may have that may open so many files; nil: not one. Each client holds four descriptors
    /// (connection, process, its cgroup's two) and two places in `poll`, each machine that waits twelve.
    public static func mostClients(openFiles: Int, machines: Int) -> Int? {
        let own = 64
        let rest = openFiles - own - 12 * (machines + 2)
        return rest < 4 ? nil : min(1024, rest / 4)
    }

    /// - Parameter mostClients: By `mostClients(openFiles:machines:)`.
    public init(_ place: consuming Place, mostClients: Int, shells: ShellPool, reaper: Reaper) {
        self.mostClients = mostClients
        path = place.path
        identity = place.identity
        listener = place.listener
        signals = place.signals
        self.shells = shells
        self.reaper = reaper
    }

    /// Serves until a signal asks it to stop. - Returns: The signal.
    public func run() throws(Errno) -> CInt {
        defer { close() }
        while true {
            var descriptors = [
                pollfd(fd: signals.borrowed.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: listener.borrowed.rawValue, events: Int16(POLLIN), revents: 0),
            ]
            for client in clients {
                descriptors.append(
                    pollfd(fd: client.connection.borrowed.rawValue, events: Int16(POLLIN), revents: 0))
                descriptors.append(pollfd(fd: client.processNumber, events: Int16(POLLIN), revents: 0))
            }
            let timeout = min(reaper.collect() ? Self.collectNanoseconds : UInt64.max, idleTimeout)
            let ready = linux_poll_many(&descriptors, UInt32(descriptors.count), timeout)
            if ready == -EINTR { continue }
            try checked(ready)
            if descriptors[0].revents != 0 {
                let signal = linux_next_signal(signals.borrowed.rawValue)
                if signal > 0 { return signal }
            }
            for (index, client) in clients.enumerated() {
                if descriptors[3 + 2 * index].revents != 0 { tellEnd(client) }
                if descriptors[2 + 2 * index].revents != 0 { hear(client) }
            }
            if idleTimeout == 0 { clients.filter(isOverdue).forEach(drop) }
            clients.removeAll { $0.isGone }
            if descriptors[1].revents != 0 { accept() }
        }
    }

    private func isOverdue(_ client: Client) -> Bool {
        client.isIdle && monotonicNanoseconds() >= client.since &+ Self.idleNanoseconds
    }

    /// Until the next idle client has had its time; they come in the order of their age.
    private var idleTimeout: UInt64 {
        guard let oldest = clients.first(where: \.isIdle) else { return UInt64.max }
        let end = oldest.since &+ Self.idleNanoseconds
        let now = monotonicNanoseconds()
        return end > now ? end - now : 0
    }

    /// A full pool ends the connection that has been idle longest. Where all run jobs, the new client is told so.
    private func accept() {
        let number = linux_accept(listener.borrowed.rawValue, 0)
        guard number >= 0 else { return }
        let connection = OwnedDescriptor(owning: FileDescriptor(rawValue: number))
        guard (try? connection.borrowed.peerUser) == geteuid() else { return }
        if clients.count >= mostClients {
            guard let oldest = clients.firstIndex(where: \.isIdle) else {
                try? connection.borrowed.send(PoolMessage.Reply.full.bytes)
                return
            }
            drop(clients.remove(at: oldest))
        }
        clients.append(Client(connection))
    }

    /// Removes the socket if it is still this one.
    private static func unlinkSocket(_ path: String, _ identity: FileKey) {
        guard let there = try? PathStatus(of: Array(path.utf8), followingLinks: false), there.kind == .socket,
            there.identity == identity
        else { return }
        unlink(path)
    }

    /// A client asks for a machine, or is gone. It has nothing else to say.
    private func hear(_ client: Client) {
        let message = try? client.connection.borrowed.receive(upTo: PoolMessage.maximumBytes)
        guard client.pidfd == nil, let bytes = message?.bytes, let request = PoolMessage.Request(bytes) else {
            return drop(client)
        }
        let answer: PoolMessage.Reply = shells.prepares(request.identity) ? .noneNow : .otherShape
        do throws(Errno) {
            guard let machine = shells.take(request.identity) else {
                return try client.connection.borrowed.send(answer.bytes)
            }
            client.pidfd = try machine.process.pidfd.duplicate()
            client.group = machine.process.group
            let reply = PoolMessage.Reply.machine(
                .init(
                    nonceLow: machine.channels.nonce.low, nonceHigh: machine.channels.nonce.high,
                    processID: machine.process.processID, launched: machine.launched,
                    memory: machine.process.memoryEnforcement))
            try client.connection.borrowed.send(
                reply.bytes, with: machine.channels.descriptors + [machine.process.pidfd.borrowed])
            given += 1
        } catch {
            drop(client)
        }
    }

    /// Not reaped yet: until its client is gone its process id must not be another's.
    private func tellEnd(_ client: Client) {
        guard let pidfd = client.pidfd?.borrowed else { return }
        var raw = linux_process_end()
        guard linux_process_ended_unreaped(pidfd.rawValue, &raw) == 1 else { return }
        client.isToldOfEnd = true
        var end = PoolMessage.End(signal: raw.signal, code: raw.code)
        if raw.signal == SIGKILL, let group = client.group, let memory = group.outOfMemory(),
            memory.kills > 0
        {
            end.memoryKill = .init(limit: group.memoryBytes, peak: memory.peakBytes)
        }
        try? client.connection.borrowed.send(end.bytes)
    }

    /// The client is gone, and its machine goes with it.
    private func drop(_ client: Client) {
        client.isGone = true
        if let pidfd = client.pidfd.take() { reaper.adopt(pidfd, client.group) }
    }

    private func close() {
        Self.unlinkSocket(path, identity)
        clients.forEach(drop)
        clients = []
        shells.close()
        reaper.finish()
    }
}
