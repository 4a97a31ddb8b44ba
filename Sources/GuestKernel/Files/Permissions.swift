extension Credentials {
    /// What a process wants to do with an inode; the bits of one digit of a mode.
    struct Wish: OptionSet {
        let rawValue: UInt32
        static let read = Wish(rawValue: 4)
        static let write = Wish(rawValue: 2)
        static let execute = Wish(rawValue: 1)
    }

    func isMember(of group: UInt32) -> Bool { effectiveGroup == group || groups.contains(group) }

    /// The permission check of path_resolution(7). The superuser may all, but execute only what somebody may
    /// execute.
    func may(_ wish: Wish, _ inode: Inode) -> Bool {
        let owner = inode.ownership
        if isPrivileged {
            return !wish.contains(.execute) || inode.isDirectory || owner.permissions & 0o111 != 0
        }
        let shift: UInt32 = effectiveUser == owner.user ? 6 : isMember(of: owner.group) ? 3 : 0
        return owner.permissions >> shift & wish.rawValue == wish.rawValue
    }

    /// Whether this is the inode's owner or the superuser.
    func owns(_ inode: Inode) -> Bool { isPrivileged || effectiveUser == inode.ownership.user }

    /// Whether a name in `directory` may be taken from `inode`: write permission, and in a sticky directory
    /// the ownership of one of both.
    func mayRemove(_ inode: Inode, from directory: Inode) -> Bool {
        guard may([.write, .execute], directory) else { return false }
        return directory.ownership.permissions & 0o1000 == 0 || owns(directory) || owns(inode)
    }

    /// The same person as access(2) sees it: with the real identities.
    var real: Credentials {
        var real = self
        real.effectiveUser = user
        real.effectiveGroup = group
        return real
    }
}
