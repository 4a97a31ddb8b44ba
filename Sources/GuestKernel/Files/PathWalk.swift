/// Where a path has led (path_resolution(7)).
struct Place {
    /// The directory that holds, or would hold, the last component.
    var directory: Inode
    /// The last component; empty where the path ended in `/`, `.` or `..` or through a link of /proc.
    var name: [UInt8] = []
    /// How the last component ended, if it is no name of `directory`.
    var special = Special.name
    /// What is there, mounts and links followed; nil: nothing.
    var inode: Inode?
    /// Where a link of /proc led to an open file that has no inode.
    var file: File?
    /// The path ended in `/` behind a name.
    var wantsDirectory = false

    enum Special { case name, root, dot, dotDot }
}

/// How far a path may lead; RESOLVE_ of openat2(2).
struct WalkRestrictions: OptionSet {
    let rawValue: UInt32
    /// Not into another mounted file system.
    static let sameFileSystem = WalkRestrictions(rawValue: 0x01)
    /// Through no link of /proc that leads to an object instead of a path.
    static let noMagicLinks = WalkRestrictions(rawValue: 0x02)
    static let noSymbolicLinks = WalkRestrictions(rawValue: 0x04)
    /// Not out of the directory it starts from.
    static let beneath = WalkRestrictions(rawValue: 0x08)
    /// The directory it starts from is the root.
    static let inRoot = WalkRestrictions(rawValue: 0x10)
    /// Only if nothing has to be waited for; here hardly anything has.
    static let cached = WalkRestrictions(rawValue: 0x20)
    static let all = WalkRestrictions(rawValue: 0x3F)
}

/// Path resolution.
struct PathWalk {
    /// PATH_MAX, with its NUL.
    static let pathMaximum = 4096
    static let nameMaximum = 255
    private static let linksMaximum = 40

    let context: FileSystemContext
    let credentials: Credentials
    let restrictions: WalkRestrictions
    private var links = 0
    /// Where `..` ends and an absolute link begins.
    private var root: Inode

    init(
        _ context: FileSystemContext, _ credentials: Credentials, restrictions: WalkRestrictions = []
    ) {
        self.context = context
        self.credentials = credentials
        self.restrictions = restrictions
        root = context.root
    }

    /// Follows `path` from `start`, or from the root if it is absolute.
    /// - Parameter followLast: whether a symbolic link in the last place is followed (one before a `/` always
    ///   is).
    /// - Throws: `.noSuchFile` if the path is empty or a directory on the way is not there, `.notDirectory`,
    ///   `.accessDenied`, `.tooManySymbolicLinks`, `.nameTooLong`, or what a device throws.
    mutating func walk(_ path: [UInt8], from start: Inode, followLast: Bool) throws(Errno) -> Place {
        if path.isEmpty { throw .noSuchFile }
        let slash = UInt8(ascii: "/")
        var rest = path[...]
        if restrictions.contains(.inRoot) { root = start }
        var directory = rest[0] == slash ? try absoluteStart() : start
        while true {
            rest = rest.drop { $0 == slash }
            guard let first = rest.first else {
                return Place(directory: directory, special: .root, inode: directory)
            }
            let end = rest.firstIndex(of: slash) ?? rest.endIndex
            let name = rest[rest.startIndex..<end]
            rest = rest[end...]
            let wantsDirectory = !rest.isEmpty
            let isLast = rest.allSatisfy { $0 == slash }
            guard name.count <= Self.nameMaximum else { throw .nameTooLong }
            try requireSearchable(directory)

            if first == UInt8(ascii: "."), name.count == 1 {
                if isLast { return Place(directory: directory, special: .dot, inode: directory) }
                continue
            }
            if first == UInt8(ascii: "."), name.count == 2, name[name.startIndex + 1] == first {
                if restrictions.contains(.beneath), directory === start { throw .crossDevice }
                directory = try parent(of: directory)
                if isLast { return Place(directory: directory, special: .dotDot, inode: directory) }
                continue
            }
            guard var found = try directory.find(name) else {
                guard isLast else { throw .noSuchFile }
                return Place(directory: directory, name: Array(name), wantsDirectory: wantsDirectory)
            }
            while let top = found.mounted {
                if restrictions.contains(.sameFileSystem) { throw .crossDevice }
                found = top
            }
            if found.type == .symbolicLink, followLast || wantsDirectory {
                switch try follow(found) {
                case .path(let target):
                    if target.isEmpty { throw .noSuchFile }
                    guard target.count + rest.count < 2 * Self.pathMaximum else { throw .nameTooLong }
                    if target[0] == slash { directory = try absoluteStart() }
                    rest = (target + rest)[...]
                    continue
                case .inode(let target):
                    found = target
                    if isLast {
                        return Place(
                            directory: directory, special: .root, inode: try checked(found, wantsDirectory))
                    }
                case .file(let file):
                    guard isLast, !wantsDirectory else { throw .notDirectory }
                    return Place(directory: directory, special: .root, file: file)
                }
            }
            if isLast {
                return Place(
                    directory: directory, name: Array(name), inode: try checked(found, wantsDirectory),
                    wantsDirectory: wantsDirectory)
            }
            directory = found
        }
    }

    private mutating func follow(_ link: Inode) throws(Errno) -> LinkTarget {
        links += 1
        if links > Self.linksMaximum || restrictions.contains(.noSymbolicLinks) {
            throw .tooManySymbolicLinks
        }
        let target = try link.linkTarget()
        if case .path = target { return target }
        if restrictions.contains(.noMagicLinks) { throw .tooManySymbolicLinks }
        if !restrictions.isDisjoint(with: [.beneath, .inRoot]) { throw .crossDevice }
        return target
    }

    private func absoluteStart() throws(Errno) -> Inode {
        if restrictions.contains(.beneath) { throw .crossDevice }
        return root
    }

    private func checked(_ inode: Inode, _ wantsDirectory: Bool) throws(Errno) -> Inode {
        if wantsDirectory && !inode.isDirectory { throw .notDirectory }
        return inode
    }

    private func requireSearchable(_ inode: Inode) throws(Errno) {
        guard inode.isDirectory else { throw .notDirectory }
        guard credentials.may(.execute, inode) else { throw .accessDenied }
    }

    /// `..`: the root's is the root itself.
    private func parent(of directory: Inode) throws(Errno) -> Inode {
        guard directory !== root, let parent = directory.parent else { return directory }
        if restrictions.contains(.sameFileSystem), parent.superblock !== directory.superblock {
            throw .crossDevice
        }
        return parent
    }
}

/// The path of an inode as a process with root `root` sees it.
/// - Returns: nil if the inode has no name, or none below that root.
func path(of inode: Inode, from root: Inode) -> [UInt8]? {
    if inode === root { return [UInt8(ascii: "/")] }
    var names: [[UInt8]] = []
    var at = inode
    while at !== root {
        guard let parent = at.parent, names.count < PathWalk.pathMaximum else { return nil }
        names.append(at.name)
        at = parent
    }
    var result: [UInt8] = []
    for name in names.reversed() {
        result.append(UInt8(ascii: "/"))
        result.append(contentsOf: name)
    }
    return result
}
