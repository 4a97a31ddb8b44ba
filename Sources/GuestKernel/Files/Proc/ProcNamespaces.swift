/// /proc/PID/ns: the namespaces, of which there is one of each kind, everybody's. Their numbers are those of Linux's first
/// ones, which are part of its ABI (PROC_*_INIT_INO).
final class ProcNamespaces: ProcDirectory {
    private static let kinds: [(name: StaticString, type: StaticString, number: UInt64)] = [
        ("cgroup", "cgroup", 0xEFFF_FFFB), ("ipc", "ipc", 0xEFFF_FFFF), ("mnt", "mnt", 0xEFFF_FFF8),
        ("net", "net", 0xEFFF_FFF9), ("pid", "pid", 0xEFFF_FFFC), ("pid_for_children", "pid", 0xEFFF_FFFC),
        ("time", "time", 0xEFFF_FFFA), ("time_for_children", "time", 0xEFFF_FFFA),
        ("user", "user", 0xEFFF_FFFD), ("uts", "uts", 0xEFFF_FFFE),
    ]
    private let system: Superblock

    init(_ system: Superblock, number: UInt64, _ owner: Ownership) {
        self.system = system
        super.init(system, number: number, .directory, owner)
    }

    override var names: [StaticString] { Self.kinds.map { $0.name } }

    override func make(_ name: ArraySlice<UInt8>) throws(Errno) -> ProcInode? {
        guard let i = Self.kinds.firstIndex(where: { name.equals($0.name) }) else { return nil }
        let kind = Self.kinds[i]
        return ProcLink(
            system, number: number << 8 | UInt64(i), Ownership(permissions: 0o777, user: 0, group: 0),
            target: { () throws(Errno) -> LinkTarget in .inode(Namespace(kind.number)) },
            { (_) throws(Errno) -> [UInt8] in
                var text = Text(kind.type)
                text.add(":[")
                text.add(kind.number)
                text.add("]")
                return text.bytes
            })
    }
}

/// What a link of /proc/PID/ns leads to: good for comparing, by device and number.
private final class Namespace: Inode {
    private let number: UInt64

    init(_ number: UInt64) {
        self.number = number
        super.init(type: .regular)
    }

    override var ownership: Ownership { Ownership(permissions: 0o444, user: 0, group: 0) }
    override func status() throws(Errno) -> FileStatus {
        FileStatus(device: 3, inode: number, type: .regular, permissions: 0o444)
    }
    override func open(flags: UInt32) throws(Errno) -> File {
        guard flags & OpenFlags.accessMode == 0 else { throw .notPermitted }
        return NamespaceFile(self, flags: flags)
    }
}

private final class NamespaceFile: File {
    private let namespace: Namespace

    init(_ namespace: Namespace, flags: UInt32) {
        self.namespace = namespace
        super.init(flags: flags)
    }

    override var inode: Inode? { namespace }
}
