/// Opening, making, removing and renaming; the working directory.
extension FileCall {
    func open(_ directory: UInt64, _ pathAddress: UInt64, flags: UInt64, mode: UInt64) throws(Errno) -> Int {
        let path = try path(at: pathAddress)
        let flags = UInt32(truncatingIfNeeded: flags)
        let mode = UInt32(truncatingIfNeeded: mode)
        return try open(path, directory, flags: flags, mode: mode, restrictions: [])
    }

    private func open(
        _ path: [UInt8], _ directory: UInt64, flags: UInt32, mode: UInt32, restrictions: WalkRestrictions
    ) throws(Errno) -> Int {
        let file: File
        do throws(Errno) {
            file = try FileSystem.open(
                path, flags: flags, mode: mode, in: context, as: credentials,
                from: try start(directory, for: path, isInRoot: restrictions.contains(.inRoot)),
                restrictions: restrictions)
        } catch {
            if error == .noSuchFile { Missing.count(file: path) }
            throw error
        }
        return try add(file, closeOnExec: flags & OpenFlags.closeOnExec != 0)
    }

    /// Flags of open(2) that openat2(2) knows; others it refuses, where open(2) ignores them.
    private static let knownOpenFlags: UInt64 = 0x7F_FFC3

    /// openat2(2): directory, path, `struct open_how` (flags, mode, resolve, each u64), its size.
    func openRestricted() throws(Errno) -> Int {
        guard arguments.d >= 24 else { throw .invalidArgument }
        guard arguments.d <= pageSize else { throw .argumentListTooLong }
        let flags = try space.load(UInt64.self, at: arguments.c)
        let mode = try space.load(UInt64.self, at: arguments.c &+ 8)
        let resolve = try space.load(UInt64.self, at: arguments.c &+ 16)
        // BOUNDED: by 24 from below and a page from above, at the beginning.
        // A longer structure is of a newer Linux; fine while it asks for nothing new.
        let rest = try space.read(from: arguments.c &+ 24, count: Int(arguments.d) - 24)
        guard rest.allSatisfy({ $0 == 0 }) else { throw .argumentListTooLong }
        let makes = UInt64(OpenFlags.create | OpenFlags.temporary)
        guard flags & ~Self.knownOpenFlags == 0, mode & ~0o7777 == 0, flags & makes != 0 || mode == 0,
            resolve & ~UInt64(WalkRestrictions.all.rawValue) == 0
        else { throw .invalidArgument }
        let restrictions = WalkRestrictions(rawValue: UInt32(resolve))
        if restrictions.contains([.beneath, .inRoot]) { throw .invalidArgument }
        return try open(
            try path(at: arguments.b), arguments.a, flags: UInt32(flags), mode: UInt32(mode),
            restrictions: restrictions)
    }

    func add(_ file: File, closeOnExec: Bool) throws(Errno) -> Int {
        Int(try files.add(file, closeOnExec: closeOnExec, limit: descriptorLimit))
    }

    func makeDirectory(_ directory: UInt64, _ path: UInt64, mode: UInt64) throws(Errno) -> Int {
        let place = try walk(directory, path, followLast: false)
        _ = try FileSystem.create(
            place, .directory, UInt32(truncatingIfNeeded: mode) & 0o1777, context, credentials)
        return 0
    }

    func makeNode(_ directory: UInt64, _ path: UInt64, mode: UInt64, device: UInt64) throws(Errno) -> Int {
        let mode = UInt32(truncatingIfNeeded: mode)
        let format = mode & 0o170000
        guard let type = FileType(rawValue: format == 0 ? FileType.regular.rawValue : format) else {
            throw .invalidArgument
        }
        let new: NewInode
        switch type {
        case .regular: new = .regular
        case .fifo, .socket: new = .special(type, device: 0)
        case .character, .block:
            new = .special(type, device: device & 0xFFFF_FFFF)
        case .directory, .symbolicLink: throw .notPermitted
        }
        let place = try walk(directory, path, followLast: false)
        if place.inode == nil && place.wantsDirectory { throw .noSuchFile }
        let isDevice = type == .character || type == .block
        if isDevice, !credentials.has(.makeNode), place.inode == nil {
            throw credentials.may([.write, .execute], place.directory) ? .notPermitted : .accessDenied
        }
        _ = try FileSystem.create(place, new, mode, context, credentials)
        return 0
    }

    func makeSymbolicLink(_ target: UInt64, _ directory: UInt64, _ path: UInt64) throws(Errno) -> Int {
        let target = try self.path(at: target)
        if target.isEmpty { throw .noSuchFile }
        let place = try walk(directory, path, followLast: false)
        if place.inode == nil && place.wantsDirectory { throw .noSuchFile }
        _ = try FileSystem.create(place, .symbolicLink(target: target), 0o777, context, credentials)
        return 0
    }

    /// linkat(2): old directory and path, new directory and path, flags.
    func link(
        _ oldDirectory: UInt64, _ oldPath: UInt64, _ newDirectory: UInt64, _ newPath: UInt64, flags: UInt64
    ) throws(Errno) -> Int {
        guard flags & ~(Self.follow | Self.emptyPath) == 0 else { throw .invalidArgument }
        let lookup = flags & Self.emptyPath | (flags & Self.follow == 0 ? Self.noFollow : 0)
        let inode = try inode(oldDirectory, oldPath, flags: lookup)
        let place = try walk(newDirectory, newPath, followLast: false)
        if place.inode != nil || place.special != .name { throw .exists }
        if place.wantsDirectory { throw .noSuchFile }
        if inode.isDirectory { throw .notPermitted }
        guard inode.superblock === place.directory.superblock, inode.superblock != nil else {
            throw .crossDevice
        }
        guard credentials.may([.write, .execute], place.directory) else { throw .accessDenied }
        // Without a name only if it never had one (O_TMPFILE).
        if inode.isUnlinked && inode.parent != nil { throw .noSuchFile }
        try place.directory.link(inode, as: place.name)
        inode.happenedToSelf(.attribute)
        place.directory.nameChanged(.create, place.name, isDirectory: false)
        return 0
    }

    func remove(_ directory: UInt64, _ path: UInt64, isDirectory: Bool) throws(Errno) -> Int {
        let place = try walk(directory, path, followLast: false)
        switch place.special {
        case .root: throw isDirectory ? .busy : .isDirectory
        case .dot: throw isDirectory ? .invalidArgument : .isDirectory
        case .dotDot: throw isDirectory ? .directoryNotEmpty : .isDirectory
        case .name: break
        }
        guard let inode = place.inode else { throw .noSuchFile }
        guard credentials.may([.write, .execute], place.directory) else { throw .accessDenied }
        guard credentials.mayRemove(inode, from: place.directory) else { throw .notPermitted }
        if isDirectory && !inode.isDirectory { throw .notDirectory }
        if !isDirectory && inode.isDirectory { throw .isDirectory }
        if inode.superblock !== place.directory.superblock { throw .busy }
        try place.directory.remove(place.name, inode)
        inode.lostName()
        place.directory.nameChanged(.delete, place.name, isDirectory: isDirectory)
        return 0
    }

    func remove(_ directory: UInt64, _ path: UInt64, flags: UInt64) throws(Errno) -> Int {
        guard flags & ~Self.removeDirectory == 0 else { throw .invalidArgument }
        return try remove(directory, path, isDirectory: flags & Self.removeDirectory != 0)
    }

    // MARK: Renaming

    private static let noReplace: UInt64 = 1
    private static let exchange: UInt64 = 2

    /// renameat2(2): old directory and path, new directory and path, RENAME_ flags.
    func rename(
        _ oldDirectory: UInt64, _ oldPath: UInt64, _ newDirectory: UInt64, _ newPath: UInt64, flags: UInt64
    ) throws(Errno) -> Int {
        guard flags & ~3 == 0, flags != 3 else { throw .invalidArgument }
        let from = try walk(oldDirectory, oldPath, followLast: false)
        let to = try walk(newDirectory, newPath, followLast: false)
        guard from.special == .name, to.special == .name else { throw .busy }
        guard let inode = from.inode else { throw .noSuchFile }
        let replaced = to.inode
        if flags & Self.noReplace != 0 && replaced != nil { throw .exists }
        if flags & Self.exchange != 0 && replaced == nil { throw .noSuchFile }
        guard from.directory.superblock === to.directory.superblock else { throw .crossDevice }
        if inode.superblock !== from.directory.superblock { throw .busy }
        if let replaced, replaced.superblock !== to.directory.superblock { throw .busy }
        if to.wantsDirectory && !inode.isDirectory { throw .notDirectory }
        try checkRename(inode, from.directory, replaced, to.directory, isExchange: flags & Self.exchange != 0)
        if inode === replaced { return 0 }
        try from.directory.move(
            from.name, inode, to: to.directory, as: to.name, replacing: replaced,
            exchange: flags & Self.exchange != 0)
        from.directory.nameMoved(inode, from.name, to: to.directory, to.name)
        if let replaced {
            if flags & Self.exchange != 0 {
                to.directory.nameMoved(replaced, to.name, to: from.directory, from.name)
            } else {
                replaced.lostName()
            }
        }
        return 0
    }

    private func checkRename(
        _ inode: Inode, _ from: Inode, _ replaced: Inode?, _ to: Inode, isExchange: Bool
    ) throws(Errno) {
        guard credentials.may([.write, .execute], from), credentials.may([.write, .execute], to) else {
            throw .accessDenied
        }
        guard credentials.mayRemove(inode, from: from) else { throw .notPermitted }
        if let replaced, !credentials.mayRemove(replaced, from: to) { throw .notPermitted }
        if inode.isDirectory && from !== to && !credentials.may(.write, inode) { throw .accessDenied }
        if inode.isDirectory, isInside(to, inode) { throw .invalidArgument }
        guard let replaced else { return }
        if isExchange {
            if replaced.isDirectory, isInside(from, replaced) { throw .invalidArgument }
        } else {
            if inode.isDirectory && !replaced.isDirectory { throw .notDirectory }
            if !inode.isDirectory && replaced.isDirectory { throw .isDirectory }
            if replaced.isDirectory, inode !== replaced, isInside(from, replaced) { throw .directoryNotEmpty }
        }
    }

    private func isInside(_ directory: Inode, _ ancestor: Inode) -> Bool {
        var at: Inode? = directory
        while let inode = at {
            if inode === ancestor { return true }
            at = inode.parent
        }
        return false
    }

    // MARK: Working directory and root

    private func enter(_ inode: Inode) throws(Errno) -> Inode {
        guard inode.isDirectory else { throw .notDirectory }
        guard credentials.may(.execute, inode) else { throw .accessDenied }
        return inode
    }

    func changeDirectory() throws(Errno) -> Int {
        let path = try path(at: arguments.a)
        context.workingDirectory = try enter(try FileSystem.lookup(path, in: context, as: credentials))
        return 0
    }

    func changeDirectoryToDescriptor() throws(Errno) -> Int {
        guard let inode = try anyFile(arguments.a).inode else { throw .notDirectory }
        context.workingDirectory = try enter(inode)
        return 0
    }

    func changeRoot() throws(Errno) -> Int {
        let path = try path(at: arguments.a)
        let inode = try enter(try FileSystem.lookup(path, in: context, as: credentials))
        guard credentials.has(.changeRoot) else { throw .notPermitted }
        context.root = inode
        return 0
    }

    /// getcwd(2): buffer, size. The result counts the NUL.
    func workingDirectoryPath() throws(Errno) -> Int {
        let directory = context.workingDirectory
        guard !directory.isUnlinked, var path = GuestKernel.path(of: directory, from: context.root) else {
            throw .noSuchFile
        }
        path.append(0)
        guard UInt64(path.count) <= arguments.b else { throw .outOfRange }
        try space.write(path, to: arguments.a)
        return path.count
    }
}
