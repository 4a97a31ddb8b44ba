import GuestNucleus

/// The character devices there are, by dev_t (Linux's Documentation/admin-guide/devices.txt).
enum CharacterDevice: UInt64 {
    case null = 0x103
    case zero = 0x105
    case full = 0x107
    case random = 0x108
    case urandom = 0x109
    case controllingTerminal = 0x500
    case terminalMultiplexer = 0x502
    /// A miscellaneous device; Linux gives it any free number.
    case vsock = 0xA79
    /// Ours alone, in the major number that Linux keeps for local use (60).
    case checkpoint = 0x3C00

    /// - Throws: `.noSuchDeviceOrAddress` for every other device, and for /dev/tty without a terminal.
    static func open(_ number: UInt64, _ inode: Inode, flags: UInt32) throws(Errno) -> File {
        guard let device = CharacterDevice(rawValue: number) else { throw .noSuchDeviceOrAddress }
        switch device {
        case .vsock: return VsockDeviceFile(inode, flags: flags)
        case .checkpoint: return try CheckpointFile(inode, flags: flags & ~OpenFlags.opening)
        case .controllingTerminal: return try PseudoTerminals.openControlling(inode, flags: flags)
        case .terminalMultiplexer:
            return try PseudoTerminals.open(
                inode, flags: flags, owner: Scheduler.current.process.credentials)
        default: return DeviceFile(device, inode, flags: flags & ~OpenFlags.opening)
        }
    }
}

/// An open character device.
final class DeviceFile: File {
    private let device: CharacterDevice
    private let node: Inode

    init(_ device: CharacterDevice, _ node: Inode, flags: UInt32) {
        self.device = device
        self.node = node
        super.init(flags: flags)
    }

    override var inode: Inode? { node }
    override var isSeekable: Bool { true }

    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        switch device {
        case .null: return 0
        case .zero, .full: return try buffer.putZeros(buffer.remaining)
        case .random, .urandom:
            return try buffer.transfer(count: buffer.remaining, writing: true) { piece, _ in
                Random.fill(piece)
            }
        case .controllingTerminal, .terminalMultiplexer, .vsock, .checkpoint: throw .noSuchDeviceOrAddress
        }
    }

    override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        switch device {
        case .null, .zero: return buffer.remaining
        case .full: throw .noSpace
        case .random, .urandom:
            return try buffer.transfer(count: buffer.remaining, writing: false) { piece, _ in
                Random.mix(UnsafeRawBufferPointer(piece))
            }
        case .controllingTerminal, .terminalMultiplexer, .vsock, .checkpoint: throw .noSuchDeviceOrAddress
        }
    }

    override var givesToSplice: Bool { device != .null }
    override var takesFromSplice: Bool { device != .full }
    /// These have no places: reading does not move them.
    override func leave(at position: UInt64) {}

    override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> UInt64 {
        _ = try moved(offset, whence: whence, end: 0)
        position = 0
        return 0
    }
}

/// /dev: a tmpfs with what programs expect there.
enum DeviceFileSystem {
    static func make() throws(Errno) -> Superblock {
        let superblock = Superblock(device: 5, magic: 0x0102_1994, typeName: "tmpfs")
        let layer = Layer(superblock, image: nil)
        let root = LayerDirectory(layer, Ownership(permissions: 0o755, user: 0, group: 0))
        superblock.root = root
        try addDevice(root, "null", CharacterDevice.null.rawValue)
        try addDevice(root, "zero", CharacterDevice.zero.rawValue)
        try addDevice(root, "full", CharacterDevice.full.rawValue)
        try addDevice(root, "random", CharacterDevice.random.rawValue)
        try addDevice(root, "urandom", CharacterDevice.urandom.rawValue)
        try addDevice(root, "tty", CharacterDevice.controllingTerminal.rawValue)
        try addDevice(root, "ptmx", CharacterDevice.terminalMultiplexer.rawValue)
        try addDevice(root, "vsock", CharacterDevice.vsock.rawValue)
        try addDevice(root, "checkpoint", CharacterDevice.checkpoint.rawValue)
        _ = try root.create(
            Text.bytes("pts"), .directory, Ownership(permissions: 0o755, user: 0, group: 0))
        try addLink(root, "fd", "/proc/self/fd")
        try addLink(root, "stdin", "/proc/self/fd/0")
        try addLink(root, "stdout", "/proc/self/fd/1")
        try addLink(root, "stderr", "/proc/self/fd/2")
        let shared = Ownership(permissions: 0o1777, user: 0, group: 0)
        _ = try root.create(Text.bytes("shm"), .directory, shared)
        return superblock
    }

    private static func addDevice(_ root: Inode, _ name: StaticString, _ number: UInt64) throws(Errno) {
        _ = try root.create(
            Text.bytes(name), .special(.character, device: number),
            Ownership(permissions: 0o666, user: 0, group: 0))
    }

    private static func addLink(_ root: Inode, _ name: StaticString, _ target: StaticString) throws(Errno) {
        _ = try root.create(
            Text.bytes(name), .symbolicLink(target: Text.bytes(target)),
            Ownership(permissions: 0o777, user: 0, group: 0))
    }
}
