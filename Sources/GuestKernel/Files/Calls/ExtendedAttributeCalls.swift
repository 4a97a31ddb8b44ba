/// setxattr(2), getxattr(2), listxattr(2), removexattr(2) and their `l` and `f` forms.
extension FileCall {
    /// Whose business a name is, by its first part; decides who may do what (xattr(7)).
    private enum NameSpace {
        case user, trusted, security

        /// - Throws: `.notSupported` for `system.` (there are no access control lists) and names of nobody's.
        init(of name: [UInt8]) throws(Errno) {
            let known: [(StaticString, NameSpace)] = [
                ("user.", .user), ("trusted.", .trusted), ("security.", .security),
            ]
            for (prefix, space) in known {
                let length = prefix.utf8CodeUnitCount
                guard name.count >= length, name[0..<length].equals(prefix) else { continue }
                if name.count == length { throw .invalidArgument }
                self = space
                return
            }
            throw .notSupported
        }
    }

    /// What the last step of a path leads to.
    enum AttributeTarget { case path, link, descriptor }

    private func attributeInode(_ kind: AttributeTarget) throws(Errno) -> Inode {
        let here = UInt64(bitPattern: Int64(Self.workingDirectory))
        switch kind {
        case .path: return try inode(here, arguments.a, flags: 0)
        case .link: return try inode(here, arguments.a, flags: Self.noFollow)
        case .descriptor:
            guard let inode = try file(arguments.a).inode else { throw .notSupported }
            return inode
        }
    }

    private func attributeName() throws(Errno) -> [UInt8] {
        let name: [UInt8]
        do throws(Errno) {
            name = try space.string(at: arguments.b, limit: ExtendedAttributes.nameMaximum + 1)
        } catch {
            throw error == .nameTooLong ? .outOfRange : error
        }
        if name.isEmpty { throw .outOfRange }
        return name
    }

    /// - Throws: why this caller may not have `wish` of an attribute in that name space.
    private func requireAccess(
        _ wish: Credentials.Wish, _ space: NameSpace, _ inode: Inode
    ) throws(Errno) {
        let isWriting = wish.contains(.write)
        switch space {
        case .trusted:
            if !credentials.has(.administer) { throw isWriting ? .notPermitted : .noData }
        case .security:
            if isWriting && !credentials.has(.administer) { throw .notPermitted }
        case .user:
            // Modes of other kinds of inodes say nothing about data of a user's.
            guard inode.type == .regular || inode.isDirectory else {
                throw isWriting ? .notPermitted : .noData
            }
            let isSticky = inode.isDirectory && inode.ownership.permissions & 0o1000 != 0
            if isWriting && isSticky && !credentials.owns(inode) { throw .notPermitted }
            guard credentials.may(wish, inode) else { throw .accessDenied }
        }
    }

    /// setxattr(2): target, name, value, size, flags (XATTR_CREATE 1, XATTR_REPLACE 2).
    func setAttribute(_ kind: AttributeTarget) throws(Errno) -> Int {
        guard arguments.e & ~3 == 0 else { throw .invalidArgument }
        let name = try attributeName()
        guard arguments.d <= UInt64(ExtendedAttributes.valueMaximum) else { throw .argumentListTooLong }
        // BOUNDED: by valueMaximum, just before.
        let value = try space.read(from: arguments.c, count: Int(arguments.d))
        let inode = try attributeInode(kind)
        try requireAccess(.write, try NameSpace(of: name), inode)
        guard let attributes = try inode.extendedAttributes(create: true) else { throw .notSupported }
        try attributes.set(
            name, value, mustBeNew: arguments.e & 1 != 0, mustExist: arguments.e & 2 != 0)
        try inode.change(AttributeChange())
        return 0
    }

    /// getxattr(2): target, name, value, size. Of size 0 it only says how long the value is.
    func getAttribute(_ kind: AttributeTarget) throws(Errno) -> Int {
        let name = try attributeName()
        let inode = try attributeInode(kind)
        try requireAccess(.read, try NameSpace(of: name), inode)
        guard let value = try inode.extendedAttributes(create: false)?.value(of: name) else {
            throw .noData
        }
        return try giveBytes(value, to: arguments.c, size: arguments.d)
    }

    /// listxattr(2): target, list, size.
    func listAttributes(_ kind: AttributeTarget) throws(Errno) -> Int {
        let inode = try attributeInode(kind)
        var list: [UInt8] = []
        if let attributes = try? inode.extendedAttributes(create: false) {
            for name in attributes.names {
                if !credentials.has(.administer), case .trusted? = try? NameSpace(of: name) { continue }
                list += name
                list.append(0)
            }
        }
        return try giveBytes(list, to: arguments.b, size: arguments.c)
    }

    func removeAttribute(_ kind: AttributeTarget) throws(Errno) -> Int {
        let name = try attributeName()
        let inode = try attributeInode(kind)
        try requireAccess(.write, try NameSpace(of: name), inode)
        guard let attributes = try inode.extendedAttributes(create: false) else { throw .noData }
        try attributes.remove(name)
        try inode.change(AttributeChange())
        return 0
    }

    private func giveBytes(_ bytes: [UInt8], to address: UInt64, size: UInt64) throws(Errno) -> Int {
        if size == 0 { return bytes.count }
        guard UInt64(bytes.count) <= size else { throw .outOfRange }
        try space.write(bytes, to: address)
        return bytes.count
    }
}
