extension FileSystem {
    /// open(2).
    /// - Parameter mode: for a file that is made; the umask is applied here.
    /// - Throws: what open(2) lists.
    static func open(
        _ path: [UInt8], flags: UInt32, mode: UInt32 = 0, in context: FileSystemContext,
        as credentials: Credentials, from start: Inode? = nil, restrictions: WalkRestrictions = []
    ) throws(Errno) -> File {
        let start = start ?? context.workingDirectory
        var walk = PathWalk(context, credentials, restrictions: restrictions)
        if flags & OpenFlags.path != 0 { return try openPath(path, flags, &walk, start) }
        var flags = flags
        if flags & OpenFlags.temporary != 0 { return try openTemporary(path, flags, mode, &walk, start) }
        let creates = flags & OpenFlags.create != 0
        let isExclusive = creates && flags & OpenFlags.exclusive != 0
        if creates && flags & OpenFlags.directory != 0 { throw .invalidArgument }
        let place = try walk.walk(
            path, from: start, followLast: flags & OpenFlags.noFollow == 0 && !isExclusive)
        if let file = place.file { return try file.reopen(flags: flags & ~OpenFlags.opening) }
        let inode: Inode
        if let found = place.inode {
            if isExclusive { throw .exists }
            inode = found
            if inode.isDirectory && (creates || flags & OpenFlags.accessMode != 0) { throw .isDirectory }
            try requirePermission(flags, inode, credentials)
        } else {
            guard creates else { throw .noSuchFile }
            if place.wantsDirectory { throw .isDirectory }
            inode = try create(place, .regular, mode, context, credentials)
            flags &= ~OpenFlags.truncate
        }
        return try openFound(inode, flags, credentials)
    }

    /// What open(2) does once the inode is known.
    private static func openFound(_ inode: Inode, _ flags: UInt32, _ credentials: Credentials) throws(Errno)
        -> File
    {
        if inode.type == .symbolicLink { throw .tooManySymbolicLinks }
        if flags & OpenFlags.directory != 0 && !inode.isDirectory { throw .notDirectory }
        var kept = flags & ~OpenFlags.opening | OpenFlags.largeFile
        // A terminal wants to know; its file forgets it.
        if inode.type == .character { kept |= flags & OpenFlags.noControllingTerminal }
        if inode.isDirectory {
            inode.happened(.open)
            return DirectoryFile(inode, flags: kept)
        }
        let writes = flags & OpenFlags.accessMode != 0 || flags & OpenFlags.truncate != 0
        if writes && inode.executions > 0 { throw .textBusy }
        if flags & OpenFlags.truncate != 0 && inode.type == .regular {
            guard credentials.may(.write, inode) else { throw .accessDenied }
            try inode.truncate(to: 0)
            inode.happened(.modify)
        }
        let file = try inode.open(flags: kept)
        inode.happened(.open)
        return file
    }

    private static func requirePermission(
        _ flags: UInt32, _ inode: Inode, _ credentials: Credentials
    ) throws(Errno) {
        if inode.type == .symbolicLink { return }
        var wish: Credentials.Wish = []
        if flags & OpenFlags.accessMode != OpenFlags.writeOnly { wish.insert(.read) }
        if flags & OpenFlags.accessMode != 0 { wish.insert(.write) }
        guard credentials.may(wish, inode) else { throw .accessDenied }
    }

    private static func openPath(
        _ path: [UInt8], _ flags: UInt32, _ walk: inout PathWalk, _ start: Inode
    ) throws(Errno) -> File {
        let place = try walk.walk(path, from: start, followLast: flags & OpenFlags.noFollow == 0)
        if let file = place.file { return file }
        guard let inode = place.inode else { throw .noSuchFile }
        if flags & OpenFlags.directory != 0 && !inode.isDirectory { throw .notDirectory }
        return PathFile(inode, flags: OpenFlags.path)
    }

    private static func openTemporary(
        _ path: [UInt8], _ flags: UInt32, _ mode: UInt32, _ walk: inout PathWalk, _ start: Inode
    ) throws(Errno) -> File {
        let credentials = walk.credentials
        guard flags & OpenFlags.directory != 0, flags & OpenFlags.accessMode != 0 else {
            throw .invalidArgument
        }
        guard let directory = try walk.walk(path, from: start, followLast: true).inode else {
            throw .noSuchFile
        }
        guard directory.isDirectory else { throw .notDirectory }
        guard credentials.may([.write, .execute], directory) else { throw .accessDenied }
        let inode = try directory.createUnnamed(
            Ownership(
                permissions: mode & 0o7777 & ~walk.context.umask, user: credentials.fileUser,
                group: credentials.fileGroup))
        let kept = flags & ~(OpenFlags.opening | OpenFlags.temporary | OpenFlags.directory)
        return try inode.open(flags: kept | OpenFlags.largeFile)
    }

    /// Makes what a path names and nothing is at yet: open, mkdir, mknod, symlink.
    static func create(
        _ place: Place, _ new: NewInode, _ mode: UInt32, _ context: FileSystemContext,
        _ credentials: Credentials
    ) throws(Errno) -> Inode {
        if place.inode != nil || place.file != nil || place.special != .name { throw .exists }
        if place.directory.isUnlinked { throw .noSuchFile }
        guard credentials.may([.write, .execute], place.directory) else { throw .accessDenied }
        let ownership = Ownership(
            permissions: mode & 0o7777 & ~context.umask, user: credentials.fileUser,
            group: credentials.fileGroup)
        let inode = try place.directory.create(place.name, new, ownership)
        place.directory.nameChanged(.create, place.name, isDirectory: inode.isDirectory)
        return inode
    }
}
