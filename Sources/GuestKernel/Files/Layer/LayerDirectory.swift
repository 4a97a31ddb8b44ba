/// A directory of the writable layer.
final class LayerDirectory: LayerInode {
    private var names = NameTable()
    /// The directory in the image, while there may be names in it that are not in `names`.
    private var below: ErofsData?
    private var isRemoved = false

    override init(_ layer: Layer, _ found: ErofsInode) {
        below = found.data
        super.init(layer, found)
    }

    /// Fresh and empty. Its links: the name it gets, and its own `.`, counted here.
    init(_ layer: Layer, _ owner: Ownership) {
        super.init(layer, .directory, owner)
        links = 1
    }

    /// One page, as most file systems show: a size that changed with look-ups would look like a change to tar(1).
    override var extent: (size: UInt64, blocks: UInt64) { (pageSize, pageSize / 512) }

    override var isUnlinked: Bool { isRemoved }

    // MARK: Looking

    override func find(_ name: ArraySlice<UInt8>) throws(Errno) -> Inode? {
        if let i = names.index(of: name) { return try inode(at: i) }
        guard let image = layer.image, let below, let entry = try image.find(name, in: below) else {
            return nil
        }
        // Searching may have waited.
        if let i = names.index(of: name) { return try inode(at: i) }
        if self.below == nil { return nil }
        return try inode(at: names.add(Array(name), inode: nil, imageNID: entry.nid, imageType: entry.type))
    }

    /// The inode of an entry; made from the image's if nobody has looked at it yet.
    private func inode(at index: Int) throws(Errno) -> LayerInode? {
        let entry = names.entries[index]
        if let inode = entry.inode { return inode }
        let inode = try layer.inode(entry.imageNID)
        // Reading the inode may have waited: the entry may have moved, gone or got its inode.
        guard let i = names.index(of: entry.name[...]) else { return nil }
        if let existing = names.entries[i].inode { return existing }
        names.setInode(inode, at: i)
        if inode.parent == nil || inode.isDirectory {
            inode.parent = self
            inode.name = entry.name
        }
        return inode
    }

    /// Takes over all names the image has, so that `names` alone is the truth. May wait.
    private func takeOverNames() throws(Errno) {
        guard let image = layer.image, let below else { return }
        try layer.requireRoomForInode()
        var found: [(name: [UInt8], entry: ErofsImage.Entry)] = []
        try image.forEachEntry(in: below) { found.append((Array($0), $1)) }
        if self.below == nil { return }
        self.below = nil
        for (name, entry) in found where names.index(of: name[...]) == nil {
            names.add(name, inode: nil, imageNID: entry.nid, imageType: entry.type)
        }
    }

    override func forEachEntry(from position: UInt64, _ body: (DirectoryEntry) -> Bool) throws(Errno) {
        try takeOverNames()
        var i = names.firstIndex(after: position)
        while i < names.entries.count {
            let entry = names.entries[i]
            i += 1
            if entry.isRemoved { continue }
            let number: UInt64
            let type: FileType
            if let inode = entry.inode {
                number = inode.number
                type = inode.type
            } else {
                number = entry.imageNID
                type = Self.type(ofImageType: entry.imageType)
            }
            if !body(DirectoryEntry(name: entry.name, inode: number, type: type, next: entry.sequence)) {
                return
            }
        }
    }

    private static func type(ofImageType type: UInt8) -> FileType {
        switch type {
        case 2: .directory
        case 3: .character
        case 4: .block
        case 5: .fifo
        case 6: .socket
        case 7: .symbolicLink
        default: .regular
        }
    }

    // MARK: Changing

    /// Before every change. Behind it nothing waits, so what it found stays true until the change is done.
    private func prepareChange() throws(Errno) {
        try takeOverNames()
        if isUnlinked { throw .noSuchFile }
    }

    override func create(_ name: [UInt8], _ new: NewInode, _ ownership: Ownership) throws(Errno) -> Inode {
        try prepareChange()
        try layer.requireRoomForInode()
        if names.index(of: name[...]) != nil { throw .exists }
        var owner = ownership
        // A set-group-ID directory gives its group to what is made in it, and the bit to directories.
        if self.owner.permissions & 0o2000 != 0 {
            owner.group = self.owner.group
            if case .directory = new { owner.permissions |= 0o2000 }
        }
        let inode: LayerInode
        switch new {
        case .regular: inode = LayerFile(layer, owner)
        case .directory: inode = LayerDirectory(layer, owner)
        case .symbolicLink(let target): inode = LayerLink(layer, owner, target: target)
        case .special(let type, let device): inode = LayerSpecial(layer, type, owner, device: device)
        }
        enter(inode, as: name)
        return inode
    }

    override func createUnnamed(_ ownership: Ownership) throws(Errno) -> Inode {
        try layer.requireRoomForInode()
        return LayerFile(layer, ownership)
    }

    /// Puts an inode under a free name.
    private func enter(_ inode: LayerInode, as name: [UInt8]) {
        names.add(name, inode: inode)
        inode.parent = self
        inode.name = name
        inode.gainName()
        if inode.isDirectory { links += 1 }
        touch()
    }

    override func link(_ inode: Inode, as name: [UInt8]) throws(Errno) {
        guard let inode = own(inode) else { throw .crossDevice }
        try prepareChange()
        if names.index(of: name[...]) != nil { throw .exists }
        guard inode.links < 65_000 else { throw .tooManyLinks }
        enter(inode, as: name)
    }

    /// `inode` as one of this file system; nil if it is another's.
    private func own(_ inode: Inode) -> LayerInode? {
        guard let superblock = inode.superblock, superblock === layer.superblock else { return nil }
        // SAFETY: only LayerInodes have a layer's superblock.
        return unsafeDowncast(inode, to: LayerInode.self)
    }

    /// The inode as a directory of this file system; nil if it is none.
    private func ownDirectory(_ inode: Inode) -> LayerDirectory? {
        guard let inode = own(inode), inode.isDirectory else { return nil }
        // SAFETY: the only LayerInodes of type directory are LayerDirectories.
        return unsafeDowncast(inode, to: LayerDirectory.self)
    }

    override func remove(_ name: [UInt8], _ inode: Inode) throws(Errno) {
        try prepareChange()
        guard let inode = own(inode) else { throw .noSuchFile }
        if let directory = ownDirectory(inode) { try directory.requireEmpty() }
        guard let i = names.index(of: name[...]), names.entries[i].inode === inode else { throw .noSuchFile }
        names.remove(at: i)
        left(inode)
        touch()
    }

    /// An inode has lost its name here.
    private func left(_ inode: LayerInode) {
        inode.loseName()
        guard let directory = ownDirectory(inode) else { return }
        directory.links = 0
        directory.isRemoved = true
        loseSubdirectory()
    }

    private func loseSubdirectory() { links = max(links, 3) - 1 }

    private func requireEmpty() throws(Errno) {
        try takeOverNames()
        guard names.isEmpty else { throw .directoryNotEmpty }
    }

    override func move(
        _ name: [UInt8], _ inode: Inode, to newParent: Inode, as newName: [UInt8], replacing replaced: Inode?,
        exchange: Bool
    ) throws(Errno) {
        guard let target = ownDirectory(newParent), let inode = own(inode) else { throw .crossDevice }
        if let replaced, !exchange, let directory = ownDirectory(replaced) { try directory.requireEmpty() }
        try prepareChange()
        try target.prepareChange()
        guard !isUnlinked, let from = names.index(of: name[...]), names.entries[from].inode === inode else {
            throw .noSuchFile
        }
        let to = target.names.index(of: newName[...])
        if let to {
            guard let replaced = replaced.flatMap(own), target.names.entries[to].inode === replaced else {
                throw .exists
            }
            if exchange { return try self.exchange(name, inode, with: target, newName, replaced) }
            target.names.remove(at: to)
            target.left(replaced)
        } else if exchange {
            throw .noSuchFile
        }
        // The table may have been rebuilt if both are the same; so search anew.
        if let from = names.index(of: name[...]) { names.remove(at: from) }
        if inode.isDirectory { loseSubdirectory() }
        inode.loseNameButStay()
        touch()
        target.enter(inode, as: newName)
    }

    private func exchange(
        _ name: [UInt8], _ inode: LayerInode, with target: LayerDirectory, _ newName: [UInt8],
        _ other: LayerInode
    ) throws(Errno) {
        guard let from = names.index(of: name[...]), let to = target.names.index(of: newName[...]) else {
            throw .noSuchFile
        }
        names.setInode(other, at: from)
        target.names.setInode(inode, at: to)
        if inode.isDirectory != other.isDirectory {
            (inode.isDirectory ? self : target).loseSubdirectory()
            (inode.isDirectory ? target : self).links += 1
        }
        (inode.parent, inode.name) = (target, newName)
        (other.parent, other.name) = (self, name)
        inode.changeTime = Clock.realtime
        other.changeTime = inode.changeTime
        touch()
        target.touch()
    }
}

extension LayerInode {
    /// Between its old and its new name.
    fileprivate func loseNameButStay() { links = links > 0 ? links - 1 : 0 }
}
