import CLinux
import Glibc
import LinuxSystem
import SystemPackage

/// What a job may have left behind, as this process can see it.
enum Leftovers {
    /// How many descriptors this process has open.
    static func descriptors() -> Int {
        (try? listDirectory(Array("/proc/self/fd".utf8)).count) ?? 0
    }

    /// Whether a process that this one started is still there, as a zombie too.
    static func hasChildren() -> Bool { linux_has_children() != 0 }

    /// Control groups whose name says that they are ours. Other swiftlets of this host have theirs among them.
    static func groups() -> Set<[UInt8]> {
        var found: Set<[UInt8]> = []
        collect(Array("/sys/fs/cgroup".utf8), depth: 0, &found)
        return found
    }

    /// Those of `groups` that no process is in: nobody will take them away.
    static func abandoned(_ groups: Set<[UInt8]>) -> Set<[UInt8]> {
        groups.filter { group in
            guard
                let file = try? OwnedDescriptor.open(
                    path: group + Array("/cgroup.procs".utf8), flags: O_RDONLY),
                let bytes = try? file.borrowed.readAll(atMost: 64 * 1024)
            else { return false }
            return bytes.isEmpty
        }
    }

    /// Deeper than systemd's user sessions go.
    private static let maximumDepth = 10

    private static func collect(_ directory: [UInt8], depth: Int, _ found: inout Set<[UInt8]>) {
        guard depth < maximumDepth, let names = try? listDirectory(directory) else { return }
        for name in names {
            let path = directory + [UInt8(ascii: "/")] + name
            guard (try? PathStatus(of: path, followingLinks: false).kind) == .directory else { continue }
            if String(decoding: name, as: UTF8.self).contains("swiftlet") { found.insert(path) }
            collect(path, depth: depth + 1, &found)
        }
    }
}
