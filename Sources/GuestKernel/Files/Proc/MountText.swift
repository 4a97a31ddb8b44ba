/// What is mounted, as /proc/PID/mounts, mountinfo and mountstats show it.
enum MountText {
    private static let options: StaticString = "rw,noatime"

    static func table() -> [UInt8] {
        var text = Text()
        for mount in FileSystem.mounts {
            text.add(mount.typeName)
            text.add(" ")
            text.add(point(of: mount))
            text.add(" ")
            text.add(mount.typeName)
            text.add(" ")
            text.add(options)
            text.add(" 0 0\n")
        }
        return text.bytes
    }

    /// proc_pid_mountinfo(5): number, parent, device, root, mount point, options, -, type, source, options.
    static func information() -> [UInt8] {
        var text = Text()
        for (i, mount) in FileSystem.mounts.enumerated() {
            text.add(UInt64(i + 1))
            text.add(" ")
            text.add(parent(of: mount))
            text.add(" 0:")
            text.add(mount.device)
            text.add(" / ")
            text.add(point(of: mount))
            text.add(" ")
            text.add(options)
            text.add(" - ")
            text.add(mount.typeName)
            text.add(" ")
            text.add(mount.typeName)
            text.add(" rw\n")
        }
        return text.bytes
    }

    static func statistics() -> [UInt8] {
        var text = Text()
        for mount in FileSystem.mounts {
            text.add("device ")
            text.add(mount.typeName)
            text.add(" mounted on ")
            text.add(point(of: mount))
            text.add(" with fstype ")
            text.add(mount.typeName)
            text.add("\n")
        }
        return text.bytes
    }

    private static func point(of mount: Superblock) -> [UInt8] {
        guard let root = mount.root else { return Text.bytes("/") }
        return path(of: root, from: FileSystem.root) ?? Text.bytes("/")
    }

    /// The number of the mount that this one lies on; the root's is one nobody sees.
    private static func parent(of mount: Superblock) -> UInt64 {
        guard let below = mount.root?.parent?.superblock,
            let i = FileSystem.mounts.firstIndex(where: { $0 === below })
        else { return 0 }
        return UInt64(i + 1)
    }
}
