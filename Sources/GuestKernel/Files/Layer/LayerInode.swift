/// An inode of the writable layer: its attributes. Abstract; the kinds are LayerFile, LayerDirectory,
/// LayerLink and LayerSpecial.
class LayerInode: Inode {
    final let layer: Layer
    final let number: UInt64
    final var owner: Ownership
    final var links: UInt32
    // Nanoseconds since 1970. Reading does not change the access time (as with the mount option noatime).
    final var accessTime: UInt64
    final var modificationTime: UInt64
    final var changeTime: UInt64
    /// nil: it came with the image, which does not say.
    private final let birthTime: UInt64?
    private final var attributes: ExtendedAttributes?

    /// Fresh, without a name so far.
    init(_ layer: Layer, _ type: FileType, _ owner: Ownership) {
        self.layer = layer
        number = layer.newNumber()
        self.owner = owner
        links = 0
        let now = Clock.realtime
        accessTime = now
        modificationTime = now
        changeTime = now
        birthTime = now
        super.init(type: type)
        layer.inodeAppeared()
    }

    /// One that the image has.
    init(_ layer: Layer, _ found: ErofsInode) {
        self.layer = layer
        number = found.nid
        owner = Ownership(permissions: found.permissions, user: found.user, group: found.group)
        // The image may say anything; what exists has a name, and a count far from overflow.
        links = min(max(found.links, found.type == .directory ? 2 : 1), 1 << 20)
        accessTime = found.modified
        modificationTime = found.modified
        changeTime = found.modified
        birthTime = nil
        super.init(type: found.type)
        layer.inodeAppeared()
    }

    deinit { layer.inodeDisappeared() }

    override final var superblock: Superblock? { layer.superblock }
    override final var ownership: Ownership { owner }
    override var isUnlinked: Bool { links == 0 }

    /// Bytes and 512-byte blocks, for stat(2).
    var extent: (size: UInt64, blocks: UInt64) { (0, 0) }
    var specialDevice: UInt64 { 0 }

    override final func status() throws(Errno) -> FileStatus {
        let (size, blocks) = extent
        return FileStatus(
            device: layer.superblock.device, inode: number, type: type, permissions: owner.permissions,
            links: UInt64(links), user: owner.user, group: owner.group, specialDevice: specialDevice,
            size: size,
            blocks: blocks, accessTime: accessTime, modificationTime: modificationTime,
            changeTime: changeTime, birthTime: birthTime)
    }

    override final func change(_ attributes: AttributeChange) throws(Errno) {
        if let permissions = attributes.permissions { owner.permissions = permissions & 0o7777 }
        if let user = attributes.user { owner.user = user }
        if let group = attributes.group { owner.group = group }
        if let time = attributes.accessTime { accessTime = time }
        if let time = attributes.modificationTime { modificationTime = time }
        changeTime = Clock.realtime
        happened(.attribute)
    }

    override final func extendedAttributes(create: Bool) throws(Errno) -> ExtendedAttributes? {
        if create {
            try layer.requireRoomForInode()
            if attributes == nil { attributes = ExtendedAttributes() }
        }
        return attributes
    }

    /// The contents changed.
    final func touch() {
        modificationTime = Clock.realtime
        changeTime = modificationTime
    }

    final func gainName() {
        links += 1
        changeTime = Clock.realtime
    }

    final func loseName() {
        links = links > 0 ? links - 1 : 0
        changeTime = Clock.realtime
        if links == 0 { layer.forget(self) }
    }
}

/// A symbolic link.
final class LayerLink: LayerInode {
    private let target: [UInt8]

    init(_ layer: Layer, _ owner: Ownership, target: [UInt8]) {
        self.target = target
        super.init(layer, .symbolicLink, Ownership(permissions: 0o777, user: owner.user, group: owner.group))
    }

    init(_ layer: Layer, _ found: ErofsInode, target: [UInt8]) {
        self.target = target
        super.init(layer, found)
    }

    override var extent: (size: UInt64, blocks: UInt64) { (UInt64(target.count), 0) }
    override func linkTarget() throws(Errno) -> LinkTarget { .path(target) }
}

/// A FIFO, a socket's name, or a device. What a device does is found by its number when it is opened.
final class LayerSpecial: LayerInode {
    private let deviceID: UInt64
    /// A FIFO's inside, once it has been opened.
    private var pipe: Pipe?
    private var boundSocket: UnixBinding?

    init(_ layer: Layer, _ type: FileType, _ owner: Ownership, device: UInt64) {
        deviceID = device
        super.init(layer, type, owner)
    }

    override init(_ layer: Layer, _ found: ErofsInode) {
        deviceID = found.specialDevice
        super.init(layer, found)
    }

    override var socketBinding: UnixBinding? {
        get { boundSocket }
        set { boundSocket = newValue }
    }

    override var specialDevice: UInt64 { deviceID }
    override var mapsAsAnonymous: Bool { type == .character && deviceID == CharacterDevice.zero.rawValue }

    override func open(flags: UInt32) throws(Errno) -> File {
        switch type {
        case .character: return try CharacterDevice.open(deviceID, self, flags: flags)
        case .fifo:
            let pipe = self.pipe ?? Pipe(Credentials())
            self.pipe = pipe
            return try pipe.open(flags: flags, as: self)
        default: throw .noSuchDeviceOrAddress
        }
    }
}
