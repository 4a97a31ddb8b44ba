/// All sockets there are, for /proc/net. It does not keep them.
enum SocketTable {
    // SAFETY: see Frames. Each is here from its `init` to its `deinit`, so what is here is alive.
    nonisolated(unsafe) private static var all: [Unmanaged<Socket>] = []

    static var count: Int { all.count }

    /// - Returns: where it is, for `remove`.
    static func add(_ socket: Socket) -> Int {
        all.append(Unmanaged.passUnretained(socket))
        return all.count - 1
    }

    /// The last takes the place of the one that goes.
    static func remove(at index: Int) {
        guard let last = all.popLast(), index < all.count else { return }
        // SAFETY: only a socket whose own `deinit` runs is removed, and `last` is another one.
        last._withUnsafeGuaranteedRef { $0.tableIndex = index }
        all[index] = last
    }

    static func forEach(_ body: (Socket) -> Void) {
        // SAFETY: see `all`; `body` makes and closes no sockets.
        for socket in all { socket._withUnsafeGuaranteedRef { body($0) } }
    }
}
