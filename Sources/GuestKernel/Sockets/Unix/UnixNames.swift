/// A name that an AF_UNIX socket is bound to. Its socket breaks it when it closes: the name in the file system stays, and
/// leads to nobody.
final class UnixBinding {
    /// As a `sockaddr_un`.
    let address: [UInt8]
    let type: SocketType
    /// The name's inode; nil: an abstract name.
    fileprivate let inode: Inode?
    var listener: Listener?
    var inbox: Inbox?

    fileprivate init(_ address: [UInt8], _ type: SocketType, inode: Inode?) {
        self.address = address
        self.type = type
        self.inode = inode
    }

    func close() {
        listener = nil
        inbox = nil
        if let inode { inode.socketBinding = nil } else { UnixNames.remove(self) }
    }
}

/// Names of AF_UNIX sockets (unix(7)): paths, and abstract ones, which begin with a zero byte.
enum UnixNames {
    /// `sockaddr_un` without a name.
    static let unnamed: [UInt8] = [1, 0]
    private static let pathMaximum = 108

    // SAFETY: see Frames. Sorted by address.
    nonisolated(unsafe) private static var abstract: [UnixBinding] = []
    nonisolated(unsafe) private static var lastAutomatic: UInt32 = 0

    /// The `sun_path` of an address, without the NUL and what is behind it if it is a path; empty: unnamed.
    private static func name(in address: [UInt8]) throws(Errno) -> [UInt8] {
        guard address.count >= 2, address.count <= pathMaximum + 2,
            address.load(UInt16.self, at: 0) == AddressFamily.unix
        else { throw .invalidArgument }
        let name = address.dropFirst(2)
        if name.first == 0 { return Array(name) }
        return Array(name.prefix { $0 != 0 })
    }

    // MARK: Binding

    static func bind(_ address: [UInt8], _ type: SocketType) throws(Errno) -> UnixBinding {
        let name = try name(in: address)
        if name.isEmpty {
            // A path of no bytes but a NUL is no name.
            guard address.count == 2 else { throw .noSuchFile }
            return bindAutomatically(type)
        }
        if name[0] != 0 { return try bindPath(name, type) }
        guard let binding = add(unnamed + name, type) else { throw .addressInUse }
        return binding
    }

    private static func bindPath(_ path: [UInt8], _ type: SocketType) throws(Errno) -> UnixBinding {
        let process = Scheduler.current.process
        let context = process.directories
        var walk = PathWalk(context, process.credentials)
        let place = try walk.walk(path, from: context.workingDirectory, followLast: false)
        if place.inode == nil && place.wantsDirectory { throw .noSuchFile }
        let inode: Inode
        do throws(Errno) {
            inode = try FileSystem.create(
                place, .special(.socket, device: 0), 0o777, context, process.credentials)
        } catch {
            throw error == .exists ? .addressInUse : error
        }
        let binding = UnixBinding(unnamed + path + [0], type, inode: inode)
        inode.socketBinding = binding
        return binding
    }

    /// A free abstract name of five hexadecimal digits.
    static func bindAutomatically(_ type: SocketType) -> UnixBinding {
        while true {
            lastAutomatic = (lastAutomatic &+ 1) & 0xFFFFF
            var name = Text()
            name.add(byte: 0)
            name.add(hex: UInt64(lastAutomatic), width: 5)
            // There are fewer sockets than names.
            if let binding = add(unnamed + name.bytes, type) { return binding }
        }
    }

    /// - Returns: nil if the name is taken by a socket of this type.
    private static func add(_ address: [UInt8], _ type: SocketType) -> UnixBinding? {
        let i = index(of: address, type)
        if i < abstract.count, abstract[i].type == type, abstract[i].address == address { return nil }
        let binding = UnixBinding(address, type, inode: nil)
        abstract.insert(binding, at: i)
        return binding
    }

    fileprivate static func remove(_ binding: UnixBinding) {
        let i = index(of: binding.address, binding.type)
        if i < abstract.count, abstract[i] === binding { abstract.remove(at: i) }
    }

    /// Where a name is, or would be put in.
    private static func index(of address: [UInt8], _ type: SocketType) -> Int {
        var low = 0
        var high = abstract.count
        while low < high {
            let middle = (low + high) / 2
            let other = abstract[middle]
            let isBefore =
                other.type.rawValue != type.rawValue
                ? other.type.rawValue < type.rawValue : other.address.lexicographicallyPrecedes(address)
            if isBefore { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: Finding

    /// The socket that an address names.
    /// - Throws: `.connectionRefused` if nobody is there, `.wrongProtocolType` if it is of another type, what a path throws.
    static func find(_ address: [UInt8], _ type: SocketType) throws(Errno) -> UnixBinding {
        let name = try name(in: address)
        if name.isEmpty { throw address.count == 2 ? .invalidArgument : .noSuchFile }
        if name[0] == 0 {
            let i = index(of: unnamed + name, type)
            guard i < abstract.count, abstract[i].type == type, abstract[i].address == unnamed + name else {
                throw .connectionRefused
            }
            return abstract[i]
        }
        let process = Scheduler.current.process
        let inode = try FileSystem.lookup(name, in: process.directories, as: process.credentials)
        guard process.credentials.may(.write, inode) else { throw .accessDenied }
        guard inode.type == .socket, let binding = inode.socketBinding else { throw .connectionRefused }
        guard binding.type == type else { throw .wrongProtocolType }
        return binding
    }

    /// All abstract names, for /proc/net/unix.
    static var abstractNames: [UnixBinding] { abstract }
}
