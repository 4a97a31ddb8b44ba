extension Credentials {
    /// What a process wants to do with an inode; the bits of one digit of a mode.
    struct Wish: OptionSet {
        let rawValue: UInt32
        static let read = Wish(rawValue: 4)
        static let write = Wish(rawValue: 2)
        static let execute = Wish(rawValue: 1)
    }

    func isMember(of group: UInt32) -> Bool { fileGroup == group || groups.contains(group) }

    /// The permission check of path_resolution(7). Who may override permissions may execute only what somebody may
    /// execute.
    func may(_ wish: Wish, _ inode: Inode) -> Bool {
        let owner = inode.ownership
        let shift: UInt32 = fileUser == owner.user ? 6 : isMember(of: owner.group) ? 3 : 0
        if owner.permissions >> shift & wish.rawValue == wish.rawValue { return true }
        if has(.overridePermissions) {
            return !wish.contains(.execute) || inode.isDirectory || owner.permissions & 0o111 != 0
        }
        return has(.readAndSearch) && (wish == .read || inode.isDirectory && !wish.contains(.write))
    }

    /// Whether this is the inode's owner or may act as it.
    func owns(_ inode: Inode) -> Bool { has(.actAsOwner) || fileUser == inode.ownership.user }

    /// Whether a name in `directory` may be taken from `inode`: write permission, and in a sticky directory
    /// the ownership of one of both.
    func mayRemove(_ inode: Inode, from directory: Inode) -> Bool {
        guard may([.write, .execute], directory) else { return false }
        return directory.ownership.permissions & 0o1000 == 0 || owns(directory) || owns(inode)
    }
}
